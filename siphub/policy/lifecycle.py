"""The four state tables: a case's, a consent's, a participant's, a delivery's. Data only; the diagrams in docs/states.md are made from them.

What is not in a table cannot happen: there is no default.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from siphub.model.case import CaseState, ConsentState, ParticipantState

ENDED: tuple[CaseState, ...] = ("DECLINED_NO_NEED", "CLOSED", "VOID")
"""Terminal; a no is taken here too, because something may still be on its way."""
TERMINAL: frozenset[CaseState] = frozenset(ENDED)
OPEN: tuple[CaseState, ...] = (
    "REQUESTED",
    "CONSENT_REFUSED",
    "PREPARING",
    "SUMMONED",
    "DRAFTING",
    "IN_REVIEW",
    "ACTIVE",
    "FOLLOW_UP",
    "SUSPENDED_NO_CONSENT",
)
KEPT: tuple[CaseState, ...] = (*OPEN, *ENDED, "OTHER_PLAN")
"""Every state there is."""
RESUMED: tuple[CaseState, ...] = ("PREPARING", "SUMMONED", "DRAFTING", "IN_REVIEW", "ACTIVE")
"""Where a suspended case goes on when there is a consent again: `SUMMONED` where a meeting by LUS 4:1 is planned, for no other is taken up by itself."""


RUNNING: tuple[CaseState, ...] = ("DRAFTING", "IN_REVIEW", "ACTIVE", "FOLLOW_UP")
"""Where a SIP has had the meeting that makes the plan, and goes on."""
BESIDE: tuple[CaseState, ...] = ("SUSPENDED_NO_CONSENT", *RUNNING)
"""Where a meeting by LUS 4:1 is planned beside a SIP, which it does not move: the SIP has stopped, or it has had its own meeting."""


def _stay(*states: CaseState) -> dict[CaseState, CaseState]:
    return {state: state for state in states}


CASE: Mapping[str, Mapping[CaseState, CaseState]] = MappingProxyType(
    {
        "need.assessed:yes": _stay("REQUESTED", "CONSENT_REFUSED", "PREPARING"),
        "need.assessed:no": {"REQUESTED": "DECLINED_NO_NEED"},
        "participants.approved": _stay(*OPEN),
        "consent.given:enough": {
            **_stay(*(state for state in OPEN if state != "SUSPENDED_NO_CONSENT")),
            "REQUESTED": "PREPARING",
            "CONSENT_REFUSED": "PREPARING",
        },
        **{f"consent.given:back_to_{state.lower()}": {"SUSPENDED_NO_CONSENT": state} for state in RESUMED},
        "consent.given:partial": _stay(*OPEN),
        "consent.refused": {
            **_stay("CONSENT_REFUSED", "SUSPENDED_NO_CONSENT", *ENDED),
            "REQUESTED": "CONSENT_REFUSED",
            "PREPARING": "CONSENT_REFUSED",
            "SUMMONED": "SUSPENDED_NO_CONSENT",
            "DRAFTING": "SUSPENDED_NO_CONSENT",
            "IN_REVIEW": "SUSPENDED_NO_CONSENT",
            "ACTIVE": "SUSPENDED_NO_CONSENT",
            "FOLLOW_UP": "SUSPENDED_NO_CONSENT",
        },
        "consent.amended": _stay(*OPEN),
        "consent.withdrawn:part": _stay(*OPEN, *ENDED),
        "consent.withdrawn:all": {**dict.fromkeys(OPEN, "SUSPENDED_NO_CONSENT"), **_stay(*ENDED)},
        "consent.expired:part": _stay(*OPEN, "DECLINED_NO_NEED", "CLOSED"),
        "consent.expired:all": {
            **dict.fromkeys(OPEN, "SUSPENDED_NO_CONSENT"),
            **_stay("REQUESTED", "CONSENT_REFUSED", "DECLINED_NO_NEED", "CLOSED"),
        },
        "meeting.summoned": {**_stay("SUMMONED"), "PREPARING": "SUMMONED"},
        "meeting.summoned:no-consent": {
            **_stay("SUMMONED"),
            "REQUESTED": "SUMMONED",
            "CONSENT_REFUSED": "SUMMONED",
            "PREPARING": "SUMMONED",
        },
        "meeting.summoned:discharge": {
            **_stay("SUMMONED", *BESIDE),
            "REQUESTED": "SUMMONED",
            "CONSENT_REFUSED": "SUMMONED",
            "PREPARING": "SUMMONED",
        },
        "meeting.invited": {**_stay("SUMMONED", "FOLLOW_UP"), "PREPARING": "SUMMONED"},
        "meeting.response": _stay("SUMMONED", "SUSPENDED_NO_CONSENT", "DRAFTING", "IN_REVIEW", "ACTIVE", "FOLLOW_UP", "PREPARING"),
        "meeting.rescheduled": _stay("SUMMONED", "ACTIVE", "FOLLOW_UP"),
        "meeting.rescheduled:discharge": _stay("SUMMONED", *BESIDE),
        "meeting.cancelled": {"SUMMONED": "PREPARING", "FOLLOW_UP": "ACTIVE", **_stay("PREPARING", "ACTIVE", "SUSPENDED_NO_CONSENT")},
        "meeting.cancelled:discharge": _stay(*BESIDE),
        "meeting.cancelled:again": _stay(*(state for state in (*OPEN, "CLOSED", "VOID") if state != "REQUESTED")),
        "meeting.held:plan": {"SUMMONED": "DRAFTING"},
        "meeting.held:no_plan": {"SUMMONED": "CLOSED"},
        "meeting.held:new_meeting": {"SUMMONED": "PREPARING"},
        "meeting.held:discharge": _stay(*BESIDE),
        "plan.proposed": {"DRAFTING": "IN_REVIEW", **_stay("IN_REVIEW", "ACTIVE", "FOLLOW_UP")},
        "plan.commitment.confirmed": _stay("IN_REVIEW", "ACTIVE", "FOLLOW_UP"),
        "plan.commitment.rejected": _stay("IN_REVIEW", "ACTIVE", "FOLLOW_UP"),
        "plan.established": {"IN_REVIEW": "ACTIVE"},
        "plan.revised": {"ACTIVE": "ACTIVE", "FOLLOW_UP": "ACTIVE"},
        "plan.closed": {**dict.fromkeys((*OPEN, "OTHER_PLAN"), "CLOSED"), "CLOSED": "CLOSED"},
        "plan.copy.delivered": _stay("ACTIVE", "FOLLOW_UP", "SUSPENDED_NO_CONSENT", "OTHER_PLAN", "CLOSED"),
        "activity.status": _stay("ACTIVE", "FOLLOW_UP"),
        "followup.summoned": {"ACTIVE": "FOLLOW_UP", **_stay("FOLLOW_UP")},
        "followup.held": {"FOLLOW_UP": "ACTIVE", **_stay("ACTIVE")},
        "coordinator.changed": _stay("PREPARING", "SUMMONED", "DRAFTING", "IN_REVIEW", "ACTIVE", "FOLLOW_UP"),
        "sip.requested": _stay("REQUESTED"),
        "sip.proposed": _stay("REQUESTED"),
        "sip.initiated": _stay("REQUESTED"),
        "sip.request.answered": _stay("REQUESTED", "CONSENT_REFUSED", "PREPARING", "DECLINED_NO_NEED", "CLOSED"),
        "sip.request.withdrawn": {**dict.fromkeys(("REQUESTED", "CONSENT_REFUSED", "PREPARING"), "CLOSED"), **_stay("CLOSED")},
        "inpatient": _stay(*OPEN, "DECLINED_NO_NEED", "CLOSED"),
        "splptlrv.established": _stay("OTHER_PLAN"),
        "lss.established": _stay("OTHER_PLAN"),
        "message.entered_in_error:message": _stay(*KEPT),
        "message.entered_in_error:case": dict.fromkeys(KEPT, "VOID"),
        "subject.deceased": {**dict.fromkeys((*OPEN, "OTHER_PLAN"), "CLOSED"), **_stay(*ENDED)},
        "astray": _stay(*KEPT),
        "receipt": _stay(*KEPT),
    }
)
"""Event → (state → next state). An event is a message type, with the branch it takes after a colon (LIFECYCLE section 1).

`consent.given:enough` and those after it stand for an amendment that makes a consent whole as well. `receipt` stands for T1 to T3, `astray` for K7, `inpatient` for D1 to D3: none of them moves a SIP.
"""

OPENING: Mapping[str, CaseState] = MappingProxyType(
    {
        "sip.requested": "REQUESTED",
        "sip.proposed": "REQUESTED",
        "sip.initiated": "REQUESTED",
        "inpatient.admitted": "REQUESTED",
        "splptlrv.established": "OTHER_PLAN",
        "lss.established": "OTHER_PLAN",
    }
)
"""The types that may open a case, and the state it opens in."""

CONSENT: Mapping[str, Mapping[ConsentState, ConsentState]] = MappingProxyType(
    {
        "consent.given": dict.fromkeys(("NOT_ASKED", "ACTIVE", "WITHDRAWN", "EXPIRED", "REFUSED"), "ACTIVE"),
        "consent.refused": dict.fromkeys(("NOT_ASKED", "ACTIVE", "WITHDRAWN", "EXPIRED", "REFUSED"), "REFUSED"),
        "consent.amended:added": dict.fromkeys(("NOT_ASKED", "WITHDRAWN", "EXPIRED", "REFUSED"), "ACTIVE"),
        "consent.amended:extended": {"ACTIVE": "ACTIVE"},
        "consent.amended:narrowed": {"ACTIVE": "ACTIVE"},
        "consent.amended:removed": dict.fromkeys(("ACTIVE", "EXPIRED"), "WITHDRAWN"),
        "consent.withdrawn": dict.fromkeys(("ACTIVE", "EXPIRED"), "WITHDRAWN"),
        "consent.expired": {"ACTIVE": "EXPIRED"},
        "participants.approved:objection": dict.fromkeys(("ACTIVE", "EXPIRED"), "WITHDRAWN"),
        "case.ended": {"ACTIVE": "EXPIRED"},
    }
)
"""Event → (state → next state), for one scope towards one party. Every consent ends with its case, where the case ends by being closed."""

ASKED: tuple[ParticipantState, ...] = ("SENT", "DELIVERED", "READ", "UNDELIVERABLE", "MANUAL_FALLBACK", "MANUAL_CONFIRMED")
"""States of a participant who was called and has not answered: how far the call came."""
ANSWERS: Mapping[str, ParticipantState] = MappingProxyType(
    {
        "accept": "ACCEPTED",
        "decline": "DECLINED",
        "tentative": "TENTATIVE",
        "propose-new-time": "NEW_TIME_PROPOSED",
        "delegate": "DELEGATED",
        "contact-us": "CONTACT_US",
    }
)
"""What a participant can answer, in the word of K3; the newest answer counts."""
_CALLED: tuple[ParticipantState, ...] = (*ASKED, *ANSWERS.values())

Place = ParticipantState | Literal[""]
"""Where a participant stands; "" is before anybody has named it."""
PARTICIPANT: Mapping[str, Mapping[Place, Place]] = MappingProxyType(
    {
        "participants.approved": {"": "APPROVED_BY_INDIVIDUAL"},
        "participants.left_out": {"APPROVED_BY_INDIVIDUAL": ""},
        "meeting.called": dict.fromkeys(("", "APPROVED_BY_INDIVIDUAL", *ASKED), "SENT"),
        "meeting.rescheduled": dict.fromkeys(("", "APPROVED_BY_INDIVIDUAL", *_CALLED), "SENT"),
        "meeting.called_back": dict.fromkeys(ANSWERS.values(), "UNDELIVERABLE"),
        "delivery.delivered": dict.fromkeys(("SENT", "UNDELIVERABLE", "MANUAL_FALLBACK"), "DELIVERED"),
        "delivery.read": dict.fromkeys(("SENT", "DELIVERED", "UNDELIVERABLE", "MANUAL_FALLBACK"), "READ"),
        "delivery.stopped": dict.fromkeys(("SENT", "DELIVERED", "READ", "MANUAL_FALLBACK"), "UNDELIVERABLE"),
        "delivery.again": dict.fromkeys(("UNDELIVERABLE", "MANUAL_FALLBACK"), "SENT"),
        "by_hand.taken": {"UNDELIVERABLE": "MANUAL_FALLBACK"},
        "by_hand.told": dict.fromkeys(("SENT", "UNDELIVERABLE", "MANUAL_FALLBACK"), "MANUAL_CONFIRMED"),
        **{f"answer.{word}": dict.fromkeys(_CALLED, state) for word, state in ANSWERS.items()},
        "attended": dict.fromkeys(_CALLED, "ATTENDED"),
        "absent": dict.fromkeys(_CALLED, "ABSENT"),
    }
)
"""Event → (state → next state), for one unit at one version of a meeting.

`delivery.*` and `by_hand.*` are what becomes of the call on its way; they say nothing new of somebody who has answered. An answer to a call
that a withdrawal has called back counts no more: whoever is called anew is asked anew.
"""

HELD, QUEUED, SENDING, AWAITING = "held", "queued", "sending", "awaiting_receipt"
FINAL: frozenset[str] = frozenset(
    {"delivered", "read", "withheld", "superseded", "rejected", "gave_up", "expired", "recalled", "handled_manually"}
)
BLOCKING: frozenset[str] = frozenset({QUEUED, SENDING})
"""States in which a delivery keeps its successors waiting; `awaiting_receipt` and `held` do not."""

DELIVERY: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "accept.queue": {"": QUEUED},
        "accept.hold": {"": HELD},
        "accept.withhold": {"": "withheld"},
        "claim.permit": {QUEUED: SENDING},
        "claim.withhold": {QUEUED: "withheld"},
        "claim.hold": {QUEUED: HELD},
        "outcome.delivered": {SENDING: "delivered"},
        "outcome.accepted": {SENDING: AWAITING},
        "outcome.retry": {SENDING: QUEUED},
        "outcome.retry_withdrawn": {SENDING: "withheld"},
        "outcome.superseded": {SENDING: "superseded"},
        "outcome.uncertain": {SENDING: QUEUED},
        "outcome.hold": {SENDING: HELD},
        "outcome.rejected": {SENDING: "rejected"},
        "outcome.gave_up": {SENDING: "gave_up"},
        "permit.expired": {SENDING: QUEUED},
        "lease.expired": {SENDING: QUEUED},
        "lease.hold": {SENDING: HELD},
        "receipt.received": {
            AWAITING: "delivered",
            SENDING: "delivered",
            QUEUED: "delivered",
            HELD: "delivered",
            "delivered": "delivered",
            "read": "read",
        },
        "receipt.read": {AWAITING: "read", SENDING: "read", QUEUED: "read", HELD: "read", "delivered": "read", "read": "read"},
        "receipt.rejected": {AWAITING: "rejected", SENDING: "rejected", QUEUED: "rejected", HELD: "rejected", "delivered": "rejected"},
        "receipt.overdue": {AWAITING: AWAITING},
        "withdraw.withhold": {QUEUED: "withheld", HELD: "withheld", "gave_up": "withheld"},
        "supersede": {QUEUED: "superseded", HELD: "superseded", "gave_up": "superseded"},
        "recall_pending": {SENDING: SENDING},
        "recalled": {
            **dict.fromkeys(("delivered", "read", AWAITING), "recalled"),
            **dict.fromkeys((HELD, "gave_up", "withheld", "superseded", "expired"), "recalled"),
        },
        "unit.followed": {QUEUED: QUEUED, HELD: HELD, "gave_up": "gave_up"},
        "expire": {QUEUED: "expired", HELD: "expired"},
        "partner.gave_up": {QUEUED: "gave_up"},
        "operator.hold": {QUEUED: HELD},
        "operator.release": {HELD: QUEUED},
        "operator.retry": {"gave_up": QUEUED, "rejected": QUEUED, "withheld": QUEUED, "expired": QUEUED, HELD: QUEUED},
        "operator.handled": dict.fromkeys((HELD, QUEUED, AWAITING, "gave_up", "rejected", "expired"), "handled_manually"),
    }
)
"""Event → (state → next state); "" is before there is a delivery (HOUSE, "A delivery's life")."""


def after(state: str, event: str) -> str | None:
    """Return the delivery state that follows, or None where the event cannot happen in that state."""
    return DELIVERY[event].get(state)


def case_after(state: CaseState, event: str) -> CaseState | None:
    """Return the case state that follows, or None where the event is not allowed in that state."""
    return CASE[event].get(state)


def consent_after(state: ConsentState, event: str) -> ConsentState | None:
    """Return what a consent is after an event, or None where the event changes nothing of it."""
    return CONSENT[event].get(state)


def participant_after(state: Place, event: str) -> Place | None:
    """Return where a participant stands after an event, or None where the event says nothing of somebody who stands there."""
    return PARTICIPANT[event].get(state)
