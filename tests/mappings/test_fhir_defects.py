"""The defects that R4's definitions make possible: refused at their place, and the page about them is what the code does."""

from __future__ import annotations

from collections import Counter

import pytest

from siphub_fhir import r4
from siphub_fhir.required import CODES, TARGETS
from tests.mappings.fhir_answers import sound_answers
from tests.mappings.fhir_broken_rules import BROKEN, WHY_NOT
from tests.mappings.fhir_defects import PAGE, defects, hosts, page, problems_of, refused_as, sound_ones, verdict

LEAST_SHARE = 0.95


def test_the_sound_instances_are_taken() -> None:
    """Every instance that a defect is made of, with every element of it in turn, is taken: what is refused is refused for the defect."""
    found = [(name, problems_of(resource)) for name, resource in sound_ones()]
    assert [(name, problems) for name, problems in found if problems] == []
    assert len(found) > 1000


def test_defects_are_refused_at_their_place() -> None:
    """At least 95 % of each kind of defect are refused with a pointer to where they are, and each that is not has a reason."""
    judged = [(one, verdict(one)) for one in defects()]
    counted = Counter(one.kind for one, _ in judged)
    refused = Counter(one.kind for one, found in judged if found == "refused")
    assert set(counted) == {"required", "code", "target", "format", "rule", "answer"}
    assert [kind for kind in counted if refused[kind] < LEAST_SHARE * counted[kind]] == []
    assert {one.element for one, found in judged if found != "refused"} <= set(WHY_NOT)


def test_the_answers_without_a_defect_are_read() -> None:
    """Every answer and every news that says something is read: what is refused is refused for what it says."""
    assert [(name, refused_as(answer)) for name, answer in sound_answers() if refused_as(answer)] == []


def test_every_rule_of_r4_is_broken_once() -> None:
    """No rule of a resource that is read, of its parts or of its data types is forgotten; what R4 only warns of is none."""
    kinds = {host.kind for host in hosts()} | {"DomainResource", "Element"}
    places = [path for path in r4.rules() if path in kinds or path.rpartition(".")[0] in kinds]
    assert {key for path in places for key in r4.rules()[path]} == set(BROKEN)


def test_the_page_is_what_the_code_does() -> None:
    """docs/fhir-defects.md is what `python -m tests.mappings.fhir_defects` writes today."""
    assert PAGE.read_text("utf-8") == page()


@pytest.mark.parametrize(("kind", "where"), [(kind, where) for table in (CODES, TARGETS) for kind, rows in table.items() for where in rows])
def test_the_tables_for_what_we_send_are_r4s(kind: str, where: str) -> None:
    """The codes and targets that every delivery is checked by are those of R4's definitions."""
    owner, element = kind, None
    for step in where.split("."):
        element = r4.elements_of(owner)[step]
        owner = element.kind
    assert element is not None
    assert CODES.get(kind, {}).get(where, element.codes) == element.codes
    assert TARGETS.get(kind, {}).get(where, element.targets) == element.targets
