"""The directory file of the whole country, what of a file is filled in, and what is missing to reach each."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from siphub.errors import Invalid, Problem
from siphub.flow import directory as directories
from siphub.flow.outline import ADDRESS, ORGANISATION, UNIT, USABLE, reach_of
from siphub.model import Address, Directory, Organisation, Unit
from siphub.model import people as p
from siphub.model.identifiers import UnitId
from siphub.model.principals import principals, principals_file

DAY = date(2026, 11, 26)
ROW = '[[organisations]]\ncode = "0980"\nnumber = "{number}"\nname = "Gotlands kommun"\nkind = "municipality"\npublic_label = "Gotland"\n'


def municipality(code: str | None = "0980", name: str = "Gotlands kommun") -> Organisation:
    """Return a municipality of the directory."""
    return Organisation(number=p.MUNICIPALITY, name=name, kind="municipality", public_label=name, code=code)


def unit(address: str | None = "x", closed: date | None = None) -> Unit:
    """Return a unit of it."""
    at = Address(adapter="folder", endpoint=address) if address else None
    return Unit(id=p.HOME_CARE, organisation=p.MUNICIPALITY, name="Hemtjänsten", public_label="Gotland", address=at, closed_on=closed)


def test_the_whole_country_is_there_and_nobody_can_be_reached() -> None:
    """Given the file that ships, then it has 290 municipalities and 21 regions, each once, all of them to be filled in."""
    known = principals()
    assert [sum(one.kind == kind for one in known) for kind in ("municipality", "region")] == [290, 21]
    assert len({one.code for one in known}) == 311
    assert {one.county for one in known if one.kind == "municipality"} == {one.code for one in known if one.kind == "region"}
    parsed = directories.parse_file(principals_file())
    assert (parsed.directory, parsed.left_out) == (Directory(), 311)
    reach = reach_of(parsed.directory, DAY)
    assert {one.missing for one in reach.unknown} == {(ORGANISATION, UNIT, ADDRESS)}
    assert len(reach.unknown) == 311


@pytest.mark.reference
def test_codes_and_names_are_those_of_the_reference(reference: Path) -> None:
    """Given the reference's list of municipalities and counties, then ours has the same codes and the same names."""
    folder = reference / "data" / "swedish" / "identities"
    with (folder / "municipalities.csv").open(encoding="utf-8") as file:
        listed = {row["municipality_code"]: row["municipality_name"] for row in csv.DictReader(file)}
    with (folder / "counties.csv").open(encoding="utf-8") as file:
        counties = {row["county_code"] for row in csv.DictReader(file)}
    assert {one.code: one.name for one in principals() if one.kind == "municipality"} == listed
    assert {one.code for one in principals() if one.kind == "region"} == counties


def test_what_is_missing_is_said_one_by_one() -> None:
    """Without a unit, without an address, with a closed unit alone, and with all: only the last is reached."""
    for units, missing in (
        ((), (UNIT, ADDRESS)),
        ((unit(None),), (ADDRESS,)),
        ((unit("x", date(2026, 1, 1)),), (UNIT, ADDRESS)),
    ):
        found = reach_of(Directory(organisations=(municipality(),), units=units), DAY)
        assert [(one.code, one.missing) for one in found.lacking] == [("0980", missing)]
        assert found.reached == ()
    found = reach_of(Directory(organisations=(municipality(),), units=(unit("x", date(2027, 1, 1)),)), DAY)
    assert found.lacking == ()
    assert {one.code for one in found.reached} == {"09", "0980"}, "Gotland is both in one"


def test_an_address_that_cannot_be_used_reaches_nobody() -> None:
    """Given a unit whose address has something wrong, then its organisation is not reached, and it is said why; beside another unit it is."""
    two = (unit("x"), unit("y").model_copy(update={"id": p.SOCIAL_SERVICES}))
    for units, unusable, missing in (
        (two[:1], {p.HOME_CARE}, [(USABLE,)]),
        (two, {p.HOME_CARE}, []),
        (two, {p.HOME_CARE, p.SOCIAL_SERVICES}, [(USABLE,)]),
    ):
        found = reach_of(Directory(organisations=(municipality(),), units=tuple(units)), DAY, unusable)
        assert [one.missing for one in found.lacking] == missing
        assert bool(found.reached) == (not missing)


def test_an_organisation_without_a_code_is_known_by_its_name() -> None:
    """A directory from before there were codes is counted too."""
    named = Directory(organisations=(municipality(None, "Umeå kommun"),), units=(unit(),))
    assert [one.code for one in reach_of(named, DAY).reached] == ["2480"]


def test_a_unit_names_its_organisation_by_code() -> None:
    """A filled-in row gives its unit the number, the id <number>/sip where none is said, and no address where it is empty."""
    text = ROW.format(number=p.MUNICIPALITY) + '[[units]]\norganisation = "0980"\nid = ""\nname = "SIP"\npublic_label = "Gotland"\n'
    [found] = directories.parse((text + 'address = { adapter = "", endpoint = "" }\n').encode()).units
    assert (found.id, found.organisation, found.address) == (UnitId(f"{p.MUNICIPALITY}/sip"), p.MUNICIPALITY, None)


UNIT_ROW = '[[units]]\norganisation = "0980"\nid = ""\nname = "SIP"\npublic_label = "Gotland"\n'


def test_a_code_that_stands_twice_is_a_problem() -> None:
    """Given two organisations with one code, a unit that names it could belong to either: the file is not switched to, and the row is said."""
    parsed = directories.parse_file((ROW.format(number=p.MUNICIPALITY) + ROW.format(number=p.REGION) + UNIT_ROW).encode())
    found = directories.check(parsed.directory, {}, DAY)
    assert [(problem.code, problem.pointer) for problem in found] == [("directory.code_twice", "/organisations/1/code")]


@pytest.mark.parametrize("numbers", [(p.MUNICIPALITY, ""), ("", p.MUNICIPALITY)])
def test_a_row_that_is_not_filled_in_takes_no_unit_away(numbers: tuple[str, str]) -> None:
    """Given a row that is filled in and its blank, in either order, the unit stays with the one that is filled in."""
    parsed = directories.parse_file(("".join(ROW.format(number=number) for number in numbers) + UNIT_ROW).encode())
    assert [one.organisation for one in parsed.directory.units] == [p.MUNICIPALITY]
    assert directories.check(parsed.directory, {}, DAY) == ()


@pytest.mark.parametrize(
    ("text", "pointers"),
    [
        (ROW.format(number="") + ROW.format(number="12"), ["/organisations/1/number"]),
        ("organisations = [1]\n", ["/organisations/0"]),
        (
            ROW.format(number="") + '[[units]]\nid = "x"\norganisation = "0980"\n' * 2 + '[[units]]\nid = "x"\n',
            ["/units/2/id", "/units/2/organisation"],
        ),
    ],
)
def test_problems_are_placed_as_the_file_counts(text: str, pointers: list[str]) -> None:
    """Rows that are left out are counted in a pointer, so that it names the row of the file."""
    with pytest.raises(Invalid) as caught:
        directories.parse(text.encode())
    found = [problem.pointer for problem in caught.value.problems]
    assert [pointer for pointer in found if pointer in pointers] == pointers


@pytest.mark.parametrize("body", [b"{", b"[[", b"\xff", b"{" + b'"a":{' * 100_000])
def test_what_is_no_file_is_unreadable(body: bytes) -> None:
    """Neither TOML nor JSON: one code, whatever it is."""
    with pytest.raises(Invalid) as caught:
        directories.parse(body)
    assert caught.value.code == "directory.unreadable"


def test_a_problem_without_a_row_stays_as_it_is() -> None:
    """A pointer to something else, or none, is left alone."""
    parsed = directories.parse_file(ROW.format(number="").encode())
    for problem in (Problem("a", "b"), Problem("a", "b", pointer="/agreements/0/id")):
        assert parsed.placed(problem) == problem
