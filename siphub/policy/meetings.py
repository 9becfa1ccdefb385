"""The steps of a meeting: called, moved, called off, held, answered (K1 to K5, M1, U1).

Pure, like all of the policy. One meeting at a time is planned in a case, and one by LUS 4:1 beside it. It must never let anybody but a meeting's own convener change it; calling it off is the coordinator's to do as well.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from uuid import UUID

from siphub.model import Content, Message
from siphub.model.case import CaseState, MeetingRecord, Participant, SipCase
from siphub.model.identifiers import UnitId
from siphub.model.messages import followup as f
from siphub.model.messages import meeting as m
from siphub.policy import consent, discharges, followups, lifecycle
from siphub.policy.days import day_of
from siphub.policy.disclosure import DUTY_BOUND, bases_of
from siphub.policy.duties import bound_by_agreement, duty, ill_founded
from siphub.policy.refusal import Refusal
from siphub.policy.routing import route, routes
from siphub.policy.step import Asked, Decision, Effect, OpenWork, Recall, Supersede, move

Call = m.MeetingSummoned | m.MeetingInvited | f.FollowUpSummoned
"""What calls to a meeting: kallelse, inbjudan, kallelse to a follow-up."""


def called(asked: Asked, content: Call) -> Refusal | Decision:
    """K1, K2 and U1: a first version, or further participants to the version there is."""
    known = asked.case.meeting(content.meeting.id)
    left = _rivals(asked, content)
    refusal = _uncallable(asked, content, known) or _unattended(asked, content) or _unlawful(asked, content)
    if refusal is not None:
        return refusal
    if any(found.discharge and found.stands for found in left) or (left and asked.case.state in {"SUMMONED", "FOLLOW_UP"}):
        return Refusal("meeting.another_planned", "conflict", "/content/meeting/id")
    record = _with_participants(asked, known or _begun(content))
    says = {
        "discharge": record.discharge or _by_discharge(content),
        "assessed": (record.assessed and not record.recalled) or _assessed(asked.message),
        "recalled": False,
        "in_absence": _in_absence(record, content),
    }
    record = record.model_copy(update=says)
    effects = [effect for found in left for effect in _calling_off(found)]
    if known is None and _says_absent(content) and not asked.case.prepared:
        effects.append(OpenWork("meeting.absent_unprepared", content.convener.unit))
    meetings = (*(_called_off(found) for found in left), record)
    leaves = any(found.state != "withheld" for found in routes(asked.message, asked.case, asked.directory, asked.now, asked.local))
    discharge = discharges.called(asked, content, leaves=leaves)
    changes = {"meetings": _with(asked.case, *meetings), "phone": content.convener.phone, "discharge": discharge}
    return move(asked, _calling(asked.message, asked.case.state), *effects, **changes)


def _rivals(asked: Asked, content: Call) -> tuple[MeetingRecord, ...]:
    """Return the other planned meetings that a call cannot stand beside. One by LUS 4:1 stands beside the SIP's own once they are two things."""
    planned = (found for found in asked.case.meetings if found.state == "planned" and found.id != content.meeting.id)
    apart = asked.case.state in lifecycle.BESIDE
    return tuple(found for found in planned if not apart or found.discharge == _by_discharge(content))


def _begun(content: Call) -> MeetingRecord:
    """Return the record of a meeting nobody has been called to yet."""
    return MeetingRecord(
        id=content.meeting.id,
        version=1,
        convener=content.convener,
        kind="follow_up" if isinstance(content, f.FollowUpSummoned) else "sip",
        starts_at=content.meeting.starts_at,
        respond_by=content.respond_by,
        evaluation_on=content.evaluation_on if isinstance(content, m.MeetingSummoned) else None,
    )


def _by_discharge(content: Content) -> bool:
    """Say whether a kallelse is the one of LUS 4:1."""
    return isinstance(content, m.MeetingSummoned) and content.duty_basis == "LUS4:1"


def _uncallable(asked: Asked, content: Call, known: MeetingRecord | None) -> Refusal | None:
    """Say why the sender may not call to this version of this meeting."""
    if content.convener.unit != asked.message.sender.unit:
        return Refusal("meeting.not_convener", "forbidden", "/content/convener/unit")
    if known and known.convener.unit != asked.message.sender.unit:
        return Refusal("meeting.not_convener", "forbidden", "/content/meeting/id")
    if known and (known.state != "planned" or not _same_kind(known, content)):
        return Refusal("case.wrong_state", "conflict", "/content/meeting/id")
    if known is None and isinstance(content, m.MeetingInvited) and asked.case.state == "FOLLOW_UP":
        return Refusal("case.wrong_state", "conflict", "/content/meeting/id")
    follows = content.meeting.version == (known.version if known else 1)
    return None if follows else Refusal("message.out_of_order", "conflict", "/content/meeting/version")


def _same_kind(known: MeetingRecord, content: Call) -> bool:
    """Say whether a call is to this kind of meeting; an inbjudan goes with either."""
    return isinstance(content, m.MeetingInvited) or (known.kind == "follow_up") == isinstance(content, f.FollowUpSummoned)


def _says_absent(content: Call) -> bool:
    return not isinstance(content, m.MeetingInvited) and content.individual_attendance == "absent_consented"


def _in_absence(record: MeetingRecord, content: Call) -> bool:
    """Say whether a meeting is without the individual: as the newest call that tells has it."""
    tells = not isinstance(content, m.MeetingInvited) and content.individual_attendance is not None
    return _says_absent(content) if tells else record.in_absence


def _unattended(asked: Asked, content: Call) -> Refusal | None:
    """G5: a meeting without the individual needs their consent to that."""
    if _says_absent(content) and not consent.has(asked.case.grants, "meeting_in_absence", asked.now):
        return Refusal("meeting.absence_not_consented", "invalid", "/content/individual_attendance")
    return None


def _unlawful(asked: Asked, content: Call) -> Refusal | None:
    """Say what else stands against a kallelse: a basis that is not law on the meeting's day, G16, and that a follow-up is of the plan there is."""
    if isinstance(content, m.MeetingInvited):
        return None
    wrong = ill_founded(content.duty_basis, asked.directory, day_of(content.meeting.starts_at))
    if wrong is not None:
        return Refusal(wrong, "invalid", "/content/duty_basis")
    return discharges.may_call(asked, content) if isinstance(content, m.MeetingSummoned) else _of_the_plan(asked, content)


def _of_the_plan(asked: Asked, content: f.FollowUpSummoned) -> Refusal | None:
    """U1: a follow-up is of the current version of the plan, and asks units of activities they have; the consent is asked again (REQ-86)."""
    known = followups.current(asked, content.plan_id, content.plan_version)
    if isinstance(known, Refusal):
        return known
    if asked.case.plan_consent is None or not asked.case.plan_consent.holds(asked.now):
        return Refusal("plan.no_consent", "invalid", "/type")
    given = {(found.unit, found.activity) for found in known.activities}
    strange = any((asked.current(found.unit), found.activity) not in given for found in content.questions)
    return Refusal("plan.activity_unknown", "invalid", "/content/questions") if strange else None


def _calling(message: Message, state: CaseState) -> str:
    """Return the event a call is: a kallelse may stand without consent, on a basis that the table allows for it, and beside the SIP by LUS 4:1."""
    assessed = isinstance(message.content, m.MeetingSummoned) and _assessed(message)
    if _by_discharge(message.content) and (assessed or state in lifecycle.RUNNING):
        return "meeting.summoned:discharge"
    return "meeting.summoned:no-consent" if assessed else message.type


def _assessed(message: Message) -> bool:
    """Say whether a message states a basis other than consent that the table allows for it."""
    stated = message.basis.code if message.basis is not None else "consent"
    return stated != "consent" and stated in bases_of(message.type)


def _with_participants(asked: Asked, record: MeetingRecord) -> MeetingRecord:
    """Give every unit a place, and the duty it has; an invitation binds nobody."""
    new = (unit for unit in asked.message.recipients if isinstance(unit, UnitId) and record.participant(unit) is None)
    added = (Participant(unit=unit, duty=_bound(asked, unit)) for unit in new)
    known = (_after(found, "meeting.called") if found.unit in asked.message.recipients else found for found in record.participants)
    return record.model_copy(update={"participants": (*known, *added)})


def _bound(asked: Asked, unit: UnitId) -> bool:
    """Say whether a unit has a duty to come to what it is just called to. A rebooking binds whom it adds as a statute would."""
    match asked.message.content:
        case m.MeetingInvited():
            return False
        case m.MeetingSummoned() | f.FollowUpSummoned() as call:
            return duty(unit, call.duty_basis, asked.directory, day_of(call.meeting.starts_at)) is True
        case _:
            return asked.directory.kind_of(unit) in DUTY_BOUND


def _called_off(record: MeetingRecord) -> MeetingRecord:
    return record.model_copy(update={"state": "cancelled"})


def _calling_off(record: MeetingRecord) -> tuple[Effect, ...]:
    return Supersede(record.id, record.version + 1), Recall(record.id)


def rescheduled(asked: Asked, content: m.MeetingRescheduled) -> Refusal | Decision:
    """K4: everybody is asked again, and whoever is new has a place too; what was not sent yet of earlier versions is not sent."""
    known = asked.case.meeting(content.meeting.id)
    if known is None or known.state != "planned":
        return Refusal("case.not_there", "not_there")
    if content.supersedes != known.version:
        return Refusal("message.out_of_order", "conflict", "/content/supersedes")
    if content.convener.unit != asked.message.sender.unit:
        return Refusal("meeting.not_convener", "forbidden", "/content/convener/unit")
    asked_again = tuple(_asked_again(asked, found, day_of(content.meeting.starts_at)) for found in known.participants)
    moved = {
        "version": content.meeting.version,
        "participants": asked_again,
        "convener": content.convener,
        "starts_at": content.meeting.starts_at,
        "respond_by": content.respond_by,
        "assessed": _assessed(asked.message),
        "recalled": False,
        "in_absence": known.in_absence and consent.has(asked.case.grants, "meeting_in_absence", asked.now),
    }
    record = known.model_copy(update=moved)
    effects: list[Effect] = [Supersede(known.id, content.meeting.version)]
    if _left_out(asked, known):
        effects.append(OpenWork("meeting.left_out", content.convener.unit))
    meetings = _with(asked.case, _with_participants(asked, record))
    event = "meeting.rescheduled:discharge" if known.discharge else "meeting.rescheduled"
    return move(asked, event, *effects, meetings=meetings, phone=content.convener.phone)


def _asked_again(asked: Asked, place: Participant, day: date) -> Participant:
    """Return a place as it is before a meeting that was moved: not answered, and bound by an agreement only where one holds on the new day."""
    bound = place.duty and (asked.directory.kind_of(place.unit) in DUTY_BOUND or bound_by_agreement(place.unit, asked.directory, day))
    return _after(place, "meeting.rescheduled").model_copy(update={"duty": bound})


def _left_out(asked: Asked, known: MeetingRecord) -> bool:
    """Say whether somebody who was called, and might be told, is not told the new time: they would come at the old one (K4)."""
    told = {asked.current(unit) for unit in asked.message.recipients if isinstance(unit, UnitId)}
    left = (found.unit for found in known.participants if found.unit not in told)
    return any(route(asked.message, unit, asked.case, asked.directory, asked.now, asked.local).state != "withheld" for unit in left)


def cancelled(asked: Asked, content: m.MeetingCancelled) -> Refusal | Decision:
    """K5: once it is called off it stays so, and calling it off again changes nothing. A discharge it was to plan is not planned any more."""
    known = asked.case.meeting(content.meeting_id)
    if known is None:
        return Refusal("case.not_there", "not_there")
    if content.meeting_version != known.version:
        return Refusal("message.out_of_order", "conflict", "/content/meeting_version")
    if known.state == "held":
        return Refusal("case.wrong_state", "conflict", "/content/meeting_id")
    if known.state == "cancelled":
        return move(asked, "meeting.cancelled:again", *_calling_off(known))
    discharge = discharges.called_off(asked.case, known)
    event = "meeting.cancelled:discharge" if _beside(asked.case, known) else "meeting.cancelled"
    return move(asked, event, *_calling_off(known), meetings=_with(asked.case, _called_off(known)), discharge=discharge)


def _beside(case: SipCase, meeting: MeetingRecord) -> bool:
    """Say whether a meeting plans a discharge beside the SIP, so that nothing comes of it for the SIP."""
    return meeting.discharge and case.state in lifecycle.BESIDE


def held(asked: Asked, content: m.MeetingHeld) -> Refusal | Decision:
    """M1: who came, and what came of it; where a discharge was planned beside a SIP, nothing comes of it for the SIP."""
    known = asked.case.meeting(content.meeting_id)
    if known is None or known.state != "planned" or known.kind != "sip":
        return Refusal("case.not_there", "not_there")
    if content.meeting_version != known.version:
        return Refusal("message.out_of_order", "conflict", "/content/meeting_version")
    if content.individual == "absent_consented" and not consent.has(asked.case.grants, "meeting_in_absence", asked.now):
        return Refusal("meeting.absence_not_consented", "invalid", "/content/individual")
    record = followups.attended(known, content.attended_units)
    event = "meeting.held:discharge" if _beside(asked.case, known) else f"meeting.held:{content.outcome}"
    return move(asked, event, meetings=_with(asked.case, record))


def responded(asked: Asked, content: m.MeetingResponse) -> Refusal | Decision:
    """K3. An answer to an earlier version is void (G7); a duty-bound no without a substitute is escalated (G11).

    A substitute unit that may not come yet is asked for: the individual's word, a consent and a call come first (G2).
    One that comes after the meeting was held or called off is passed on, and changes nothing.
    """
    sender = asked.message.sender.unit
    known = asked.case.meeting(content.meeting_id)
    mine = known.participant(sender) if known else None
    if known is None or mine is None:
        return Refusal("case.not_there", "not_there")
    if content.meeting_version != known.version:
        return Refusal("message.out_of_order", "conflict", "/content/meeting_version")
    answered = _after(mine, f"answer.{content.response}")
    if known.state != "planned" or answered is mine:
        return move(asked, "meeting.response")
    record = known.model_copy(update={"participants": tuple(answered if found.unit == sender else found for found in known.participants)})
    effects: list[Effect] = []
    if content.response == "decline" and mine.duty and content.substitute_unit is None and content.substitute_name is None:
        effects.append(OpenWork("meeting.duty_declined", known.convener.unit))
    if content.response in {"propose-new-time", "contact-us"}:
        effects.append(OpenWork(f"meeting.{content.response}", known.convener.unit))
    if content.substitute_unit is not None and not _may_come(asked, known, asked.current(content.substitute_unit)):
        effects.append(OpenWork("meeting.substitute", known.convener.unit))
    return move(asked, "meeting.response", *effects, meetings=_with(asked.case, record))


def _may_come(asked: Asked, meeting: MeetingRecord, unit: UnitId) -> bool:
    """Say whether a unit is at a meeting anyway: its convener's, or one that is called, with the individual's word or as its sender assessed."""
    if unit == meeting.convener.unit:
        return True
    mine = tuple(grant for grant in asked.case.grants if grant.party in {unit, unit.organisation})
    covered = all(consent.has(mine, scope, asked.now) for scope in ("meeting", consent.PARTICIPANT))
    assessed = meeting.assessed and asked.directory.kind_of(unit) in DUTY_BOUND
    return meeting.participant(unit) is not None and (covered or assessed)


def called_back(case: SipCase, calls: Collection[tuple[UUID, int, str]]) -> SipCase:
    """Return the case without the answers to calls that have been called back (LIFECYCLE section 4.5): whoever is called anew is asked anew.

    Args:
        case: The case.
        calls: Each call's meeting, its version, and the unit that was called.
    """
    return case.model_copy(update={"meetings": tuple(_without(found, calls) for found in case.meetings)}) if calls else case


def _without(record: MeetingRecord, calls: Collection[tuple[UUID, int, str]]) -> MeetingRecord:
    """Return a planned meeting without the answers to some calls; what was held or called off is as it was."""
    if record.state != "planned":
        return record
    void = {unit for meeting, version, unit in calls if (meeting, version) == (record.id, record.version)}
    places = (_after(found, "meeting.called_back") if found.unit in void else found for found in record.participants)
    return record.model_copy(update={"participants": tuple(places)})


def _after(place: Participant, event: str) -> Participant:
    """Move a participant along its table; the very place where the event says nothing of it."""
    state = lifecycle.participant_after(place.state, event)
    return place if state is None else place.model_copy(update={"state": state})


def _with(case: SipCase, *records: MeetingRecord) -> tuple[MeetingRecord, ...]:
    new = {record.id for record in records}
    return (*(found for found in case.meetings if found.id not in new), *records)
