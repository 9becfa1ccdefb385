"""Every kind of work item: the sentence for whoever has it on the desk, how soon it should be looked at, whose it is, what settles it.

A work item names states and codes and nothing of the person; the sentence is the same for everybody. What is not in the table is not
opened: a kind nobody has described is a bug. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from siphub.policy.deadlines import ACTED_ON, WARN
from siphub.policy.reasons import REASONS

DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
ENDED: Final = frozenset({"plan.closed", "sip.request.withdrawn", "subject.deceased"})
"""The messages after which there is nothing left to do but what somebody must be told by hand."""
DELIVERY: Final = "delivery."
UNDONE: Final = frozenset({"delivered", "read", "recalled", "superseded", "withheld", "handled_manually"})
"""The states in which nobody has to look at a delivery any more."""


@dataclass(frozen=True, slots=True)
class WorkType:
    """One kind of work item.

    `settled_by` are the messages that settle it when they are accepted in its case. Any work item can be closed by a person.
    """

    en: str
    sv: str
    due: timedelta
    whose: str
    settled_by: frozenset[str] = frozenset()
    settled: str = ""


def _of_case(en: str, sv: str, whose: str, *messages: str, due: timedelta = DAY, settled: str = "") -> WorkType:
    return WorkType(en, sv, due, whose, frozenset(messages) | ENDED, settled)


def _by_hand(en: str, sv: str, whose: str, *, due: timedelta = DAY) -> WorkType:
    return WorkType(en, sv, due, whose)


_MOVED = ("meeting.rescheduled", "meeting.cancelled", "meeting.held", "followup.held")
_COORDINATOR, _CONVENER, _CONTACT, _SENDER = "the coordinator", "the convener", "the contact", "the unit that sent it"

_CASE: Mapping[str, WorkType] = {
    "consent.withdrawn": _of_case(
        "The individual has taken back the consent, and everything has stopped: talk to the individual, then close the plan or register a new consent.",
        "Den enskilde har tagit tillbaka samtycket och allt har stoppats: tala med den enskilde och avsluta planen eller registrera ett nytt samtycke.",
        _COORDINATOR,
        "consent.given",
    ),
    "consent.expired": _of_case(
        "Some or all of the consent has run out, and what rested on it has stopped: ask the individual for a new one, or close the plan.",
        "Samtycket har helt eller delvis gått ut och det som vilade på det har stoppats: be den enskilde om ett nytt eller avsluta planen.",
        _COORDINATOR,
        "consent.given",
    ),
    "consent.withdrawal_not_needed": _of_case(
        "Somebody has taken back a consent that did not need their word, and sending has not stopped for it: talk to the individual.",
        "Någon har tagit tillbaka ett samtycke som inte krävde den personens ord, och inget har stoppats: tala med den enskilde.",
        _COORDINATOR,
        "consent.given",
    ),
    "consent.guardian_unasked": _of_case(
        "A guardian has been registered whose word the consent needs and who has not been asked: ask, and register the answer.",
        "En vårdnadshavare vars samtycke behövs har registrerats men inte tillfrågats: fråga, och registrera svaret.",
        _COORDINATOR,
        settled="a consent that this guardian has given too, or one that does not need them, and no longer being a guardian",
    ),
    "consent.undocumented": _of_case(
        "The consent is registered here but not in the individual's own record: write it there, and register that it is.",
        "Samtycket är registrerat här men inte i den enskildes journal eller akt: skriv in det där och registrera att det är gjort.",
        _COORDINATOR,
        "consent.given",
    ),
    "basis.choose": _of_case(
        "The individual cannot give a consent: choose the legal ground for calling to a meeting, or do without one.",
        "Den enskilde kan inte lämna ett samtycke: välj vilken rättslig grund kallelsen ska vila på, eller avstå.",
        _COORDINATOR,
        "consent.given",
        "meeting.summoned",
    ),
    "coordinator.excluded": _of_case(
        "The individual wants the coordinator's unit to be told nothing more, so you coordinate until there is another: agree on one with the individual.",
        "Den enskilde vill inte att samordnarens enhet får veta något mer, så ni samordnar tills vidare: kom överens med den enskilde om en ny samordnare.",
        _CONTACT,
        "coordinator.changed",
    ),
    "participant.forwarded": _of_case(
        "A unit says that another unit of the same organisation should have this: ask the individual whether that one may take part.",
        "En enhet säger att en annan enhet i samma organisation borde ha detta: fråga den enskilde om den får delta.",
        _COORDINATOR,
        "participants.approved",
    ),
    "message.in_error": _of_case(
        "A message in this case should not have been sent, and has been called back: find out what it led to.",
        "Ett meddelande i ärendet borde inte ha skickats och har återkallats: ta reda på vad det ledde till.",
        _COORDINATOR,
    ),
    "meeting.absent_unprepared": _of_case(
        "The individual will not be at the meeting and has not prepared their own words: ask what they want to be said.",
        "Den enskilde är inte med på mötet och har inte förberett egna ord: fråga vad den enskilde vill få sagt.",
        _CONVENER,
        *_MOVED,
    ),
    "meeting.absence_withdrawn": _of_case(
        "The individual has taken back that the meeting is held without them: see that they can be there, or move or call off the meeting.",
        "Den enskilde samtycker inte längre till att mötet hålls utan den enskilde: se till att den enskilde kan vara med, eller boka om eller avboka mötet.",
        _COORDINATOR,
        settled="a meeting that is moved, called off or held, a call that says the individual comes, and a new consent to the absence",
    ),
    "meeting.left_out": _of_case(
        "The meeting was moved, and somebody who had been called was not told: call that unit to the new time, or phone, or it comes at the old one.",
        "Mötet är ombokat och någon som var kallad har inte fått veta det: kalla den enheten till den nya tiden eller ring, annars kommer den på den gamla.",
        _CONVENER,
        *_MOVED,
        "meeting.summoned",
        "meeting.invited",
        "followup.summoned",
    ),
    "meeting.duty_declined": _of_case(
        "A unit that has a duty to come has declined without a substitute: phone and remind of the duty, or ask its manager.",
        "En enhet som är skyldig att komma har tackat nej utan ersättare: ring och påminn om skyldigheten eller fråga chefen.",
        _CONVENER,
        *_MOVED,
    ),
    "meeting.propose-new-time": _of_case(
        "Somebody who was called proposes another time: move the meeting, or say that it stays.",
        "En kallad part föreslår en annan tid: boka om mötet eller meddela att tiden står fast.",
        _CONVENER,
        *_MOVED,
    ),
    "meeting.substitute": _of_case(
        "Somebody who was called sends another unit, which is not called or which no consent covers: ask the individual whether that unit may take part, then amend the consent and call it.",
        "En kallad part låter en annan enhet komma, som inte är kallad eller som inget samtycke omfattar: fråga den enskilde om enheten får delta, ändra sedan samtycket och kalla enheten.",
        _CONVENER,
        *_MOVED,
        "meeting.summoned",
        "meeting.invited",
        "followup.summoned",
    ),
    "meeting.contact-us": _of_case("Somebody who was invited asks you to phone.", "En inbjuden part ber er att ringa.", _CONVENER, *_MOVED),
    "plan.incomplete": _of_case(
        "A plan that came from another system lacks what the local routine asks for: ask for the rest, and revise it.",
        "En plan från ett annat system saknar uppgifter som den lokala rutinen kräver: be om dem och revidera planen.",
        _COORDINATOR,
        "plan.established",
        "plan.revised",
    ),
    "plan.commitment_rejected": _of_case(
        "A unit does not stand by what the draft gives it: talk to it, and send a new draft.",
        "En enhet står inte bakom det som utkastet ger den: tala med enheten och skicka ett nytt utkast.",
        _COORDINATOR,
        "plan.proposed",
        "plan.established",
        "plan.revised",
    ),
    "plan.to_revise": _of_case(
        "The follow-up decided that the plan is revised: send the new version.",
        "Uppföljningen beslutade att planen ska revideras: skicka den nya versionen.",
        _COORDINATOR,
        "plan.revised",
    ),
    "plan.to_close": _of_case(
        "The follow-up decided that the plan is closed: close it.",
        "Uppföljningen beslutade att planen ska avslutas: avsluta den.",
        _COORDINATOR,
    ),
    "guardian.read_through": _by_hand(
        "A guardian who may not know where the individual is got this without its free texts: read them through, and hand over what names no place or unit.",
        "En vårdnadshavare som inte får veta var den enskilde finns fick detta utan fritext: läs igenom texten och lämna över det som inte nämner plats eller enhet.",
        _COORDINATOR,
    ),
    "recall.phone": _by_hand(
        "A unit must be told that no further messages come, and cannot be told by the system: phone, at once.",
        "En enhet måste få veta att inga fler meddelanden kommer och kan inte nås genom systemet: ring genast.",
        _CONTACT,
        due=HOUR,
    ),
    "inbound.unread": _by_hand(
        "An answer has come that could not be read: look at it where it came in, and phone whoever sent it.",
        "Ett svar har kommit som inte kunde läsas: titta på det där det kom in och ring avsändaren.",
        _SENDER,
    ),
    "inbound.not_theirs": _by_hand(
        "Something has come that speaks for another unit, or about what went to somebody else: it was not believed; ask whoever runs the sending system.",
        "Något har kommit som talar för en annan enhet eller om det som gick till någon annan: det har inte trotts; fråga den som sköter systemet det kom från.",
        "the organisation it came from or to",
    ),
    "inbound.unthreaded": _by_hand(
        "A message has come that belongs to no case here: look at it where it came in, register it, and decide whose it is.",
        "Ett meddelande har kommit som inte hör till något ärende här: titta på det där det kom in, registrera det och avgör vem som ska ha det.",
        "the organisation it came to",
    ),
}

_SAID: Mapping[str, tuple[str, str, str]] = {
    "request.answer": (
        "The request for a plan is to be answered: say whether you start, and if not, why.",
        "Begäran om en plan ska besvaras: meddela om arbetet startar, och annars varför inte.",
        _CONTACT,
    ),
    "kallelse": (
        "The patient is ready for discharge: call to the planning within the time of the Discharge Cooperation Act.",
        "Patienten är utskrivningsklar: kalla till planeringen inom utskrivningslagens tid.",
        "the fast vårdkontakt's unit",
    ),
    "payment": (
        "The municipality's responsibility to pay begins for a patient who is ready for discharge.",
        "Kommunens betalningsansvar inträder för en patient som är utskrivningsklar.",
        "the municipality's unit",
    ),
    "meeting.answer": (
        "A unit has not answered whether it comes to the meeting: phone and ask.",
        "En enhet har inte svarat på om den kommer till mötet: ring och fråga.",
        _CONVENER,
    ),
    "meeting.held": (
        "Nobody has said what came of the meeting: register that it was held, or call it off.",
        "Ingen har meddelat vad mötet ledde till: registrera att det hölls eller avboka det.",
        _CONVENER,
    ),
    "meeting.soon": (
        "The meeting is to take place within the weeks that are agreed: plan it.",
        "Mötet ska hållas inom det antal veckor som är överenskommet: planera det.",
        _COORDINATOR,
    ),
    "plan.copy": (
        "The individual is to have a copy of the plan: hand it over, and register that.",
        "Den enskilde ska få en kopia av planen: lämna den och registrera det.",
        _COORDINATOR,
    ),
    "followup": ("The plan is to be followed up: call to the follow-up.", "Planen ska följas upp: kalla till uppföljningen.", _COORDINATOR),
    "consent": (
        "A consent runs out, and what rests on it stops then: ask the individual for a new one in time, or close the plan.",
        "Ett samtycke går ut och det som vilar på det stoppas då: be den enskilde om ett nytt i tid, eller avsluta planen.",
        _COORDINATOR,
    ),
    "evaluation": (
        "What was decided at the meeting is to be evaluated: do so at a follow-up.",
        "Det som bestämdes på mötet ska utvärderas: gör det vid en uppföljning.",
        _COORDINATOR,
    ),
}
_NO_MORE = "what is asked for is done, or not asked for any more"


def _deadlines() -> dict[str, WorkType]:
    """Return two kinds for each deadline: its time is near, its time has passed. What passes at once is never near, what is acted on never late."""
    found: dict[str, WorkType] = {}
    for kind, warn in WARN.items():
        en, sv, whose = _SAID[kind]
        if warn:
            found[f"deadline.{kind}.near"] = WorkType(f"Soon: {en}", f"Snart dags: {sv}", warn, whose, settled=_NO_MORE)
        if kind not in ACTED_ON:
            found[f"deadline.{kind}.passed"] = WorkType(
                f"The time has passed. {en}", f"Tiden har gått ut. {sv}", DAY, whose, settled=_NO_MORE
            )
    return found


_SETTLED = "the delivery is released, tried again, handled by hand, or overtaken, or a receipt says that it arrived"
_HELD = (
    "address.agreement_missing",
    "address.letters_none",
    "address.no_account",
    "address.none",
    "address.origin_refused",
    "address.other_adapter",
    "address.unit_changed",
    "adapter.not_enabled",
    "basis.none",
    "lease.expired",
    "mapping.broken",
    "message.expired",
    "message.gone",
    "misdirected",
    "objection",
    "partner.plan_in_force",
    "payload.too_large",
    "person.not_in_case",
    "plugin.failed",
    "protected.not_cleared",
    "retry.exhausted",
    "send.changed",
    "send.leases",
    "send.not_collected",
    "send.uncertain",
    "unit.closed",
    "unit.moved_organisation",
)
"""The reasons for which the hub itself stops a delivery, or waits for a receipt of it no longer; and one of a partner's that tells what to do."""
_OTHER: Mapping[str, WorkType] = {
    "delivery.rejected.*": WorkType(
        "The recipient's system or unit says that it does not take this: phone, and send again or in another way.",
        "Mottagaren har meddelat att detta inte tas emot: ring och skicka igen eller på annat sätt.",
        DAY,
        _SENDER,
        settled=_SETTLED,
    ),
    "delivery.*": WorkType(
        "This did not arrive, for a reason of the recipient's system that stands in the kind: phone, and ask your system administrator.",
        "Detta har inte kommit fram, av ett skäl hos mottagarens system som står i typen: ring och fråga systemförvaltaren.",
        DAY,
        _SENDER,
        settled=_SETTLED,
    ),
}
"""For codes of partners and their adapters, of which there is no list."""

WORK: Mapping[str, WorkType] = MappingProxyType(
    {
        **_CASE,
        **_deadlines(),
        **{f"{DELIVERY}{code}": WorkType(REASONS[code].en, REASONS[code].sv, DAY, _SENDER, settled=_SETTLED) for code in _HELD},
        **_OTHER,
    }
)
"""Every kind. One that ends in `*` stands for all that begin like it and have no row of their own."""


def work_type(kind: str) -> WorkType:
    """Return what is known of a kind of work item.

    Raises:
        KeyError: Nobody has described it: whoever opens it has a bug.
    """
    if kind in WORK:
        return WORK[kind]
    family = next((name for name in _OTHER if kind.startswith(name[:-1]) and kind != name[:-1]), None)
    return WORK[family or kind]


def settles(message_type: str, kind: str) -> bool:
    """Say whether a message that is accepted in a case settles the case's work items of a kind."""
    return message_type in work_type(kind).settled_by
