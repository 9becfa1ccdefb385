"""Every reason why something is refused, withheld or held: its code, its guard, and a sentence a coordinator understands.

The codes are stable and documented. A sentence says what happened and what to do next, in words of care: whoever reads it has never seen
the system, so it names no part of it. The sentences carry no personal data.
"""

from __future__ import annotations

import re
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
        # What the individual, or the law, has not allowed.
        "basis.consent_missing": Reason(
            "The individual has not consented to this recipient being told: ask the individual, register the answer, and send again.",
            "Den enskilde har inte samtyckt till att mottagaren får veta något: fråga den enskilde, registrera svaret och skicka igen.",
            "G1",
        ),
        "basis.scope_missing": Reason(
            "The individual's consent does not cover this kind of information to this recipient: ask whether it may be widened, then send again.",
            "Samtycket omfattar inte den här sortens uppgifter till mottagaren: fråga den enskilde om det får utvidgas och skicka sedan igen.",
            "G1",
        ),
        "basis.direction_missing": Reason(
            "The consent only lets information go the other way between you and this party: ask the individual whether it may go both ways.",
            "Samtycket tillåter bara att uppgifter går åt andra hållet mellan er: fråga den enskilde om de får gå åt båda hållen.",
            "G1",
        ),
        "basis.consent_expired": Reason(
            "The individual's consent has run out: ask for a new one before you send again.",
            "Den enskildes samtycke har gått ut: be om ett nytt innan du skickar igen.",
            "G1",
        ),
        "basis.none": Reason(
            "This kind of message may not go to this kind of recipient: check that you have chosen the right recipient.",
            "Den här sortens meddelande får inte gå till den här sortens mottagare: kontrollera att du har valt rätt mottagare.",
            "G1",
        ),
        "basis.not_allowed": Reason(
            "The legal ground you stated does not apply to this message and recipient: ask the individual for consent, or state another ground.",
            "Den rättsliga grund du angett gäller inte för meddelandet och mottagaren: be den enskilde om samtycke eller ange en annan grund.",
            "G1",
        ),
        "basis.exception_off": Reason(
            "Your organisation has not switched on the exception you stated as ground: ask your system administrator, or state another ground.",
            "Er organisation har inte slagit på det undantag du angett som grund: fråga systemförvaltaren eller ange en annan grund.",
            "G1",
        ),
        "participant.not_approved": Reason(
            "The individual has not chosen this participant: ask the individual whether they should take part.",
            "Den enskilde har inte valt att den här deltagaren ska vara med: fråga den enskilde om den ska delta.",
            "G2",
        ),
        "subject.not_told": Reason(
            "You have not been told here whom this is about, so a message that names somebody is not taken: send it without the person's name and number.",
            "Ni har inte fått veta här vem det gäller, så ett meddelande som namnger någon tas inte emot: skicka det utan personens namn och nummer.",
            "G15",
        ),
        "error.consent": Reason(
            "A consent that was registered in error is not undone by calling its message back: take the consent back, so that what it allowed stops.",
            "Ett samtycke som registrerats av misstag tas inte bort genom att meddelandet återkallas: återkalla samtycket, så stoppas det som det tillät.",
            "G14",
        ),
        "person.not_in_case": Reason(
            "This person is not registered in the case, is no guardian any more, or is not to be told by the individual's wish: ask the individual.",
            "Personen finns inte i ärendet, är inte längre vårdnadshavare eller ska enligt den enskilde inte få veta något: fråga den enskilde.",
            "G2",
        ),
        "withdrawn": Reason(
            "The individual has taken back their consent, so this was stopped: talk to the individual before anything more is sent.",
            "Den enskilde har tagit tillbaka sitt samtycke och därför stoppades detta: tala med den enskilde innan något mer skickas.",
        ),
        "objection": Reason(
            "An extra check in the system has stopped this: ask your system administrator why.",
            "En extra kontroll i systemet har stoppat detta: fråga systemförvaltaren varför.",
        ),
        "protected.not_cleared": Reason(
            "The person has protected personal data and this recipient may not get it this way: phone the recipient instead.",
            "Personen har skyddade personuppgifter och mottagaren får inte ta emot dem den här vägen: ring mottagaren i stället.",
            "G10",
        ),
        "protected.staff_no_switchboard": Reason(
            "A member of staff has protected identity and the address book has no switchboard to give instead: ask your system administrator "
            "to add one, then let it go on.",
            "En medarbetare har skyddade personuppgifter och adressboken saknar ett växelnummer att lämna i stället: be systemförvaltaren "
            "lägga till det och släpp det sedan.",
            "G10",
        ),
        # What is not sent because something else came between.
        "superseded": Reason(
            "A newer version took its place, or the case ended, before it was sent: you need not do anything.",
            "En nyare version ersatte det, eller ärendet avslutades, innan det skickades: du behöver inte göra något.",
            "G7",
        ),
        "recall.never_sent": Reason(
            "Nothing about this was ever sent there, so there is nothing to call back and nothing you need to do.",
            "Inget om detta har skickats dit, så det finns inget att återkalla och inget du behöver göra.",
            "G12",
        ),
        "message.expired": Reason(
            "The last time for sending this passed before it could be sent: check whether it is still needed, and phone if it is.",
            "Sista tiden för att skicka detta gick ut innan det hann skickas: kontrollera om det fortfarande behövs och ring i så fall.",
        ),
        "message.gone": Reason(
            "The message is no longer kept and cannot be sent: write a new one if it is still needed.",
            "Meddelandet finns inte kvar och kan inte skickas: skriv ett nytt om det fortfarande behövs.",
        ),
        # Where it was to go.
        "message.erased": Reason(
            "The content has been erased by decision and cannot be read here any more: look in the record where it was kept.",
            "Innehållet är gallrat enligt beslut och kan inte läsas här längre: se efter i journalen eller akten.",
        ),
        "retention.open": Reason(
            "The case is not closed, so nothing in it is erased: close it first.",
            "Ärendet är inte avslutat och därför gallras inget i det: avsluta det först.",
        ),
        "retention.no_decision": Reason(
            "The organisation that owns the case has stated no decision on erasing: ask your system administrator to state it.",
            "Organisationen som äger ärendet har inte angett något gallringsbeslut: be systemförvaltaren ange det.",
        ),
        "retention.not_yet": Reason(
            "The case has not been closed for long enough to be erased: you need not do anything.",
            "Ärendet har inte varit avslutat tillräckligt länge för att gallras: du behöver inte göra något.",
        ),
        "retention.on_its_way": Reason(
            "Something in the case is still on its way, so it is not erased yet: wait for it, or settle what is stuck.",
            "Något i ärendet är fortfarande på väg och därför gallras det inte ännu: vänta in det eller red ut det som har fastnat.",
        ),
        "retention.unconfirmed": Reason(
            "The record or registry has not confirmed its copy, so nothing is erased: ask whoever keeps it to confirm.",
            "Journalen eller diariet har inte bekräftat sin kopia och därför gallras inget: be den som för det att bekräfta.",
        ),
        "recipient.unknown": Reason(
            "This unit is not in the address book: check that it is the right one, or ask your system administrator to add it.",
            "Enheten finns inte i adressboken: kontrollera att det är rätt enhet eller be systemförvaltaren lägga till den.",
        ),
        "address.none": Reason(
            "The address book has no address for this unit: phone them meanwhile, and ask your system administrator to add one.",
            "Enheten saknar adress i adressboken: ring dem så länge och be systemförvaltaren lägga till en.",
        ),
        "address.unit_changed": Reason(
            "The address that was to be used is not the unit's any more: ask your system administrator to let it go to the new one, or phone.",
            "Adressen som skulle användas är inte enhetens längre: be systemförvaltaren låta det gå till den nya, eller ring enheten.",
        ),
        "address.no_account": Reason(
            "Your organisation has no account of its own at the service that sends to this authority: phone meanwhile, and tell your system administrator.",
            "Er organisation har inget eget konto hos tjänsten som skickar till myndigheten: ring så länge och säg till systemförvaltaren.",
        ),
        "address.origin_refused": Reason(
            "The address book names a server that our key to this recipient is not for: phone meanwhile, and tell your system administrator.",
            "Adressboken pekar på en server som vår nyckel till mottagaren inte gäller för: ring så länge och säg till systemförvaltaren.",
        ),
        "address.other_adapter": Reason(
            "The address book leads to this authority by a way that does not keep its rules: phone meanwhile, and tell your system administrator.",
            "Adressboken leder till myndigheten på ett sätt som inte följer dess regler: ring så länge och säg till systemförvaltaren.",
        ),
        "address.agreement_missing": Reason(
            "The address book asks for data to this authority, and there is no agreement on that with it: phone meanwhile, and tell your "
            "system administrator.",
            "Adressboken begär att data skickas till myndigheten, men det finns ingen överenskommelse om det: ring så länge och säg till "
            "systemförvaltaren.",
        ),
        "partner.plan_in_force": Reason(
            "They have been told that no more comes, but the plan still stands as in force in their system: phone and ask them to end it there.",
            "De har fått veta att inget mer kommer, men planen står kvar som gällande i deras system: ring och be dem avsluta den där.",
        ),
        "address.letters_none": Reason(
            "There is nowhere to leave letters for printing and posting: print the letter yourself and hand it over.",
            "Det finns ingenstans att lämna brev för utskrift och post: skriv ut brevet själv och lämna över det.",
        ),
        "unit.closed": Reason(
            "The unit is closed and nobody in its organisation has taken over: find out who has, and phone.",
            "Enheten är nedlagd och ingen i dess organisation har tagit över: ta reda på vem som har det och ring.",
        ),
        "unit.moved_organisation": Reason(
            "Another organisation has taken over the unit's work: ask the individual before anything is sent there.",
            "En annan organisation har tagit över enhetens uppdrag: fråga den enskilde innan något skickas dit.",
            "G1",
        ),
        "adapter.not_enabled": Reason(
            "The way of sending that this recipient uses is not switched on here: phone meanwhile, and tell your system administrator.",
            "Det sätt att skicka som mottagaren använder är inte påslaget här: ring så länge och säg till systemförvaltaren.",
        ),
        "adapter.kind_unsupported": Reason(
            "The recipient's system cannot take this kind of message: phone them, or send a letter instead.",
            "Mottagarens system kan inte ta emot den här sortens meddelande: ring dem eller skicka ett brev i stället.",
        ),
        "misdirected": Reason(
            "The recipient says that this came to the wrong place: find out which unit is the right one, and send it there.",
            "Mottagaren säger att detta kom till fel ställe: ta reda på vilken enhet som är rätt och skicka dit.",
        ),
        # What happened when it was sent.
        "send.not_collected": Reason(
            "No receipt has come in time, so nobody may have collected this: phone and ask whether it is there, and do not send it again yet.",
            "Ingen kvittens har kommit i tid, så kanske har ingen hämtat detta: ring och fråga om det finns där, och skicka inte igen än.",
        ),
        "send.uncertain": Reason(
            "It is not known whether this arrived, and the recipient's system cannot say: phone and ask.",
            "Det är oklart om detta kom fram, och mottagarens system kan inte svara på det: ring och fråga.",
        ),
        "send.changed": Reason(
            "An earlier attempt may have arrived, and what would be sent now looks different: phone and ask what they have got.",
            "Ett tidigare försök kan ha kommit fram, och det som skulle skickas nu ser annorlunda ut: ring och fråga vad de har fått.",
        ),
        "send.leases": Reason(
            "Sending broke off three times without an answer, so this may have arrived: phone and ask.",
            "Sändningen avbröts tre gånger utan svar, så detta kan ha kommit fram: ring och fråga.",
        ),
        "lease.expired": Reason(
            "Sending broke off before an answer came: the system tries again by itself, and you need not do anything.",
            "Sändningen avbröts innan svaret kom: systemet försöker igen av sig självt och du behöver inte göra något.",
        ),
        "mapping.broken": Reason(
            "This could not be put into the form that the recipient's system takes: phone meanwhile, and tell your system administrator.",
            "Detta gick inte att göra om till den form som mottagarens system tar emot: ring så länge och säg till systemförvaltaren.",
        ),
        "payload.too_large": Reason(
            "The message is larger than the recipient can take: make it shorter and send again.",
            "Meddelandet är större än vad mottagaren kan ta emot: korta det och skicka igen.",
        ),
        "plugin.failed": Reason(
            "The part of the system that sends to this recipient failed: phone meanwhile, and tell your system administrator.",
            "Den del av systemet som skickar till mottagaren fungerade inte: ring så länge och säg till systemförvaltaren.",
        ),
        "retry.exhausted": Reason(
            "The recipient's system could not be reached in time, though it was tried again and again: phone them, and tell your system administrator.",
            "Mottagarens system gick inte att nå i tid trots upprepade försök: ring dem och säg till systemförvaltaren.",
        ),
        "operator.hold": Reason(
            "A system administrator has stopped this for now: ask when it may go on.",
            "En systemförvaltare har stoppat detta tills vidare: fråga när det får gå vidare.",
        ),
        "operator.release": Reason(
            "A system administrator has let this go on: you need not do anything.",
            "En systemförvaltare har låtit detta gå vidare: du behöver inte göra något.",
        ),
        "operator.retry": Reason(
            "A system administrator has asked for a new attempt: you need not do anything.",
            "En systemförvaltare har begärt ett nytt försök: du behöver inte göra något.",
        ),
        "operator.handled": Reason(
            "Somebody has taken care of this in another way, by phone for instance: you need not do anything.",
            "Någon har ordnat detta på annat sätt, till exempel per telefon: du behöver inte göra något.",
        ),
        # Who says it, and in which case.
        "sender.not_yours": Reason(
            "You may not send on behalf of this unit: choose a unit of your own as the sender.",
            "Du får inte skicka i den här enhetens namn: välj en egen enhet som avsändare.",
            "G13",
        ),
        "sender.role": Reason(
            "This unit may not send this kind of message in this case: ask the unit that coordinates the case to do it.",
            "Enheten får inte skicka den här sortens meddelande i ärendet: be den enhet som samordnar ärendet att göra det.",
            "G14",
        ),
        "case.not_there": Reason(
            "There is no such case here for you: check the case and which municipality or region it belongs to.",
            "Det finns inget sådant ärende här för dig: kontrollera ärendet och vilken kommun eller region det hör till.",
            "G15",
        ),
        "case.owner": Reason(
            "A new case belongs to the region or municipality that opens it or is asked: choose that one as its owner.",
            "Ett nytt ärende hör till den region eller kommun som öppnar det eller får frågan: ange den som ägare.",
            "G15",
        ),
        "case.wrong_state": Reason(
            "This step does not fit where the case is now: see what has happened in the case, and go on from there.",
            "Steget passar inte där ärendet är just nu: se efter vad som har hänt i ärendet och fortsätt därifrån.",
        ),
        "need.binding": Reason(
            "It has been decided that a plan is needed, and that binds both parties: close the case instead if it is not to go on.",
            "Det är bedömt att en plan behövs, och det binder båda parter: avsluta i stället ärendet om det inte ska fortsätta.",
        ),
        "identity.wrong_mode": Reason(
            "Test persons are only for practice and real persons only for real work: check which of the two systems you are in.",
            "Testpersoner är bara till för övning och verkliga personer bara för skarp drift: kontrollera vilket av systemen du är i.",
        ),
        "message.id_reused": Reason(
            "The number of this message has been used for another one: make a new message and send that.",
            "Meddelandets nummer har redan använts till ett annat meddelande: gör ett nytt meddelande och skicka det.",
            "G9",
        ),
        "message.incomplete": Reason(
            "The document lacks something that must not be guessed: fill in what is marked, and send again.",
            "Dokumentet saknar något som inte får gissas: fyll i det som är markerat och skicka igen.",
        ),
        "message.is_receipt": Reason(
            "This is a receipt and no message: ask the supplier of your system to send it as a receipt.",
            "Detta är en kvittens och inget meddelande: be er systemleverantör att skicka den som kvittens.",
        ),
        "message.handed_in_twice": Reason(
            "The same message came twice at the same moment: send yours once more to see the answer.",
            "Samma meddelande kom två gånger i samma ögonblick: skicka ditt en gång till så får du svaret.",
        ),
        "message.out_of_order": Reason(
            "This does not follow on the version that is in force now: open the newest version and start from that.",
            "Detta stämmer inte med den version som gäller nu: öppna den senaste versionen och utgå från den.",
            "G7",
        ),
        "message.not_there": Reason(
            "There is no such message here for you: check that you have the right one.",
            "Det finns inget sådant meddelande här för dig: kontrollera att du har rätt meddelande.",
        ),
        "work.not_there": Reason(
            "There is nothing to do by that number, or somebody has closed it already: look at what is still open.",
            "Det finns inget att göra med det numret, eller så har någon redan avslutat det: se efter vad som ännu är öppet.",
        ),
        "work.how": Reason(
            "How it was settled is kept as one word: write for instance phoned, and nothing about the person.",
            "Hur det ordnades sparas som ett enda ord: skriv exempelvis phoned, och inget om själva personen.",
        ),
        "case.opened_meanwhile": Reason(
            "Somebody else opened this case at the same moment: send yours once more.",
            "Någon annan öppnade ärendet i samma ögonblick: skicka ditt en gång till.",
        ),
        "hub.too_much_open": Reason(
            "Too much from your organisation is still waiting to be sent: wait a while, and send this again.",
            "För mycket från er organisation väntar fortfarande på att skickas: vänta en stund och skicka sedan igen.",
        ),
        "hub.low_disk": Reason(
            "The system is nearly full and takes nothing new: tell your system administrator, and send this again later.",
            "Systemet är nästan fullt och tar inte emot något nytt: säg till systemförvaltaren och skicka igen senare.",
        ),
        "forward.other_organisation": Reason(
            "A message can only be passed on within the same organisation: tell the sender instead that it came to the wrong place.",
            "Ett meddelande kan bara lämnas vidare inom samma organisation: meddela i stället avsändaren att det kom fel.",
        ),
        # The plan.
        "plan.no_consent": Reason(
            "The individual has not consented to a plan being made: ask the individual before you go on.",
            "Den enskilde har inte samtyckt till att en plan görs: fråga den enskilde innan du går vidare.",
            "G1",
        ),
        "plan.not_coordinator": Reason(
            "Only the coordinator's unit may do this: ask that unit to do it.",
            "Bara samordnarens enhet får göra detta: be den enheten att göra det.",
            "G6",
        ),
        "plan.coordinator_outside": Reason(
            "The coordinator's unit does not take part in this case: choose a coordinator at a unit that does, or invite that unit first.",
            "Samordnarens enhet deltar inte i ärendet: välj en samordnare vid en enhet som deltar, eller bjud först in enheten.",
            "G6",
        ),
        "plan.coordinator_missing": Reason(
            "An agreed plan names a coordinator at a region or municipality and a day for its follow-up: fill in both.",
            "En upprättad plan anger en samordnare i region eller kommun och en dag för uppföljning: fyll i båda.",
            "G3",
        ),
        "coordinator.not_principal": Reason(
            "A coordinator works in a region or municipality: choose somebody who does.",
            "En samordnare arbetar i en region eller kommun: välj någon som gör det.",
            "G3",
        ),
        "plan.overall_responsible": Reason(
            "A plan names one region or municipality that has the overall responsibility: choose it from the address book.",
            "En plan anger en region eller kommun som har det övergripande ansvaret: välj den ur adressboken.",
            "G3",
        ),
        "plan.responsible": Reason(
            "Every activity in the plan needs somebody who answers for it: fill in who that is, or correct what kind of party it is.",
            "Varje insats i planen behöver någon som ansvarar för den: fyll i vem det är eller rätta vilken sorts aktör det är.",
            "G3",
        ),
        "plan.goals_missing": Reason(
            "An agreed plan says what its goals are: fill them in.",
            "En upprättad plan anger sina mål: fyll i dem.",
            "G3",
        ),
        "plan.activity_without_goal": Reason(
            "One of the activities is not tied to any goal: say which goal it is meant to reach, or ask the individual what it is for.",
            "En av insatserna hör inte till något mål: ange vilket mål den ska leda till, eller fråga den enskilde vad den är till för.",
            "G3",
        ),
        "plan.needs_missing": Reason(
            "An agreed plan says what the individual needs: fill that in.",
            "En upprättad plan anger den enskildes behov: fyll i dem.",
            "G3",
        ),
        "plan.commitments_missing": Reason(
            "Not every unit has said yes to its part of the plan as it reads now: wait for the answers, or remind those who have not answered.",
            "Alla enheter har inte sagt ja till sin del av planen som den nu lyder: invänta svaren eller påminn dem som inte har svarat.",
        ),
        "plan.activity_unknown": Reason(
            "The plan does not give this unit that activity: check in the plan which activities are this unit's.",
            "Planen ger inte enheten den insatsen: kontrollera i planen vilka insatser som är enhetens.",
            "G14",
        ),
        # The meeting.
        "meeting.absence_not_consented": Reason(
            "The individual has not consented to a meeting without them: ask the individual, or choose a time when they can come.",
            "Den enskilde har inte samtyckt till ett möte i sin frånvaro: fråga den enskilde eller välj en tid som passar den enskilde.",
            "G5",
        ),
        "meeting.place_missing": Reason(
            "The call to the meeting does not say where it is: fill in the place, or how to take part at a distance.",
            "Kallelsen anger inte var mötet är: fyll i platsen eller hur man deltar på distans.",
        ),
        "meeting.respond_late": Reason(
            "The last day to answer comes after the meeting: choose an earlier day.",
            "Sista svarsdag ligger efter mötet: välj en tidigare dag.",
        ),
        "meeting.not_convener": Reason(
            "Only the unit that called to the meeting may do this: ask that unit to do it.",
            "Bara den enhet som kallade till mötet får göra detta: be den enheten att göra det.",
            "G14",
        ),
        "meeting.another_planned": Reason(
            "Another meeting is already planned in this case: move it or call it off first.",
            "Ett annat möte är redan planerat i ärendet: boka om eller ställ in det först.",
        ),
        "duty.basis_not_in_force": Reason(
            "The section of law that is stated for the duty to come is not in force on the day of the meeting: state the one that is.",
            "Den paragraf som anges för skyldigheten att delta gäller inte den dag mötet hålls: ange den som gäller.",
        ),
        "duty.agreement_unknown": Reason(
            "The agreement that is stated for the duty to come is not in the address book: check its name, or ask your system administrator.",
            "Den överenskommelse som anges för skyldigheten att delta finns inte i adressboken: kontrollera namnet eller fråga systemförvaltaren.",
        ),
        "duty.agreement_not_in_force": Reason(
            "The agreement that is stated for the duty to come is not in force on the day of the meeting: state another, or invite instead.",
            "Den överenskommelse som anges för skyldigheten att delta gäller inte den dag mötet hålls: ange en annan eller bjud in i stället.",
        ),
        "meeting.answer_date": Reason(
            "The last day for answering has passed, so nobody can be reminded before the meeting: choose a later day.",
            "Sista svarsdagen har passerat, så ingen kan påminnas före mötet: välj en senare dag.",
            "G8",
        ),
        "meeting.duty_declined": Reason(
            "A unit that is obliged to come has said no and sends nobody else: phone them, and tell their manager if that does not help.",
            "En enhet som är skyldig att delta har tackat nej utan ersättare: ring dem och kontakta deras chef om det inte hjälper.",
            "G11",
        ),
        "meeting.absent_unprepared": Reason(
            "The individual will not be at the meeting and has not told what they want from it: talk to the individual before the meeting.",
            "Den enskilde kommer inte till mötet och har inte berättat vad de önskar av det: prata med den enskilde före mötet.",
        ),
        "meeting.many_participants": Reason(
            "Many are called to this meeting, and each of them gets to know of it: ask the individual whether all of them are needed.",
            "Många kallas till mötet, och var och en av dem får veta om det: fråga den enskilde om alla behövs.",
        ),
        "invitation.minimal": Reason(
            "Whoever is invited without being obliged to come is told only when and where to meet and whom to call: the rest is left out on purpose.",
            "Den som bjuds in utan att vara skyldig att delta får bara veta när och var mötet är och vem man ringer: resten utelämnas med avsikt.",
            "G4",
        ),
        # Going home from hospital.
        "discharge.none": Reason(
            "No discharge from hospital is going on in this case that this could belong to: check that you are in the right case.",
            "Det pågår ingen utskrivning från sjukhus i ärendet som detta kan höra till: kontrollera att du är i rätt ärende.",
        ),
        "discharge.no_such_notice": Reason(
            "This is not the notice of discharge that is in force: find the newest one, and refer to that.",
            "Detta är inte den underrättelse om utskrivning som gäller: leta upp den senaste och hänvisa till den.",
        ),
        "discharge.contact_unit": Reason(
            "The unit you named for the permanent care contact is not in open care paid by the region: name one that is, or leave it open.",
            "Enheten du angett för den fasta vårdkontakten finns inte i öppenvård som regionen betalar: ange en som gör det eller lämna det öppet.",
            "G16",
        ),
        "discharge.not_care_contact": Reason(
            "At a discharge, the unit of the permanent care contact in open care paid by the region calls to the meeting: ask that unit to do it.",
            "Vid utskrivning är det den fasta vårdkontaktens enhet i öppenvård som regionen betalar som kallar till mötet: be den enheten.",
            "G16",
        ),
        "discharge.other_basis": Reason(
            "The person is going home from hospital: without a consent, call by LUS 4:1, from the care contact's unit in open care.",
            "Personen är på väg hem från sjukhuset: kalla utan samtycke enligt LUS 4:1, från den fasta vårdkontaktens enhet.",
            "G16",
        ),
        "discharge.care_contact_absent": Reason(
            "When municipal health care is needed, the permanent care contact's unit takes part itself: add that unit.",
            "När kommunal hälso- och sjukvård behövs deltar den fasta vårdkontaktens enhet själv: lägg till den enheten.",
            "G16",
        ),
        # The consent itself.
        "date.ahead": Reason(
            "The date has not come yet, and what is registered here has happened already: correct the date and send again.",
            "Datumet har inte kommit än, och det som registreras här har redan hänt: rätta datumet och skicka igen.",
        ),
        "consent.unable": Reason(
            "A person who cannot take a position has not consented: choose another legal ground, or wait.",
            "En person som inte kan ta ställning har inte samtyckt: välj en annan rättslig grund eller avvakta.",
        ),
        "consent.relative": Reason(
            "A relative cannot consent for somebody else: ask the individual, or choose another legal ground.",
            "En närstående kan inte samtycka för någon annan: fråga den enskilde eller välj en annan rättslig grund.",
        ),
        "consent.ground_missing": Reason(
            "State on which ground this counts as consent: for a child that is both guardians, unless another ground is at hand.",
            "Ange på vilken grund detta gäller som samtycke: för ett barn är det båda vårdnadshavarna, om inte en annan grund finns.",
        ),
        "consent.ground_wrong": Reason(
            "The ground, or what is stated with it, does not fit whoever gave the consent: choose the ground that does.",
            "Grunden, eller det som anges med den, passar inte den som lämnat samtycket: välj den grund som gör det.",
        ),
        "consent.ground_incomplete": Reason(
            "The ground you chose needs one thing more to be stated: fill in the field that is marked.",
            "Grunden du valt kräver en uppgift till: fyll i det fält som är markerat.",
        ),
        "consent.ground_age": Reason(
            "The ground you chose is for younger children: choose the one for this child's age.",
            "Grunden du valt gäller yngre barn: välj den som gäller för barnets ålder.",
        ),
        "consent.too_young": Reason(
            "The child is too young to consent alone on this ground: ask the guardians.",
            "Barnet är för ungt för att samtycka ensamt på den här grunden: fråga vårdnadshavarna.",
        ),
        "consent.not_a_child": Reason(
            "The individual is of age and consents in person, or through somebody with a mandate: ask one of them.",
            "Den enskilde är myndig och samtycker själv, eller genom någon som har den enskildes uppdrag: fråga någon av dem.",
        ),
        "consent.not_an_adult": Reason(
            "The individual is not of age: choose a ground that is for children.",
            "Den enskilde är inte myndig: välj en grund som gäller barn.",
        ),
        "consent.guardian_missing": Reason(
            "Both guardians must say yes: ask the other one, or state why that one is not needed.",
            "Båda vårdnadshavarna måste säga ja: fråga den andra, eller ange varför den inte behövs.",
        ),
        "consent.guardian_unknown": Reason(
            "Somebody you named is not registered as a guardian of this child: register the guardians first.",
            "Någon du har angett är inte registrerad som barnets vårdnadshavare: registrera vårdnadshavarna först.",
        ),
        "consent.ground_parties": Reason(
            "On this ground only the municipality's own units may be told: take the other recipients out.",
            "På den här grunden får bara kommunens egna enheter veta något: ta bort övriga mottagare.",
        ),
        "consent.placement": Reason(
            "A child's own consent is never enough for a placement: ask the guardians.",
            "Barnets eget samtycke räcker aldrig för en placering: fråga vårdnadshavarna.",
        ),
        "consent.taken_back_since": Reason(
            "A later word on this consent has been handed in already, and this earlier one would undo it: register a new consent if there is one.",
            "Ett senare besked om samtycket har redan lämnats in och det här tidigare skulle upphäva det: registrera ett nytt samtycke om det finns ett.",
        ),
        "consent.undocumented": Reason(
            "The consent is registered here but not in the individual's own record: write it in the journal or personal file.",
            "Samtycket är registrerat här men inte i den enskildes journal eller akt: skriv in det där.",
        ),
        "request.relative_proposes": Reason(
            "Here a relative may propose a plan but not request one: send it as a proposal, which will be answered, or ask the individual.",
            "Här får en närstående föreslå en plan men inte begära den: skicka det som ett förslag, som ska besvaras, eller fråga den enskilde.",
        ),
        "consent.own_side": Reason(
            "The individual, guardians and representatives need no consent to read what is theirs: name only units and relatives.",
            "Den enskilde, vårdnadshavare och ställföreträdare behöver inget samtycke för att läsa sitt eget: ange bara enheter och närstående.",
        ),
        "consent.relative_objected": Reason(
            "The individual does not want this relative to be told anything: ask the individual before you change that.",
            "Den enskilde vill inte att den närstående får veta något: fråga den enskilde innan du ändrar det.",
        ),
        "consent.nothing_to_amend": Reason(
            "There is no consent to add to: register a new consent instead.",
            "Det finns inget samtycke att utvidga: registrera ett nytt samtycke i stället.",
        ),
        "consent.organisation": Reason(
            "A consent names units, and a whole organisation only where that is a state agency: choose the units.",
            "Ett samtycke gäller enheter, och en hel organisation bara om den är en statlig myndighet: välj enheterna.",
        ),
    }
)

_SAYABLE = re.compile(r"(?!.*\d{6})[A-Za-z0-9._:-]{1,64}")
"""A code of somebody else's that may be repeated: it is short, and has no room for a person's number."""
_IN_OTHER_WORDS: Mapping[str, Reason] = MappingProxyType(
    {
        "rejected": Reason(
            "The recipient's system said no{code}: phone them, and tell your system administrator.",
            "Mottagarens system sade nej{code}: ring dem och säg till systemförvaltaren.",
        ),
        "queued": Reason(
            "The recipient's system has not taken it yet{code}: it is tried again by itself, and you need not do anything.",
            "Mottagarens system har inte tagit emot det ännu{code}: det skickas igen av sig självt och du behöver inte göra något.",
        ),
        "held": Reason(
            "Something went wrong before it was sent{code}: phone the recipient meanwhile, and tell your system administrator.",
            "Något gick fel innan det skickades{code}: ring mottagaren så länge och säg till systemförvaltaren.",
        ),
    }
)


def told(code: str | None, state: str) -> Reason | None:
    """Return the sentence for a reason, or None where there is none to give.

    A code that is not listed is what a recipient's system or a plugin said in its own words: what it means follows from the state.

    Args:
        code: The reason that is kept with a delivery, if any.
        state: The delivery's state.
    """
    if code is None or code in REASONS:
        return REASONS.get(code or "")
    found = _IN_OTHER_WORDS.get(state, _IN_OTHER_WORDS["rejected"])
    said = code if _SAYABLE.fullmatch(code) else None
    return Reason(found.en.format(code=f" (code {said})" if said else ""), found.sv.format(code=f" (kod {said})" if said else ""))
