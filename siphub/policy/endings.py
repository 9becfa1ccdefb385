"""The steps that end a case outside its course, and those about messages gone astray (A3, K7, and the request taken back). Pure."""

from __future__ import annotations

from siphub.model.messages import around as a
from siphub.model.messages import ending as e
from siphub.policy.days import day_of
from siphub.policy.refusal import Refusal
from siphub.policy.step import Asked, Decision, Effect, NoteReceipt, OpenWork, Recall, Retract, Supersede, move

ASTRAY = frozenset({"message.misdirected", "message.forwarded"})
"""What a sender must know of its own message whatever becomes of the case: it says nothing of the person (K7)."""
OWED = ASTRAY | {"sip.request.answered"}
"""What a case that has ended may still say: who asked for a SIP is answered, most of all where the answer is no (R3)."""


def stopped(asked: Asked, spared: frozenset[str] = OWED) -> tuple[Effect, ...]:
    """Return what ends every conversation of a case: nothing more is sent, on whatever basis, and everybody who was reached is told so once.

    Args:
        asked: The case and the message that ends it.
        spared: The types of what goes out all the same.
    """
    case = asked.case
    plans = tuple(found for found in (case.plan, case.draft) if found is not None)
    ended = [*((found.id, found.version) for found in case.meetings), *((found.id, found.version) for found in plans)]
    waiting = tuple(Supersede(found, version + 1) for found, version in ended)
    return (*waiting, Recall(None, spared))


def request_withdrawn(asked: Asked, _: e.RequestWithdrawn) -> Refusal | Decision:
    """The individual's own request, taken back: the case is closed."""
    return move(asked, "sip.request.withdrawn", *stopped(asked), grants=())


def in_error(asked: Asked, content: e.EnteredInError) -> Refusal | Decision:
    """A3: one message that should not have been is called back; a whole case is void, which only the coordinator's unit can say.

    A consent that should not have been is taken back as one: calling its message back would leave what it allows.
    """
    if content.extent == "message":
        if any(found.message_id == content.message_id and found.decision in {"permit", "amend"} for found in asked.case.consents):
            return Refusal("error.consent", "invalid", "/content/message_id")
        work = OpenWork("message.in_error", asked.case.coordinating_unit)
        return move(asked, "message.entered_in_error:message", Retract(content.message_id), work)
    if not asked.case.coordinates(asked.message.sender.unit):
        return Refusal("plan.not_coordinator", "forbidden", "/sender")
    return move(asked, "message.entered_in_error:case", *stopped(asked, ASTRAY), grants=())


def deceased(asked: Asked, content: e.SubjectDeceased) -> Refusal | Decision:
    """A3: everything stops, the clocks of a discharge too; nobody is told why. It cannot be undone, so a day that has not come is a slip."""
    if content.died_on > day_of(asked.now):
        return Refusal("date.ahead", "invalid", "/content/died_on")
    plan = asked.case.plan.model_copy(update={"state": "closed"}) if asked.case.plan else None
    stay = asked.case.discharge.model_copy(update={"interrupted_at": asked.now}) if asked.case.discharge else None
    return move(asked, "subject.deceased", *stopped(asked, ASTRAY), plan=plan, draft=None, grants=(), discharge=stay)


def misdirected(asked: Asked, content: a.Misdirected) -> Refusal | Decision:
    """K7: it came to the wrong place; the sender has somebody to find."""
    return move(asked, "astray", NoteReceipt(content.message_id, "rejected", "misdirected"))


def forwarded(asked: Asked, content: a.Forwarded) -> Refusal | Decision:
    """K7: another unit of the same organisation; the consent names units, so somebody asks the individual before anything goes there (REQ-39)."""
    old, new = asked.directory.unit(content.unit), asked.directory.unit(content.new_unit)
    if old is None or new is None or old.organisation != new.organisation or old.id == new.id:
        return Refusal("forward.other_organisation", "invalid", "/content/new_unit")
    work = OpenWork("participant.forwarded", asked.case.coordinating_unit)
    return move(asked, "astray", NoteReceipt(content.message_id, "received"), work)
