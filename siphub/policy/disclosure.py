"""Who may see a message, on which basis, and how much of it. Deny by default: what no rule allows is withheld.

The same `judge` is asked at intake and again at the claim, inside the claim's transaction, over the grants as they stand there
(guard G1). The rules are data: `disclosure.toml` beside this file (LIFECYCLE sections 3 and 5).
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, Protocol

from siphub.contract import Cut
from siphub.model import Directory, Message
from siphub.model.case import ConsentRecord, SipCase
from siphub.model.directory import PRINCIPALS
from siphub.model.envelope import ConsentStatement
from siphub.model.identifiers import PersonRef, UnitId
from siphub.model.messages.meeting import Meeting, MeetingResponse
from siphub.policy import discharges, grounds
from siphub.policy.local import EXCEPTIONS

DUTY_BOUND: frozenset[str] = frozenset({"region", "municipality", "private_provider"})
"""Kinds of organisation whose units can be duty-bound; only between these can a basis other than consent hold (LIFECYCLE section 3)."""
PeopleKind = Literal["individual", "guardian", "guardian_restricted", "representative", "relative", "other_person"]
RecipientKind = Literal["contact", "convener", "duty", "bound", "agency", "outside", PeopleKind]
STATUTORY: frozenset[str] = frozenset(
    {"inpatient.admitted", "inpatient.discharge_ready", "inpatient.discharge_ready.revoked", "inpatient.discharged", "process.interrupted"}
)
"""The notices of LUS: whoever the discharge does not concern is outside, whatever care it gives."""
UNCONDITIONAL: frozenset[str] = frozenset({"own_message", "own_data", "no_person_data", "recall"})
"""Bases that rest on no grant."""
FROM: Final = "from"
"""Stands among what is granted where the sender may say all that the rule has: its consent goes from it, or it rests on another basis (K3)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the table: message types and kinds of recipient → bases, scopes, fields; `why` is a sentence in `en` and one in `sv`.

    `by_hand` are free texts that are left out, and handed over by somebody who has read them through (LIFECYCLE 5.8). Where there is a
    `show_from`, a sender with a consent of any direction may send the rest, but, if it is not duty-bound, no answer of `from_only` (K3).
    """

    types: tuple[str, ...]
    recipients: tuple[str, ...]
    why: Mapping[str, str]
    bases: tuple[str, ...]
    scopes: frozenset[str]
    covers: Literal["recipient", "sender"]
    show: frozenset[str]
    show_on_consent: frozenset[str]
    show_with: Mapping[str, frozenset[str]]
    public: bool
    by_hand: frozenset[str] = frozenset()
    show_from: frozenset[str] = frozenset()
    from_only: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Requirement:
    """What must hold for one delivery, as stored with it and judged again at every claim.

    `party` is the unit whose grant counts; `party_organisation` its organisation where that is a state agency (only those may be named whole).
    `widening` are scopes that show more where they are granted.
    """

    bases: tuple[str, ...]
    scopes: frozenset[str]
    widening: frozenset[str]
    party: str
    party_organisation: str | None
    direction: Literal["to", "from", "either"]


@dataclass(frozen=True, slots=True)
class Covered:
    """It may be sent: on this basis, with these scopes granted, and `FROM` where its sender may say all (K3)."""

    basis: str
    granted: frozenset[str]


@dataclass(frozen=True, slots=True)
class Withheld:
    """It may not be sent; `reason` is a code of `siphub.policy.reasons`."""

    reason: str


class GrantLike(Protocol):
    """A grant as the case keeps it or as the store's row has it."""

    @property
    def scope(self) -> str:
        """A scope of consent, or `participant`."""

    @property
    def party(self) -> str:
        """A unit, or a state agency's organisation number."""

    @property
    def direction(self) -> str:
        """`to`, `from` or `both`."""

    @property
    def until(self) -> datetime | None:
        """When it runs out, exclusive; None means until further notice."""

    @property
    def since(self) -> datetime:
        """From when it holds."""


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads((files("siphub.policy") / "disclosure.toml").read_text("utf-8"))


def envelope() -> frozenset[str]:
    """Return the fields of the envelope that are no secret to whoever gets a message at all."""
    return frozenset(_table()["sets"]["envelope"])


@cache
def rules() -> tuple[Rule, ...]:
    """Return the table, read once."""
    table = _table()
    sets: Mapping[str, list[str]] = table["sets"]

    def paths(names: Sequence[str]) -> frozenset[str]:
        return frozenset(path for name in names for path in (sets[name[1:]] if name.startswith("@") else [name]))

    return tuple(
        Rule(
            types=tuple(row["types"]),
            recipients=tuple(row["recipients"]),
            why=row["why"],
            bases=tuple(row["bases"]),
            scopes=frozenset(row["scopes"]),
            covers=row["covers"],
            show=paths(row["show"]),
            show_on_consent=paths(row.get("show_on_consent", [])),
            show_with={scope: paths(names) for scope, names in row.get("show_with", {}).items()},
            public=row.get("replace") == "public",
            by_hand=paths(row.get("by_hand", [])),
            show_from=paths(row.get("show_from", [])),
            from_only=frozenset(row.get("from_only", [])),
        )
        for row in table["rule"]
    )


def bases_of(message_type: str) -> frozenset[str]:
    """Return every basis that can carry a message type to anybody."""
    return frozenset(basis for rule in rules() if message_type in rule.types for basis in rule.bases)


def kinds_of(unit: str, case: SipCase, directory: Directory, message: Message, day: date | None = None) -> tuple[RecipientKind, ...]:
    """Return every kind a unit is for this message, most particular first; empty where the directory does not know it.

    Args:
        unit: A unit, or a person of the case.
        case: The case.
        directory: A snapshot.
        message: What is sent.
        day: The day in Sweden, for who comes of age; that of the message where none is named.
    """
    if isinstance(unit, PersonRef):
        return _person_kinds(unit, case, day or message.sent_at.date())
    organisation = directory.kind_of(unit)
    if organisation is None:
        return ()
    if message.type in STATUTORY and not discharges.concerns(UnitId(unit), case, directory):
        return ("outside",)
    kinds: list[RecipientKind] = []
    if unit == case.contact:
        kinds.append("contact")
    if unit == _answers_to(message, case):
        kinds.append("convener")
    if organisation in DUTY_BOUND:
        kinds.append("duty")
    else:
        kinds += ["bound"] if _bound_by_agreement(unit, case, message) else []
        kinds.append("agency" if organisation == "state_agency" else "outside")
    return tuple(kinds)


def _bound_by_agreement(unit: str, case: SipCase, message: Message) -> bool:
    """Say whether a unit outside care has a duty to come to the meeting of a call: only an agreement gives one, as the case has noted."""
    called = getattr(message.content, "meeting", None)
    meeting = case.meeting(called.id) if isinstance(called, Meeting) else None
    place = meeting.participant(unit) if meeting is not None else None
    return place is not None and place.duty


def _person_kinds(ref: PersonRef, case: SipCase, day: date) -> tuple[RecipientKind, ...]:
    """Return what a person is for a case: only the individual needs no entry in it.

    Whoever the individual objects to, and the guardian of a child who has come of age, is one other person, and gets what a stranger gets.
    """
    known = case.person(ref)
    if ref.kind == "individual":
        return ("individual",)
    grown = ref.kind == "guardian" and (grounds.age(case.subject, day) or 0) >= grounds.OF_AGE
    if known is None:
        return ()
    if known.objection or grown:
        return ("other_person",)
    return ("guardian_restricted",) if known.address_secret else (ref.kind,)


def _answers_to(message: Message, case: SipCase) -> str | None:
    """Return whom an answer is for: the convener of that very meeting, and for all else the coordinator (K3, P2)."""
    if isinstance(message.content, MeetingResponse):
        meeting = case.meeting(message.content.meeting_id)
        return meeting.convener.unit if meeting else None
    return case.coordinating_unit


def rule_for(message_type: str, kinds: Collection[str]) -> Rule | None:
    """Return the rule for a message type and a recipient that is of these kinds, or None. One that names a kind goes before one for anybody."""
    mine = [rule for rule in rules() if message_type in rule.types]
    named = next((rule for rule in mine if not frozenset(kinds).isdisjoint(rule.recipients)), None)
    return named or next((rule for rule in mine if "*" in rule.recipients), None)


def why_no_rule(recipient: str, kinds: Collection[str]) -> str:
    """Return why nothing of a message goes to somebody that no rule is for, a code of `siphub.policy.reasons`."""
    if isinstance(recipient, PersonRef) and set(kinds) <= {"other_person"}:
        return "person.not_in_case"
    return "basis.none" if kinds else "recipient.unknown"


def requirement(rule: Rule, *, recipient: str, sender: str, directory: Directory, answer: str | None = None) -> Requirement:
    """Return what must hold for a delivery under a rule. Whoever is not duty-bound can state no basis of its own: only consent counts there.

    The exceptions from secrecy are between a region and a municipality, one way or the other. `answer` is what a response to a call says.
    """
    stated = directory.kind_of(sender) in DUTY_BOUND
    across = {directory.kind_of(sender), directory.kind_of(recipient)} == PRINCIPALS
    party = recipient if rule.covers == "recipient" else sender
    unit = directory.unit(party)
    agency = unit is not None and directory.kind_of(party) == "state_agency"
    return Requirement(
        bases=tuple(
            basis for basis in rule.bases if (basis in {"consent", *UNCONDITIONAL} or stated) and (basis not in EXCEPTIONS or across)
        ),
        scopes=rule.scopes,
        widening=frozenset(rule.show_with),
        party=party,
        party_organisation=unit.organisation if unit is not None and agency else None,
        direction=_way(rule, None if stated else answer),
    )


def _way(rule: Rule, answer: str | None) -> Literal["to", "from", "either"]:
    """Return which way a consent must go that carries a rule; `answer` is that of a sender who has no duty, and may give away it has a case (K3)."""
    if rule.covers == "recipient":
        return "to"
    return "either" if rule.show_from and answer not in rule.from_only else "from"


def judge(
    need: Requirement, grants: Collection[GrantLike], asserted: str | None, now: datetime, exceptions: Collection[str] = ()
) -> Covered | Withheld:
    """Decide whether a delivery may be sent now (guards G1 and G2).

    Args:
        need: What its rule asks for.
        grants: The case's grants as they stand at this moment.
        asserted: The basis the sending organisation stated, other than consent, if any.
        now: The time, UTC.
        exceptions: The exceptions from secrecy that the sending organisation has switched on at this moment.
    """
    if need.direction != "either":
        return _judged(need, grants, asserted, now, exceptions)
    whole = _judged(replace(need, direction="from"), grants, asserted, now, exceptions)
    return whole if isinstance(whole, Covered) else _judged(replace(need, direction="to"), grants, asserted, now, exceptions)


def _judged(
    need: Requirement, grants: Collection[GrantLike], asserted: str | None, now: datetime, exceptions: Collection[str]
) -> Covered | Withheld:
    """Decide on what goes one way."""
    free = next((basis for basis in need.bases if basis in UNCONDITIONAL), None)
    if free is not None:
        return Covered(free, frozenset())
    said = frozenset({FROM}) if need.direction == "from" else frozenset()
    mine = [grant for grant in grants if grant.party == need.party or (need.party_organisation and grant.party == need.party_organisation)]
    if "consent" in need.bases:
        directed = [grant for grant in mine if grant.direction in {need.direction, "both"}]
        live = frozenset(grant.scope for grant in directed if grant.until is None or now < grant.until)
        if need.scopes <= live:
            return Covered("consent", live & (need.scopes | need.widening) | said)
    if asserted is not None and asserted != "consent" and asserted in need.bases:
        off = asserted in EXCEPTIONS and asserted not in exceptions
        return Withheld("basis.exception_off") if off else Covered(asserted, said)
    return Withheld(_why(need, mine, asserted, now))


def _why(need: Requirement, mine: Sequence[GrantLike], asserted: str | None, now: datetime) -> str:
    """Say which of the reasons it was, the most useful to a coordinator first."""
    if asserted not in {None, "consent"}:
        return "basis.not_allowed"
    consents = [grant for grant in mine if grant.scope != "participant"]
    if not consents:
        return "basis.consent_missing"
    lacking = need.scopes - {grant.scope for grant in mine}
    if lacking == {"participant"}:
        return "participant.not_approved"
    if lacking:
        return "basis.scope_missing"
    live = [grant for grant in mine if grant.until is None or now < grant.until]
    if need.scopes - {grant.scope for grant in live}:
        return "basis.consent_expired"
    return "basis.direction_missing"


def statement(
    need: Requirement, grants: Collection[GrantLike], now: datetime, records: Sequence[ConsentRecord] = ()
) -> ConsentStatement | None:
    """Return what a recipient may rely on when it speaks with the sender (LIFECYCLE 5.3), or None where no consent names it.

    The way is what all its grants have in common, and `to` where they have none, which lets it say least; the end is the earliest of theirs.
    What the records say of one organisation alone is stated to that one, as information that decides nothing.

    Args:
        need: Whose.
        grants: The case's.
        now: When.
        records: The case's consents, oldest first.
    """
    mine = [
        grant
        for grant in grants
        if grant.scope != "participant"
        and grant.party in {need.party, need.party_organisation}
        and (grant.until is None or now < grant.until)
    ]
    if not mine:
        return None
    ways = {grant.direction for grant in mine}
    direction: Literal["to", "from", "both"] = "both" if ways == {"both"} else "to" if "to" in ways else "from"
    until = min((grant.until for grant in mine if grant.until is not None), default=None)
    registered = _registered(need, records) if need.party_organisation == _table()["stated_to"]["registered_at_af"] else None
    return ConsentStatement(since=min(grant.since for grant in mine), direction=direction, until=until, registered_at_af=registered)


def _registered(need: Requirement, records: Sequence[ConsentRecord]) -> Literal["yes", "no", "unknown"] | None:
    """Return what the newest consent towards a party says of its being registered there."""
    party = {need.party, need.party_organisation}
    said = [one.registered_at_af for one in records if one.registered_at_af and any(change.party in party for change in one.changes)]
    return said[-1] if said else None


def cut(
    message: Message, rule: Rule, *, recipient: str, covered: Covered, directory: Directory, consent: ConsentStatement | None = None
) -> Cut:
    """Return the part of a message that a recipient may see (LIFECYCLE section 5).

    Only listed fields remain; the recipient sees itself among the recipients and its own questions, nobody else's. `consent` is what it may
    rely on; whatever the sender wrote about that is left out.
    """
    allowed = set(rule.show)
    if covered.basis == "consent":
        allowed |= rule.show_on_consent
    if FROM in covered.granted:
        allowed |= rule.show_from
    for scope, paths in rule.show_with.items():
        if scope in covered.granted:
            allowed |= paths
    whole = message.to_document()
    document = _pick(whole, "", allowed)
    document["recipients"] = [recipient]
    content = document.get("content", {})
    if "questions" in content:
        content["questions"] = [question for question in content["questions"] if _same_unit(question["unit"], recipient, directory)]
    if rule.public:
        _make_public(document, message, directory)
    if consent is not None and covered.basis == "consent":
        document["consent_statement"] = consent.model_dump(mode="json", exclude_none=True)
    return Cut(document=document, basis=covered.basis, omitted=tuple(sorted(_missing(whole, document, ""))))


def left_to_hand(message: Message, rule: Rule | None) -> tuple[str, ...]:
    """Return the free texts of a message that a rule leaves to a person to hand over, as JSON pointers."""
    if rule is None or not rule.by_hand:
        return ()
    document = message.to_document()
    return tuple("/" + path.replace(".", "/") for path in sorted(rule.by_hand) if _stands(document, path))


def _stands(document: Any, path: str) -> bool:
    for step in path.split("."):
        document = document.get(step) if isinstance(document, Mapping) else None
    return bool(document)


def _same_unit(named: str, recipient: str, directory: Directory) -> bool:
    """Say whether a unit that a message names is its recipient, or has been taken over by it."""
    return named == recipient or recipient in {found.id for found in directory.successors(named)}


def _pick(node: Mapping[str, Any], at: str, allowed: Collection[str]) -> dict[str, Any]:
    """Keep a key where it is allowed whole, or where something beneath it is."""
    kept: dict[str, Any] = {}
    for key, value in node.items():
        path = f"{at}.{key}" if at else key
        if path in allowed:
            kept[key] = value
        elif isinstance(value, Mapping) and any(name.startswith(path + ".") for name in allowed):
            kept[key] = _pick(value, path, allowed)
    return kept


def _make_public(document: dict[str, Any], message: Message, directory: Directory) -> None:
    """Put the organisation's public label where a person's or unit's name could reveal care (section 5.3)."""
    organisation = directory.organisation(message.sender.organisation)
    label = organisation.public_label if organisation else message.sender.organisation
    content = document.get("content", {})
    for name in ("convener", "coordinator"):
        if name in content:
            content[name] = {"name": label, "phone": content[name]["phone"]}


def _missing(whole: Mapping[str, Any], part: Mapping[str, Any], at: str) -> list[str]:
    gone: list[str] = []
    for key, value in whole.items():
        pointer = f"{at}/{key}"
        if key not in part:
            gone.append(pointer)
        elif isinstance(value, Mapping):
            gone += _missing(value, part[key], pointer)
    return gone
