"""Who may consent, and on which ground: pure, over what the sender states and the age that the number tells (LIFECYCLE section 6; REQ-38 to REQ-45).

It must never guess a ground, and never take a relative's word for the individual's. Where the number tells no date of birth, what the
sender states of the age is believed, and something must be stated.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, time
from types import MappingProxyType
from typing import Final

from siphub.model import Directory
from siphub.model.case import SipCase
from siphub.model.identifiers import PersonRef
from siphub.model.messages import consent as c
from siphub.model.person import CasePerson, Person
from siphub.policy.days import at
from siphub.policy.refusal import Refusal

OF_AGE: Final = 18
MATURE_FROM: Final = 12
"""Below this nobody's own yes is taken, on any ground."""
BETWEEN: Final[Mapping[str, tuple[int, int]]] = MappingProxyType({"child_12_14": (12, 15), "child_15": (15, OF_AGE)})
"""Ground → from which age, and below which (SoL 21:1)."""
OWN: Final = frozenset({"adult", "child_12_14", "child_15", "child_mature"})
GUARDIANS: Final = frozenset({"both_guardians", "other_hindered", "board_decision", "shelter_guardian"})
MANDATED: Final = frozenset({"god_man", "forvaltare", "framtidsfullmakt"})
MUNICIPAL: Final = frozenset({"child_12_14", "child_15"})
"""Grounds that hold for the municipality's own measure, and so for the municipality's units alone."""
FIELDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "adult": (),
        "both_guardians": ("guardians",),
        "other_hindered": ("guardians", "cannot_wait"),
        "board_decision": ("guardians", "board_decision"),
        "shelter_guardian": ("guardians", "matter"),
        "child_12_14": ("measure",),
        "child_15": ("measure", "suitability_by"),
        "child_mature": (),
        "mandate": (),
    }
)
"""Ground → what must be said with it; and what belongs to another ground must not be."""
BOTH: Final = 2
_GIVEN = "/content/given_by"


def age(subject: Person | None, on: date) -> int | None:
    """Return how old the individual was on a day, or None where the number does not tell."""
    born = subject.identity.value.birth_date if subject is not None else None
    return None if born is None else on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def comes_of_age(born: date) -> date:
    """Return the day on which somebody comes of age; who was born on the 29th of February does so on the 1st of March."""
    leap = (born.month, born.day) == (2, 29)
    return date(born.year + OF_AGE, 3, 1) if leap else born.replace(year=born.year + OF_AGE)


def until(given: c.GivenBy, subject: Person | None, asked: datetime | None) -> datetime | None:
    """Return when a consent runs out: when it was said to, and a guardian's at the latest on the day the child comes of age."""
    born = subject.identity.value.birth_date if subject is not None else None
    if given.kind != "guardian" or born is None:
        return asked
    grown = at(comes_of_age(born), time())
    return grown if asked is None else min(asked, grown)


def refuse(content: c.ConsentGiven, case: SipCase, subject: Person | None, directory: Directory) -> Refusal | None:
    """Return why a consent does not stand on the ground it states, with the remedy in its sentence, or None."""
    given = content.given_by
    years = age(subject, content.obtained_on)
    return (
        _word(given, content.capacity)
        or _ground(given, years)
        or _complete(given)
        or _guardians(given, case.people)
        or bounded(given, [party.party for party in content.parties], directory, "/content/parties")
    )


def _word(given: c.GivenBy, capacity: c.Capacity) -> Refusal | None:
    """Never an implied consent: a relative cannot give one, and whoever cannot take a position has not (section 3)."""
    if given.kind == "relative":
        return Refusal("consent.relative", "invalid", f"{_GIVEN}/kind", opens="basis.choose")
    if given.kind == "individual" and capacity.state == "unable":
        return Refusal("consent.unable", "invalid", f"{_GIVEN}/kind", opens="basis.choose")
    return None


def _ground(given: c.GivenBy, years: int | None) -> Refusal | None:
    """Say whether this person may consent on this ground for somebody of this age."""
    if given.kind == "guardian" and years is not None and years >= OF_AGE:
        return _wrong("consent.not_a_child", "kind")
    if given.kind == "framtidsfullmakt" and years is not None and years < OF_AGE:
        return _wrong("consent.not_an_adult", "kind")
    if given.ground is None:
        stated = given.kind == "individual" and years is not None and years >= OF_AGE
        return None if stated else _wrong("consent.ground_missing", "ground")
    allowed: Collection[str] = OWN if given.kind == "individual" else GUARDIANS if given.kind == "guardian" else {"mandate"}
    if given.ground not in allowed:
        return _wrong("consent.ground_wrong", "ground")
    return _own(given.ground, years) if given.kind == "individual" and years is not None else None


def _own(ground: str, years: int) -> Refusal | None:
    """Say whether the individual's own yes counts at this age, on this ground."""
    if ground == "adult":
        return None if years >= OF_AGE else _wrong("consent.not_an_adult", "ground")
    if years >= OF_AGE:
        return _wrong("consent.not_a_child", "ground")
    low, high = BETWEEN.get(ground, (MATURE_FROM, OF_AGE))
    return None if low <= years < high else _wrong("consent.too_young" if years < low else "consent.ground_age", "ground")


def _complete(given: c.GivenBy) -> Refusal | None:
    """What the ground asks for is said, and nothing that belongs to another."""
    wanted = FIELDS[given.ground] if given.ground is not None else ()
    for name in sorted({field for fields in FIELDS.values() for field in fields}):
        said = bool(getattr(given, name))
        if said != (name in wanted):
            return _wrong("consent.ground_wrong" if said else "consent.ground_incomplete", name)
    return _wrong("consent.placement", "measure") if given.measure == "placement" else None


def _guardians(given: c.GivenBy, people: Sequence[CasePerson]) -> Refusal | None:
    """Those who said yes are guardians, and where both must, each guardian that the case knows of is among them; or two, where it knows of none."""
    known = {person.ref for person in people if person.ref.kind == "guardian"}
    said = set(given.guardians)
    if any(ref.kind != "guardian" for ref in said) or (known and said - known):
        return _wrong("consent.guardian_unknown", "guardians")
    missing = known - said if known else len(said) < BOTH
    return _wrong("consent.guardian_missing", "guardians") if given.ground == "both_guardians" and missing else None


def bounded(given: c.GivenBy, parties: Sequence[str], directory: Directory, pointer: str) -> Refusal | None:
    """A ground that holds for the municipality's own measure covers the municipality's units and nobody else."""
    if given.ground not in MUNICIPAL:
        return None
    wrong = (index for index, party in enumerate(parties) if directory.kind_of(party) != "municipality")
    return next((Refusal("consent.ground_parties", "invalid", f"{pointer}/{index}/party") for index in wrong), None)


def unasked(case: SipCase, now: datetime, day: date) -> frozenset[PersonRef]:
    """Return the guardians whose word a consent in force needs, by its ground, and who were not among those who gave it: they came later.

    Args:
        case: The case.
        now: The time, UTC: what has run out needs nobody's word.
        day: Today in Sweden: whoever has come of age has no guardian any more.
    """
    known = {person.ref for person in case.people if person.ref.kind == "guardian"}
    if not known or (age(case.subject, day) or 0) >= OF_AGE:
        return frozenset()
    resting = {message_id for grant in case.grants if grant.holds(now) for message_id in grant.rests_on}
    given = [record.given_by for record in case.consents if record.message_id in resting]
    if case.plan_consent is not None and case.plan_consent.holds(now):
        given.append(case.plan_consent.given_by)
    needing = (found for found in given if found is not None and found.ground == "both_guardians")
    return frozenset(ref for found in needing for ref in known - set(found.guardians))


def rests_on(given: c.GivenBy, by: PersonRef | None) -> bool:
    """Say whether a consent rests on this person's word, so that they can take it back.

    Nobody named, or the individual: always, fail safe. A guardian: where they were among those who said yes. A representative: where it
    was given within a mandate, and not by another. A relative: never.
    """
    if by is None or by.kind == "individual":
        return True
    match by.kind:
        case "guardian":
            return by in given.guardians
        case "representative":
            return given.kind in MANDATED and given.representative in {None, by}
        case "relative":
            return False


def _wrong(code: str, field: str) -> Refusal:
    return Refusal(code, "invalid", f"{_GIVEN}/{field}")
