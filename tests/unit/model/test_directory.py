"""The directory as a value: who is who, what is where, and a copy that does not answer from the past."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import ValidationError

from siphub.model import Address, Directory, Organisation, Unit, sample_directory
from siphub.model import people as p
from siphub.model.directory import PRINCIPALS, OrganisationKind
from siphub.model.identifiers import OrganisationNumber, UnitId
from siphub.testing.desk import PRIVATE, wide_directory


@pytest.fixture
def directory() -> Directory:
    """Give the sample directory."""
    return sample_directory()


def test_it_finds_what_it_holds_and_nothing_else(directory: Directory) -> None:
    """Given the sample directory, then each unit and organisation is found by its number, and an unknown one is not."""
    assert all(directory.unit(unit.id) is unit for unit in directory.units)
    assert all(directory.organisation(found.number) is found for found in directory.organisations)
    assert directory.unit("SE2120009994-9999") is None
    assert directory.organisation("5560360793") is None


@pytest.mark.parametrize(("unit", "kind"), [(p.HOME_CARE, "municipality"), (p.CARE_CENTRE, "region"), (p.FK, "state_agency")])
def test_a_unit_has_the_kind_of_its_organisation(directory: Directory, unit: str, kind: str) -> None:
    """Given a unit, then its kind is its organisation's."""
    assert directory.kind_of(unit) == kind


@pytest.mark.parametrize("unit", [p.HOME_CARE, p.CARE_CENTRE, PRIVATE])
def test_a_school_is_a_school_whoever_runs_it(unit: str) -> None:
    """Given a school that a municipality, a region or a private provider runs, then it counts as a school; another unit of theirs does not."""
    base = wide_directory()
    units = tuple(found.model_copy(update={"kind": "school_unit"}) if found.id == unit else found for found in base.units)
    assert base.model_copy(update={"units": units}).kind_of(unit) == "school"
    assert base.kind_of(unit) != "school"


def test_a_unit_without_its_organisation_has_no_kind(directory: Directory) -> None:
    """Given a directory with a unit whose organisation is missing, then nobody can say what it is."""
    alone = Directory(units=directory.units)
    assert alone.unit(p.HOME_CARE) is not None
    assert alone.kind_of(p.HOME_CARE) is None
    assert directory.kind_of("SE2120009994-9999") is None


def test_whose_unit_it_is_is_the_directorys_word(directory: Directory) -> None:
    """Given a unit with a region's number that a municipality runs, then the directory's organisation counts and not the number."""
    unit = Unit(id=UnitId("SE2321009991-7001"), organisation=p.MUNICIPALITY, name="Hemsjukvård", public_label="Norrby kommun")
    moved = Directory(organisations=directory.organisations, units=(unit,))
    assert moved.kind_of(unit.id) == "municipality"


def test_an_address_tells_whose_it_is(directory: Directory) -> None:
    """Given an address, then the units it belongs to are told; two that share it both; for an unknown one nobody."""
    unit = directory.unit(p.HOME_CARE)
    assert unit is not None
    assert unit.address is not None
    assert directory.units_at(unit.address.adapter, unit.address.endpoint) == {p.HOME_CARE}
    assert directory.units_at("municipal-xml", unit.address.endpoint) == frozenset()
    shared = directory.model_copy(
        update={"units": tuple(each.model_copy(update={"address": unit.address}) for each in directory.units[:2])}
    )
    assert shared.units_at(unit.address.adapter, unit.address.endpoint) == {each.id for each in directory.units[:2]}


def test_a_copy_with_other_units_answers_from_these(directory: Directory) -> None:
    """Given a directory that has been asked, when a copy has other units, then the copy does not answer from the old ones."""
    assert directory.unit(p.HOME_CARE) is not None
    assert directory.units_at("folder", "none") == frozenset()
    assert directory.organisation(p.REGION) is not None
    empty = directory.model_copy(update={"units": (), "organisations": ()})
    assert empty.unit(p.HOME_CARE) is None
    assert empty.organisation(p.REGION) is None
    assert empty.kind_of(p.HOME_CARE) is None
    assert directory.unit(p.HOME_CARE) is not None


def test_it_travels_as_json(directory: Directory) -> None:
    """Given a directory, when it is written and read, then it is the same, whether or not it was asked before."""
    assert directory.unit(p.HOME_CARE) is not None
    assert Directory.model_validate_json(directory.model_dump_json()) == directory


def test_it_is_frozen_closed_and_strict(directory: Directory) -> None:
    """Given a unit, then it cannot be changed, has no unknown fields, and nothing is taken for what it is not."""
    unit = directory.units[0]
    with pytest.raises(ValidationError):
        setattr(unit, "cleared", True)  # noqa: B010 - mypy knows that this cannot be done
    for change in ({"secret": "x"}, {"cleared": "yes"}, {"organisation": "123"}, {"id": "Hemtjänsten"}, {"agency": "skv"}):
        with pytest.raises(ValidationError):
            Unit.model_validate({**unit.model_dump(), **change})


def test_an_address_names_a_secret_and_never_is_one() -> None:
    """Given an address, then its repr shows neither endpoint nor options."""
    address = Address(adapter="folder", endpoint="canary-endpoint", options={"secret": "canary-name"})
    assert "canary" not in repr(address)
    assert "canary" not in repr(Directory(units=sample_directory().units))


def test_the_sample_directory_has_a_label_that_reveals_no_care() -> None:
    """Given the sample directory, then no public label is a care unit's own name (LIFECYCLE 5.3), and only the contact is cleared."""
    directory = sample_directory()
    assert not {unit.public_label for unit in directory.units if unit.agency is None} & {unit.name for unit in directory.units}
    assert [unit.id for unit in directory.units if unit.cleared] == [p.CONTACT]


@pytest.mark.req(22)
def test_regions_and_municipalities_are_the_huvudman() -> None:
    """Given the kinds of organisation, then two of them are a huvudman."""
    assert {"region", "municipality"} == PRINCIPALS
    assert set(get_args(OrganisationKind)) > PRINCIPALS
    assert Organisation(number=OrganisationNumber("5560360793"), name="A", kind="other", public_label="A").kind not in PRINCIPALS
