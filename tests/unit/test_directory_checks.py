"""What is said of a directory before it is switched to: every code, where it points, and the store's rows there and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import pytest

from siphub.contract import Recipient
from siphub.errors import Invalid, Problem
from siphub.flow import directory as directories
from siphub.flow.directory import check, parse
from siphub.flow.ground import snapshot
from siphub.model import Address, Agreement, Directory, sample_directory
from siphub.model import people as p
from siphub.model.identifiers import OrganisationNumber, UnitId
from siphub.store import DirectoryRows

DAY = p.DAY
NEW = UnitId("SE2120009994-1009")
STRANGER = OrganisationNumber("5560009994")
ENABLED = {"folder", "letter"}
CHILDREN = Agreement(
    id="barn-2024.1",
    area="Barn och unga",
    valid_from=date(2024, 1, 1),
    parties=(p.REGION, p.MUNICIPALITY),
    binds=(p.FORSAKRINGSKASSAN, p.SOCIAL_SERVICES),
    summons_days=5,
    meeting_weeks=3,
)


def base(*agreements: Agreement, unit: Mapping[str, object] | None = None, organisation: Mapping[str, object] | None = None) -> Directory:
    """Return the sample directory with everything on, and changes to its second unit or its first organisation."""
    whole = sample_directory(letters=True, records=True)
    first, *organisations = whole.organisations
    contact, second, *units = whole.units
    return whole.model_copy(
        update={
            "organisations": (first.model_copy(update=organisation or {}), *organisations),
            "units": (contact, second.model_copy(update=unit or {}), *units),
            "agreements": agreements,
        }
    )


def limited(**options: str) -> Directory:
    """Return the sample directory with options in the address of its second unit."""
    return base(unit={"address": Address(adapter="folder", endpoint="folder:limited", options=options)})


def of(directory: Directory, adapters: set[str] = ENABLED) -> list[tuple[str, str | None]]:
    """Return what is wrong: codes and pointers."""
    return [(problem.code, problem.pointer) for problem in check(directory, dict.fromkeys(adapters), DAY)]


def test_nothing_is_wrong_with_a_whole_directory() -> None:
    """Given letters, records, an agreement and a closed unit with a successor, then nothing is wrong."""
    assert of(base(CHILDREN)) == []
    assert of(limited(max_concurrent="2", max_per_minute="120", receipt_within="36 h")) == []
    assert of(base(organisation={"code": "0980"})) == of(base(organisation={"code": "2480"})) == []
    assert of(base(CHILDREN, unit={"closed_on": DAY, "address": None, "successor": p.CONTACT})) == []
    assert of(base(CHILDREN, unit={"closed_on": DAY, "address": None, "successor": p.CARE_CENTRE})) == []


@pytest.mark.parametrize(
    ("directory", "code", "pointer"),
    [
        (base(unit={"organisation": STRANGER}), "directory.organisation_missing", "/units/1/organisation"),
        (base(unit={"id": p.CONTACT, "address": None}), "directory.unit_twice", "/units/1/id"),
        (base(organisation={"code": "9999"}), "directory.code_unknown", "/organisations/0/code"),
        (base(organisation={"code": "24"}), "directory.code_unknown", "/organisations/0/code"),
        (base(organisation={"number": p.REGION, "letters": None}), "directory.organisation_twice", None),
        (base(unit={"financed_by": None, "care": "open"}), "directory.care_without_payer", "/units/1/financed_by"),
        (base(unit={"successor": p.CONTACT}), "directory.successor_open", "/units/1/closed_on"),
        (base(unit={"closed_on": DAY, "address": None, "successor": NEW}), "directory.successor_missing", "/units/1/successor"),
        (base(unit={"closed_on": DAY, "address": None, "successor": p.HOME_CARE}), "directory.successor_circle", "/units/1/successor"),
        (base(unit={"closed_on": DAY}), "directory.closed_with_address", "/units/1/address"),
        (limited(max_concurrent="0"), "directory.limit_wrong", "/units/1/address/options"),
        (limited(max_per_minute="a few"), "directory.limit_wrong", "/units/1/address/options"),
        (limited(receipt_within="a while"), "directory.receipt_within_wrong", "/units/1/address/options"),
        (limited(receipt_within=""), "directory.receipt_within_wrong", "/units/1/address/options"),
        (base(CHILDREN, CHILDREN), "directory.agreement_twice", "/agreements/1/id"),
        (base(CHILDREN.model_copy(update={"parties": ()})), "directory.agreement_without_parties", "/agreements/0/parties"),
        (base(CHILDREN.model_copy(update={"valid_until": date(2024, 1, 1)})), "directory.agreement_period", "/agreements/0/valid_until"),
        (base(CHILDREN.model_copy(update={"parties": (p.REGION, STRANGER)})), "directory.party_missing", "/agreements/0/parties/1"),
        (base(CHILDREN.model_copy(update={"binds": (NEW,)})), "directory.party_missing", "/agreements/0/binds/0"),
    ],
)
def test_each_thing_that_is_wrong_has_its_code(directory: Directory, code: str, pointer: str | None) -> None:
    """Given one thing wrong, then it is said by its code, with a pointer to it."""
    found = of(directory)
    assert code in [each for each, _ in found]
    if pointer is not None:
        assert found == [(code, pointer)]


def test_letters_and_records_need_their_adapters() -> None:
    """Given a hub without the letter adapter, then the two organisations that send letters are pointed at."""
    assert of(base(), {"folder"}) == [
        ("directory.adapter_missing", "/organisations/0/letters/adapter"),
        ("directory.adapter_missing", "/organisations/2/letters/adapter"),
    ]
    assert ("directory.keeper_missing", "/organisations/0/records/adapter") in of(base(), {"letter"})


def test_a_unit_that_closes_later_keeps_its_address_until_then() -> None:
    """Given a unit that closes tomorrow, then its address is in order today, and where nobody says which day it is, it is not."""
    later = base(unit={"closed_on": DAY + timedelta(days=1), "successor": p.CONTACT})
    assert of(later) == []
    assert [problem.code for problem in check(later, dict.fromkeys(ENABLED))] == ["directory.closed_with_address"]


def test_a_unit_that_has_changed_hands_needs_a_number_of_its_own() -> None:
    """Given a unit that belonged to another organisation in the directory before, then it is pointed at; one that is new, or stays, is not."""
    moved = base(unit={"organisation": p.NEIGHBOUR})
    problems = [(each.code, each.pointer) for each in check(moved, dict.fromkeys(ENABLED), DAY, earlier=base())]
    assert problems == [("directory.unit_changed_hands", "/units/1/organisation")]
    assert check(moved, dict.fromkeys(ENABLED), DAY, earlier=Directory()) == check(moved, dict.fromkeys(ENABLED), DAY, earlier=moved) == ()


def test_a_long_circle_is_found_at_each_of_its_units() -> None:
    """Given two units that name each other as successor, then both are pointed at, and nobody looks for ever."""
    whole = base(unit={"closed_on": DAY, "address": None, "successor": p.CONTACT})
    contact, *units = whole.units
    circle = contact.model_copy(update={"closed_on": DAY, "address": None, "successor": p.HOME_CARE})
    found = of(whole.model_copy(update={"units": (circle, *units)}))
    assert found == [("directory.successor_circle", "/units/0/successor"), ("directory.successor_circle", "/units/1/successor")]


class Particular:
    """An adapter that refuses whatever is not its one server."""

    def refusal(self, there: Recipient) -> Problem | None:
        """Refuse, and say of whom."""
        return None if there.endpoint.startswith("https://known.example/") else Problem("address.origin_refused", there.unit or there.label)


def test_an_adapter_is_asked_about_its_addresses() -> None:
    """Given an adapter that refuses some addresses, those of units and of letters are pointed at with its code; its others, and others', not."""
    known, strange = (Address(adapter="box", endpoint=f"https://{name}.example/x") for name in ("known", "strange"))
    adapters = {"folder": None, "letter": None, "box": Particular()}
    found = check(base(unit={"address": strange}, organisation={"letters": strange}), adapters, DAY, ENABLED)
    assert [(each.code, each.pointer) for each in found] == [
        ("address.origin_refused", "/organisations/0/letters/endpoint"),
        ("address.origin_refused", "/units/1/address/endpoint"),
    ]
    assert [each.detail for each in found] == [base().organisations[0].public_label, p.HOME_CARE]
    assert check(base(unit={"address": known}, organisation={"letters": known}), adapters, DAY, ENABLED) == ()


def test_the_stores_rows_are_the_directory_again() -> None:
    """Given a directory with everything in it, when it is made into rows and back, then it is the same."""
    whole = base(CHILDREN, unit={"closed_on": DAY, "address": None, "successor": p.CONTACT}, organisation={"phone": "090-16 10 00"})
    rows = DirectoryRows(
        whole.version,
        tuple(map(directories._organisation_row, whole.organisations)),
        tuple(map(directories._unit_row, whole.units)),
        tuple(map(directories._agreement_row, whole.agreements)),
    )
    assert snapshot(rows) == whole


def test_an_agreement_is_read_from_toml() -> None:
    """Given a file with an agreement and a closing day, then dates are dates; a date that is none is pointed at."""
    body = b'[[agreements]]\nid = "a"\narea = "Barn"\nvalid_from = 2024-01-01\nparties = ["2321009991"]\nmeeting_weeks = 3\n'
    [agreement] = parse(body).agreements
    assert (agreement.valid_from, agreement.valid_until, agreement.meeting_weeks) == (date(2024, 1, 1), None, 3)
    with pytest.raises(Invalid) as wrong:
        parse(body.replace(b"2024-01-01", b'"soon"'))
    assert [problem.pointer for problem in wrong.value.problems] == ["/agreements/0/valid_from"]


@pytest.mark.parametrize(
    ("day", "holds"), [(date(2023, 12, 31), False), (date(2024, 1, 1), True), (date(2024, 6, 30), True), (date(2024, 7, 1), False)]
)
def test_an_agreement_holds_from_its_first_to_its_last_day(day: date, *, holds: bool) -> None:
    """Given an agreement for half a year, then both its days are in it; without an end it goes on."""
    ending = CHILDREN.model_copy(update={"valid_until": date(2024, 6, 30)})
    assert ending.holds(day) is holds
    assert CHILDREN.holds(day) is (day >= date(2024, 1, 1))


def test_a_state_agency_cannot_be_cleared() -> None:
    """Given a directory that marks an agency as cleared for protected people, then it is told so: agencies are telephoned."""
    whole = sample_directory()
    units = tuple(unit.model_copy(update={"cleared": unit.id in {p.FK, p.HOME_CARE}}) for unit in whole.units)
    place = next(index for index, unit in enumerate(units) if unit.id == p.FK)
    assert of(whole.model_copy(update={"units": units})) == [("directory.agency_cleared", f"/units/{place}/cleared")]
