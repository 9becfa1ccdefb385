"""The steps of a meeting: called, moved, called off, held, answered (K1 to K5, M1). One meeting at a time is planned in a case.

Pure, like all of the policy. It must never let anybody but a meeting's own convener change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from siphub.model import Message
from siphub.model.case import MeetingRecord, Participant, ParticipantState, SipCase
from siphub.model.identifiers import UnitId
from siphub.model.messages import meeting as m
from siphub.policy import consent
from siphub.policy.disclosure import DUTY_BOUND, bases_of
from siphub.policy.refusal import Refusal
from siphub.policy.step import Asked, Decision, Effect, OpenWork, Recall, Supersede, move


def called(asked: Asked, content: m.MeetingSummoned | m.MeetingInvited) -> Refusal | Decision:
    """K1 and K2: a first version, or further participants to the version there is."""
    known = asked.case.meeting(content.meeting.id)
    left = tuple(found for found in asked.case.meetings if found.state == "planned" and found.id != content.meeting.id)
    refusal = _uncallable(asked, content, known) or _unattended(asked, content)
    if refusal is not None:
        return refusal
    if left and asked.case.state == "SUMMONED":
        return Refusal("meeting.another_planned", "conflict", "/content/meeting/id")
    record = _with_participants(asked, known or MeetingRecord(id=content.meeting.id, version=1, convener=content.convener))
    effects = [effect for found in left for effect in _calling_off(found)]
    meetings = (*(_called_off(found) for found in left), record)
    return move(asked, _calling(asked.message), *effects, meetings=_with(asked.case, *meetings), phone=content.convener.phone)


def _uncallable(asked: Asked, content: m.MeetingSummoned | m.MeetingInvited, known: MeetingRecord | None) -> Refusal | None:
    """Say why the sender may not call to this version of this meeting."""
    if content.convener.unit != asked.message.sender.unit:
        return Refusal("meeting.not_convener", "forbidden", "/content/convener/unit")
    if known and known.convener.unit != asked.message.sender.unit:
        return Refusal("meeting.not_convener", "forbidden", "/content/meeting/id")
    if known and known.state != "planned":
        return Refusal("case.wrong_state", "conflict", "/content/meeting/id")
    follows = content.meeting.version == (known.version if known else 1)
    return None if follows else Refusal("message.out_of_order", "conflict", "/content/meeting/version")


def _unattended(asked: Asked, content: m.MeetingSummoned | m.MeetingInvited) -> Refusal | None:
    """G5: a meeting without the individual needs their consent to that."""
    absent = isinstance(content, m.MeetingSummoned) and content.individual_attendance == "absent_consented"
    if absent and not consent.has(asked.case.grants, "meeting_in_absence", asked.now):
        return Refusal("meeting.absence_not_consented", "invalid", "/content/individual_attendance")
    return None


def _calling(message: Message) -> str:
    """Return the event a call is: a kallelse may stand without consent, on a basis that the table allows for it."""
    stated = message.basis.code if message.basis is not None else "consent"
    assessed = isinstance(message.content, m.MeetingSummoned) and stated != "consent" and stated in bases_of(message.type)
    return "meeting.summoned:no-consent" if assessed else message.type


def _with_participants(asked: Asked, record: MeetingRecord) -> MeetingRecord:
    """Give every recipient a place; only a huvudman's or care provider's unit can be duty-bound, and an invitation binds nobody."""
    binds = not isinstance(asked.message.content, m.MeetingInvited)
    new = (unit for unit in asked.message.recipients if isinstance(unit, UnitId) and record.participant(unit) is None)
    added = (Participant(unit=unit, duty=binds and asked.directory.kind_of(unit) in DUTY_BOUND) for unit in new)
    return record.model_copy(update={"participants": (*record.participants, *added)})


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
    asked_again = tuple(found.model_copy(update={"state": "SENT"}) for found in known.participants)
    record = known.model_copy(update={"version": content.meeting.version, "participants": asked_again, "convener": content.convener})
    supersede = Supersede(known.id, content.meeting.version)
    meetings = _with(asked.case, _with_participants(asked, record))
    return move(asked, "meeting.rescheduled", supersede, meetings=meetings, phone=content.convener.phone)


def cancelled(asked: Asked, content: m.MeetingCancelled) -> Refusal | Decision:
    """K5: once it is called off it stays so, and calling it off again changes nothing."""
    known = asked.case.meeting(content.meeting_id)
    if known is None:
        return Refusal("case.not_there", "not_there")
    if content.meeting_version != known.version:
        return Refusal("message.out_of_order", "conflict", "/content/meeting_version")
    if known.state == "held":
        return Refusal("case.wrong_state", "conflict", "/content/meeting_id")
    if known.state == "cancelled":
        return move(asked, "meeting.cancelled:again", *_calling_off(known))
    return move(asked, "meeting.cancelled", *_calling_off(known), meetings=_with(asked.case, _called_off(known)))


def held(asked: Asked, content: m.MeetingHeld) -> Refusal | Decision:
    """M1: who came, and what came of it."""
    known = asked.case.meeting(content.meeting_id)
    if known is None or known.state != "planned":
        return Refusal("case.not_there", "not_there")
    if content.meeting_version != known.version:
        return Refusal("message.out_of_order", "conflict", "/content/meeting_version")
    if content.individual == "absent_consented" and not consent.has(asked.case.grants, "meeting_in_absence", asked.now):
        return Refusal("meeting.absence_not_consented", "invalid", "/content/individual")
    attended = tuple(
        found.model_copy(update={"state": "ATTENDED" if found.unit in content.attended_units else "ABSENT"}) for found in known.participants
    )
    record = known.model_copy(update={"state": "held", "participants": attended})
    return move(asked, f"meeting.held:{content.outcome}", meetings=_with(asked.case, record))


_ANSWERS: Mapping[str, ParticipantState] = MappingProxyType(
    {
        "accept": "ACCEPTED",
        "decline": "DECLINED",
        "tentative": "TENTATIVE",
        "propose-new-time": "NEW_TIME_PROPOSED",
        "delegate": "DELEGATED",
        "contact-us": "CONTACT_US",
    }
)


def responded(asked: Asked, content: m.MeetingResponse) -> Refusal | Decision:
    """K3. An answer to an earlier version is void (G7); a duty-bound no without a substitute is escalated (G11).

    One that comes after the meeting was held or called off is passed on, and changes nothing.
    """
    sender = asked.message.sender.unit
    known = asked.case.meeting(content.meeting_id)
    mine = known.participant(sender) if known else None
    if known is None or mine is None:
        return Refusal("case.not_there", "not_there")
    if content.meeting_version != known.version:
        return Refusal("message.out_of_order", "conflict", "/content/meeting_version")
    if known.state != "planned":
        return move(asked, "meeting.response")
    answered = mine.model_copy(update={"state": _ANSWERS[content.response]})
    record = known.model_copy(update={"participants": tuple(answered if found.unit == sender else found for found in known.participants)})
    effects: list[Effect] = []
    if content.response == "decline" and mine.duty and content.substitute_unit is None and content.substitute_name is None:
        effects.append(OpenWork("meeting.duty_declined", known.convener.unit))
    if content.response in {"propose-new-time", "contact-us"}:
        effects.append(OpenWork(f"meeting.{content.response}", known.convener.unit))
    return move(asked, "meeting.response", *effects, meetings=_with(asked.case, record))


def _with(case: SipCase, *records: MeetingRecord) -> tuple[MeetingRecord, ...]:
    new = {record.id for record in records}
    return (*(found for found in case.meetings if found.id not in new), *records)
