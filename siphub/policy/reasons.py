"""Every reason why something is refused, withheld or held: its code, its guard, and a sentence a coordinator understands.

The codes are stable and documented; the sentences carry no personal data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason. `guard` is the guard of LIFECYCLE section 3 it comes from, where there is one."""

    en: str
    sv: str
    guard: str | None = None


REASONS: Mapping[str, Reason] = MappingProxyType(
    {
        "basis.consent_missing": Reason("No consent names this party.", "Inget samtycke omfattar denna mottagare.", "G1"),
        "basis.scope_missing": Reason(
            "The consent does not cover this kind of message.", "Samtycket omfattar inte denna typ av meddelande.", "G1"
        ),
        "basis.direction_missing": Reason("The consent does not cover this direction.", "Samtycket gäller inte i denna riktning.", "G1"),
        "basis.consent_expired": Reason("The consent has run out.", "Samtycket har gått ut.", "G1"),
        "basis.none": Reason(
            "No lawful basis allows this message to this kind of recipient.",
            "Ingen rättslig grund tillåter detta till denna mottagare.",
            "G1",
        ),
        "basis.not_allowed": Reason(
            "The basis stated does not hold for this message and recipient.",
            "Den angivna grunden gäller inte för detta meddelande och denna mottagare.",
            "G1",
        ),
        "basis.exception_off": Reason(
            "The sending organisation has not switched this exception on: ask its administrator, or state another basis.",
            "Den avsändande organisationen har inte slagit på detta undantag: fråga dess administratör eller ange en annan grund.",
            "G1",
        ),
        "participant.not_approved": Reason(
            "The individual has not chosen this participant.", "Den enskilde har inte godkänt denna deltagare.", "G2"
        ),
        "recall.never_sent": Reason(
            "Nothing was ever sent there, so there is nothing to call back.", "Inget har skickats dit, så det finns inget att återkalla."
        ),
        "withdrawn": Reason("The individual has taken back what allowed it.", "Den enskilde har tagit tillbaka det som tillät detta."),
        "superseded": Reason(
            "A later version took its place before it was sent.", "En senare version ersatte den innan den skickades.", "G7"
        ),
        "protected.not_cleared": Reason(
            "The person is protected and this recipient is not cleared: phone instead.",
            "Personen har skyddade uppgifter och mottagaren är inte godkänd för dem: ring i stället.",
            "G10",
        ),
        "recipient.unknown": Reason("The directory does not know this unit.", "Katalogen känner inte till enheten."),
        "address.none": Reason("The directory has no address for this unit.", "Katalogen saknar adress till enheten."),
        "address.unit_changed": Reason("The address belongs to another unit today.", "Adressen hör i dag till en annan enhet."),
        "unit.closed": Reason(
            "The unit is closed and nobody in its organisation has taken over: find out who has, and phone.",
            "Enheten är nedlagd och ingen i dess organisation har tagit över: ta reda på vem som har det och ring.",
        ),
        "unit.moved_organisation": Reason(
            "Another organisation has taken over the unit's work: the individual must be asked before anything is sent there.",
            "En annan organisation har tagit över enhetens uppdrag: fråga den enskilde innan något skickas dit.",
            "G1",
        ),
        "adapter.not_enabled": Reason("The adapter of this address is not enabled here.", "Adaptern för adressen är inte påslagen här."),
        "objection": Reason("A plugin objects.", "Ett insticksprogram har invänt."),
        "send.uncertain": Reason(
            "It may or may not have arrived, and the partner cannot say: a person must ask.",
            "Det är oklart om det kom fram och mottagaren kan inte svara: någon måste fråga.",
        ),
        "send.changed": Reason(
            "The translation has changed since an attempt whose end is not known.",
            "Översättningen har ändrats sedan ett försök vars utgång är okänd.",
        ),
        "send.leases": Reason("Three attempts ended without a word.", "Tre försök har avbrutits utan besked."),
        "message.erased": Reason("Its content has been erased.", "Innehållet är gallrat."),
        "message.gone": Reason("The message is not kept any more.", "Meddelandet finns inte kvar."),
        "retention.open": Reason("The case is not over.", "Ärendet är inte avslutat."),
        "retention.no_decision": Reason(
            "Its owner has not said by which decision it is erased.", "Den som äger ärendet har inte angett något gallringsbeslut."
        ),
        "retention.not_yet": Reason("It has not been over for long enough.", "Ärendet har inte varit avslutat tillräckligt länge."),
        "retention.on_its_way": Reason("Something of it is still on its way.", "Något i ärendet är fortfarande på väg."),
        "retention.unconfirmed": Reason(
            "A journal or registry has not confirmed its copy.", "En journal eller ett diarium har inte bekräftat sin kopia."
        ),
        "plugin.failed": Reason("The plugin for this address failed.", "Insticksprogrammet för adressen fungerade inte."),
        "address.letters_none": Reason(
            "The owner of the case has no outbox for letters in the directory: print the letter and hand it over.",
            "Ärendets ägare har ingen brevlåda för utskick i katalogen: skriv ut brevet och lämna över det.",
        ),
        "person.not_in_case": Reason(
            "The case does not know this person, or the individual has objected to them.",
            "Personen finns inte i ärendet, eller så har den enskilde motsatt sig det.",
            "G2",
        ),
        "misdirected": Reason("It came to the wrong place.", "Det kom till fel mottagare."),
        "operator.hold": Reason("An operator has stopped it for now.", "En operatör har stoppat det tills vidare."),
        "operator.release": Reason("An operator has let it go on.", "En operatör har släppt det."),
        "operator.retry": Reason("An operator has asked for another try.", "En operatör har begärt ett nytt försök."),
        "operator.handled": Reason("A person has seen to it in another way.", "Någon har ordnat det på annat sätt."),
        "mapping.broken": Reason("The message could not be translated.", "Meddelandet kunde inte översättas."),
        "payload.too_large": Reason("The message is larger than the partner takes.", "Meddelandet är större än mottagaren tar emot."),
        "retry.exhausted": Reason("The partner did not take it in all the time given.", "Mottagaren tog inte emot det inom utsatt tid."),
        "message.expired": Reason("It was not sent before it expired.", "Det hann gå ut innan det skickades."),
        "sender.not_yours": Reason("You may not send as this unit.", "Du får inte skicka som denna enhet.", "G13"),
        "sender.role": Reason(
            "This unit may not send this kind of message in this case.", "Enheten får inte skicka denna typ av meddelande i ärendet.", "G14"
        ),
        "case.not_there": Reason("There is no such case here.", "Ärendet finns inte här.", "G15"),
        "case.owner": Reason(
            "A case is opened with its own municipality or region as owner.",
            "Ett ärende öppnas med sin egen kommun eller region som ägare.",
            "G15",
        ),
        "case.wrong_state": Reason("The case is not in a state that allows this.", "Ärendet är inte i ett läge som tillåter detta."),
        "need.binding": Reason(
            "A plan has been found needed, and that binds both; the case can be closed instead.",
            "Behovet av en plan är fastställt, och det binder båda; ärendet kan i stället avslutas.",
        ),
        "identity.wrong_mode": Reason(
            "A test hub takes test persons only, a hub in production real ones only.",
            "En testhub tar bara testpersoner, en hub i drift bara verkliga personer.",
        ),
        "plan.no_consent": Reason("The individual has not consented to a plan.", "Den enskilde har inte samtyckt till en plan.", "G1"),
        "plan.not_coordinator": Reason("Only the coordinator's unit may do this.", "Bara samordnarens enhet får göra detta.", "G6"),
        "plan.coordinator_missing": Reason(
            "An established plan names a coordinator at a region or municipality and a date for follow-up.",
            "En upprättad plan har en samordnare i kommun eller region och ett datum för uppföljning.",
            "G3",
        ),
        "plan.commitments_missing": Reason(
            "Not every unit has confirmed its part of this version as it stands.",
            "Alla enheter har inte bekräftat sin del av versionen som den nu lyder.",
        ),
        "plan.responsible": Reason(
            "Each activity has somebody who answers for it, and that is what the plan says it is.",
            "Varje insats har någon som ansvarar för den, och det är den sorts aktör som planen anger.",
            "G3",
        ),
        "plan.goals_missing": Reason("An established plan names its goals.", "En upprättad plan anger sina mål.", "G3"),
        "plan.needs_missing": Reason("An established plan says what is needed.", "En upprättad plan anger behoven.", "G3"),
        "coordinator.not_principal": Reason(
            "A coordinator works in a region or municipality.", "En samordnare arbetar i en region eller kommun.", "G3"
        ),
        "forward.other_organisation": Reason(
            "A message can only be taken over by another unit of the same organisation.",
            "Ett meddelande kan bara tas över av en annan enhet i samma organisation.",
        ),
        "discharge.none": Reason(
            "There is no discharge from hospital in this case that this could belong to.",
            "Det finns ingen pågående utskrivning i ärendet som detta kan höra till.",
        ),
        "discharge.no_such_notice": Reason(
            "This is not the notice that is in force: look up its id.", "Detta är inte den gällande underrättelsen: kontrollera dess id."
        ),
        "discharge.not_care_contact": Reason(
            "At a discharge the fast vårdkontakt's unit, in open care that the region pays for, calls to the planning.",
            "Vid utskrivning är det den fasta vårdkontaktens enhet i regionfinansierad öppenvård som kallar till planeringen.",
            "G16",
        ),
        "discharge.care_contact_absent": Reason(
            "When municipal health care is needed, the fast vårdkontakt's unit takes part itself.",
            "När kommunal hälso- och sjukvård behövs deltar den fasta vårdkontaktens enhet själv.",
            "G16",
        ),
        "plan.coordinator_outside": Reason(
            "The coordinator's unit does not take part in this case.", "Samordnarens enhet deltar inte i ärendet.", "G6"
        ),
        "plan.overall_responsible": Reason(
            "The plan names one region or municipality of the directory with the overall responsibility.",
            "Planen anger en region eller kommun ur katalogen som har det övergripande ansvaret.",
            "G3",
        ),
        "plan.activity_unknown": Reason("The plan does not give this unit that activity.", "Planen ger inte enheten den insatsen.", "G14"),
        "meeting.absence_not_consented": Reason(
            "The individual has not consented to a meeting without them.",
            "Den enskilde har inte samtyckt till ett möte i sin frånvaro.",
            "G5",
        ),
        "meeting.not_convener": Reason(
            "Only the unit that called the meeting may do this.", "Bara den enhet som kallade får göra detta.", "G14"
        ),
        "meeting.another_planned": Reason(
            "Another meeting is planned in this case: move it or call it off first.",
            "Ett annat möte är redan planerat i ärendet: boka om eller av det först.",
        ),
        "duty.basis_not_in_force": Reason(
            "The section the duty rests on is not law on the day of the meeting: name the one that is.",
            "Den paragraf som skyldigheten grundas på gäller inte den dag mötet hålls: ange den som gäller.",
        ),
        "duty.agreement_unknown": Reason("The directory knows no such agreement.", "Katalogen känner inte till överenskommelsen."),
        "duty.agreement_not_in_force": Reason(
            "The agreement is not in force on the day of the meeting.", "Överenskommelsen gäller inte den dag mötet hålls."
        ),
        "message.out_of_order": Reason("The version does not follow the current one.", "Versionen följer inte på den nuvarande."),
        "consent.unable": Reason(
            "A person who cannot take a position has not consented: choose a lawful ground.",
            "En person som inte kan ta ställning har inte samtyckt: välj grund.",
        ),
        "consent.relative": Reason(
            "A relative cannot consent for somebody else: choose a lawful ground, or another basis than consent.",
            "En närstående kan inte samtycka för någon annan: välj en laglig grund, eller en annan grund än samtycke.",
        ),
        "consent.ground_missing": Reason(
            "State on which ground this is a consent: for a child that is both guardians, unless another ground is at hand.",
            "Ange på vilken grund samtycket lämnas: för ett barn båda vårdnadshavarna, om inte en annan grund finns.",
        ),
        "consent.ground_wrong": Reason(
            "This ground, or what is said with it, does not fit who gave the consent: state the ground that does.",
            "Grunden, eller det som anges med den, passar inte den som lämnat samtycket: ange den grund som gör det.",
        ),
        "consent.ground_incomplete": Reason(
            "The ground needs more to be said with it: fill in the field that is pointed at.",
            "Grunden kräver en uppgift till: fyll i det fält som pekas ut.",
        ),
        "consent.ground_age": Reason(
            "This ground is for younger children: choose the one for the child's age.",
            "Grunden gäller yngre barn: välj den som gäller för barnets ålder.",
        ),
        "consent.too_young": Reason(
            "The child is too young to consent on this ground: ask the guardians.",
            "Barnet är för ungt för att samtycka på denna grund: fråga vårdnadshavarna.",
        ),
        "consent.not_a_child": Reason(
            "The individual is of age and consents for themself, or through a mandate.",
            "Den enskilde är myndig och samtycker själv, eller genom ett uppdrag.",
        ),
        "consent.not_an_adult": Reason(
            "The individual is not of age: state the ground for a child.",
            "Den enskilde är inte myndig: ange grunden för ett barn.",
        ),
        "consent.guardian_missing": Reason(
            "Both guardians must say yes: ask the other one, or state why that one is not needed.",
            "Båda vårdnadshavarna måste säga ja: fråga den andra, eller ange varför den inte behövs.",
        ),
        "consent.guardian_unknown": Reason(
            "Somebody named is not known as a guardian of this child: register the guardians first.",
            "Någon som anges är inte känd som barnets vårdnadshavare: registrera vårdnadshavarna först.",
        ),
        "consent.ground_parties": Reason(
            "On this ground the consent covers the municipality's own units alone: take the other parties out.",
            "På denna grund gäller samtycket bara kommunens egna enheter: ta bort övriga mottagare.",
        ),
        "consent.placement": Reason(
            "A child's own consent is never enough for a placement: ask the guardians.",
            "Barnets eget samtycke räcker aldrig för en placering: fråga vårdnadshavarna.",
        ),
        "consent.own_side": Reason(
            "The individual, guardians and representatives need no consent to read what is theirs: name units and relatives.",
            "Den enskilde, vårdnadshavare och ställföreträdare behöver inget samtycke för sitt eget: ange enheter och närstående.",
        ),
        "consent.relative_objected": Reason(
            "The individual does not want this relative to be told: ask the individual before it is changed.",
            "Den enskilde vill inte att denna närstående får veta något: fråga den enskilde innan det ändras.",
        ),
        "consent.nothing_to_amend": Reason(
            "There is no consent to add to: record a consent that is given.",
            "Det finns inget samtycke att utvidga: registrera ett givet samtycke.",
        ),
        "consent.organisation": Reason(
            "A consent names units; an organisation only where it is a state agency.",
            "Ett samtycke gäller enheter; en hel organisation bara när den är en statlig myndighet.",
        ),
    }
)
