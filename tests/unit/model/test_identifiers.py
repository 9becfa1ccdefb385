"""Swedish numbers are refused when they are nonsense, kept in one spelling, and never show themselves."""

from __future__ import annotations

import copy
import json
import runpy
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from personnummer import personnummer
from pydantic import ValidationError
from stdnum import luhn

from siphub.model import identifiers
from siphub.model.base import Value
from siphub.model.identifiers import CoordinationNumber, HsaId, OrganisationNumber, PersonNumber, ReserveNumber, UnitId

if TYPE_CHECKING:
    from collections.abc import Callable


REGION = "2321000016"


def person_number(born: date, birth_number: int, shift: int = 0) -> str:
    """Make a number with a right check digit; `shift` is what is added to the day."""
    digits = f"{born:%Y%m}{born.day + shift:02d}{birth_number:03d}"
    return digits + luhn.calc_check_digit(digits[2:])


def reserve_number(first_eleven: str) -> str:
    """Find the check digit of a reserve number by trying."""
    fits = [text for text in (first_eleven + str(digit) for digit in range(10)) if code_of(ReserveNumber, text) != "identity.check_digit"]
    assert len(fits) == 1
    return fits[0]


def code_of(kind: Callable[[str], object], text: str) -> str | None:
    """Return the code a text is refused with, or None where it is taken."""
    try:
        kind(text)
    except ValueError as error:
        return str(getattr(error, "type", "no code"))
    return None


born = st.dates(date(1890, 1, 1), date(2026, 1, 1))
test_birth_numbers = st.integers(980, 999)
TEST_PERSON = person_number(date(1950, 1, 2), 980)


class Card(Value):
    """A value with one of each."""

    person: PersonNumber
    coordination: CoordinationNumber
    reserve: ReserveNumber
    organisation: OrganisationNumber
    unit: UnitId
    hsa: HsaId


def card() -> dict[str, str]:
    """Give what a card is made of."""
    return {
        "person": TEST_PERSON,
        "coordination": person_number(date(1950, 1, 2), 981, 60),
        "reserve": reserve_number("17500102AA1"),
        "organisation": REGION,
        "unit": f"{REGION}/rehab-1",
        "hsa": f"SE{REGION}-1003",
    }


@given(born, test_birth_numbers)
def test_a_well_formed_person_number_is_taken_with_or_without_hyphen(day: date, birth_number: int) -> None:
    """A person number is kept as twelve digits however it was written, and tells its date and that it is a test number."""
    text = person_number(day, birth_number)
    number = PersonNumber(f"{text[:8]}-{text[8:]}")
    assert number == text == PersonNumber(text)
    assert number.birth_date == day
    assert number.is_test


@given(born, test_birth_numbers, st.integers(2, 11), st.integers(1, 9), st.sampled_from([0, 60]))
def test_any_single_changed_digit_is_refused(day: date, birth_number: int, place: int, change: int, shift: int) -> None:
    """Given a good number, when one of the ten digits under the check digit is changed, then it is refused."""
    text = person_number(day, birth_number, shift)
    wrong = text[:place] + str((int(text[place]) + change) % 10) + text[place + 1 :]
    assert code_of(CoordinationNumber if shift else PersonNumber, wrong) == "identity.check_digit"


@given(born, test_birth_numbers)
def test_a_wrong_century_is_refused_unless_it_makes_another_possible_number(day: date, birth_number: int) -> None:
    """The check digit does not cover the century: only centuries that nobody lives in are refused."""
    text = person_number(day, birth_number)
    for century in ("00", "16", "17", "21", "99"):
        assert code_of(PersonNumber, century + text[2:]) == "identity.malformed"


@given(st.integers(1900, 2026), st.integers(0, 99), st.integers(0, 99), st.integers(0, 999))
def test_we_agree_with_the_published_library_where_it_knows_the_form(year: int, month: int, day: int, birth_number: int) -> None:
    """Given any digits with a right check digit, the personnummer library and we agree, unknown days and months apart."""
    digits = f"{year}{month:02d}{day:02d}{birth_number:03d}"
    text = digits + luhn.calc_check_digit(digits[2:])
    assume(day % 60 and month)
    theirs = personnummer.valid(text)
    ours = code_of(PersonNumber, text) is None or (
        code_of(CoordinationNumber, text) is None and CoordinationNumber(text).birth_date is not None
    )
    assert ours == theirs


@given(st.text(max_size=20))
def test_nothing_else_is_taken(text: str) -> None:
    """Given any text at all, then what is taken is exactly what the pattern in the schema says, and never raises but ValueError."""
    for kind in (PersonNumber, CoordinationNumber, ReserveNumber, OrganisationNumber, UnitId, HsaId):
        if code_of(kind, text) is None:
            assert kind.accepts.fullmatch(text)


@pytest.mark.parametrize(
    "text",
    [
        TEST_PERSON[2:],
        f"{TEST_PERSON[2:8]}-{TEST_PERSON[8:]}",
        f"{TEST_PERSON[2:8]}+{TEST_PERSON[8:]}",
        f" {TEST_PERSON}",
        f"{TEST_PERSON}\n",
        f"{TEST_PERSON[:8]}--{TEST_PERSON[8:]}",
        TEST_PERSON.translate({ord("0") + digit: chr(0x0660 + digit) for digit in range(10)}),
        "",
    ],
)
def test_a_number_without_its_century_or_otherwise_written_is_refused(text: str) -> None:
    """Nothing is completed or guessed: ten digits, other separators, spaces, foreign digits."""
    assert code_of(PersonNumber, text) == "identity.malformed"


def test_dates_that_do_not_exist_are_refused() -> None:
    """A person number with 30 February, month 13, month 00 or day 00 is nobody's."""
    for digits in ("19500230981", "19501301981", "19500001981", "19500100981"):
        assert code_of(PersonNumber, digits + luhn.calc_check_digit(digits[2:])) == "identity.no_such_date"


@pytest.mark.parametrize("day", ["0060", "0160", "0075", "0491"])
def test_coordination_numbers_with_an_unknown_day_or_month_are_taken_and_flagged(day: str) -> None:
    """Skatteverket gives such numbers to people whose birth is not known in full: they are taken, and have no date."""
    digits = f"1950{day}981"
    number = CoordinationNumber(digits + luhn.calc_check_digit(digits[2:]))
    assert number.birth_date is None
    assert code_of(PersonNumber, number) == "identity.no_such_date"


@pytest.mark.parametrize("day", ["0159", "0192", "1361", "0101"])
def test_coordination_numbers_outside_their_days_and_months_are_refused(day: str) -> None:
    """Day 60 to 91 and month 00 to 12 are the only ones."""
    digits = f"1950{day}981"
    assert code_of(CoordinationNumber, digits + luhn.calc_check_digit(digits[2:])) == "identity.no_such_date"


@given(st.dates(date(1850, 1, 1), date(1889, 12, 31)), st.integers(1, 979))
def test_numbers_outside_the_test_range_and_the_published_lists_are_real(day: date, birth_number: int) -> None:
    """A birth number below 980 that is on no published list (these begin in 1890) counts as a real person's."""
    assert not PersonNumber(person_number(day, birth_number)).is_test
    assert not CoordinationNumber(person_number(day, birth_number, 60)).is_test


@pytest.mark.parametrize(
    ("text", "birth_date"),
    [
        ("22790814AA01", date(1979, 8, 14)),
        ("22950606FH20", date(1995, 6, 6)),
        ("25780404KHD5", date(1978, 4, 4)),
        ("00342145BZ31", None),
        ("00749852BZK0", None),
    ],
)
def test_published_examples_of_the_national_reserve_number_are_taken(text: str, birth_date: date | None) -> None:
    """The examples have a known and an unknown date of birth, a known and an unknown sex; none is a test number of ours."""
    number = ReserveNumber(text)
    assert (number, number.birth_date, number.is_test) == (text, birth_date, False)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("22790814AA02", "identity.check_digit"),
        ("991981000010", "identity.malformed"),
        ("19810829M071", "identity.malformed"),
        ("22790814IA01", "identity.malformed"),
        (reserve_number("22790230AA0"), "identity.no_such_date"),
        (reserve_number("24790814AA0"), "identity.malformed"),
        (reserve_number("00791952AA0"), "identity.malformed"),
        (reserve_number("00792160AA0"), "identity.malformed"),
    ],
)
def test_other_reserve_numbers_are_refused(text: str, code: str) -> None:
    """Wrong check digit, local forms of Stockholm and Västra Götaland, letters not used, no such date, no such series or running number."""
    assert code_of(ReserveNumber, text) == code


def test_the_test_series_of_reserve_numbers_begins_with_17() -> None:
    """Century 17 is kept by the specification, so that nobody has such a number; it is the one test mode takes."""
    assert ReserveNumber(reserve_number("17050607AA1")).is_test
    assert not ReserveNumber(reserve_number("23050607AA1")).is_test


@given(st.integers(0, 9), st.integers(1, 9))
def test_a_changed_digit_of_an_organisation_number_is_refused(place: int, change: int) -> None:
    """Given a good organisation number, when one digit is changed, then it is refused."""
    wrong = REGION[:place] + str((int(REGION[place]) + change) % 10) + REGION[place + 1 :]
    assert code_of(OrganisationNumber, wrong) in {"identity.check_digit", "identity.malformed"}


def test_organisation_numbers_are_kept_as_ten_digits() -> None:
    """Hyphen and the century 16 are taken away."""
    assert OrganisationNumber("232100-0016") == OrganisationNumber(f"16{REGION}") == REGION


@given(born, test_birth_numbers)
def test_a_persons_number_is_never_an_organisation_number(day: date, birth_number: int) -> None:
    """A sole trader's number is the person's own, and organisation numbers are not sealed."""
    text = person_number(day, birth_number)
    assert code_of(OrganisationNumber, text) == code_of(OrganisationNumber, text[2:]) == "identity.malformed"


def test_units_tell_their_organisation() -> None:
    """Both forms of a unit id begin with the organisation number."""
    assert UnitId(f"SE{REGION}-1003").organisation == UnitId(f"{REGION}/rehab-1").organisation == REGION
    assert UnitId(f"SE{REGION}-1003").is_hsa_id
    assert not UnitId(f"{REGION}/rehab-1").is_hsa_id


@pytest.mark.parametrize(
    "text",
    [
        f"SE{REGION}-",
        f"SE{REGION}-abc",
        f"SE{REGION}-{'A' * 21}",
        f"se{REGION}-1",
        f"{REGION}/",
        f"{REGION}/Rehab",
        f"{REGION}/{'a' * 41}",
        f"{REGION}/a/b",
        f"{REGION}/a\n",
        f"{TEST_PERSON[2:]}/a",
        REGION,
    ],
)
def test_units_otherwise_written_are_refused(text: str) -> None:
    """Lower case, too long, empty, further slashes, a person's number in front."""
    assert code_of(UnitId, text) == "identity.malformed"


def test_units_of_no_organisation_are_refused() -> None:
    """The organisation number inside must have its right check digit."""
    assert code_of(UnitId, "SE2321000017-1003") == code_of(UnitId, "2321000017/a") == "identity.check_digit"
    assert code_of(HsaId, f"{REGION}/rehab-1") == "identity.malformed"


@dataclass(frozen=True)
class Holder:
    """A plain dataclass that holds a number."""

    number: PersonNumber


def test_a_number_of_a_person_never_shows_itself_in_what_holds_it() -> None:
    """Lists, dicts, dataclasses, exceptions and values show that there is a number, never which."""
    values = Card(**card())  # type: ignore[arg-type]  # strings become the types
    number = values.person
    shown = [
        repr(number),
        repr([number]),
        repr({number: 1}),
        repr(Holder(number)),
        repr(ValueError(number)),
        f"{number!r}",
        repr(values),
        str(values),
    ]
    shown += [repr(values.model_dump()), repr(values.coordination), repr(values.reserve)]
    hidden = (TEST_PERSON, values.coordination[:], values.reserve[:])
    assert not [text for text in shown for secret in hidden if str(secret) in text]
    assert repr(number) == "PersonNumber(…)"


def test_the_value_itself_is_there_for_serialising() -> None:
    """`str()`, an f-string and `%s` give the value: never put one into a log line."""
    number = PersonNumber(TEST_PERSON)
    assert str(number) == f"{number}" == "%s" % number == TEST_PERSON  # noqa: UP031 - the form is what is tested
    assert type(str(number)) is str
    assert copy.deepcopy([number])[0] == number


def test_a_value_is_read_from_json_and_from_strings_and_written_back() -> None:
    """Under strict mode the types come from strings, in JSON and in Python, and go back as strings."""
    values = Card.model_validate_json(json.dumps(card()))
    assert values == Card(**card())  # type: ignore[arg-type]  # strings become the types
    assert values == Card.model_validate(values.model_dump())
    assert json.loads(values.model_dump_json()) == card() == values.model_dump(mode="json")
    assert [type(getattr(values, name)).__name__ for name in card()] == [
        "PersonNumber",
        "CoordinationNumber",
        "ReserveNumber",
        "OrganisationNumber",
        "UnitId",
        "HsaId",
    ]


@pytest.mark.parametrize("name", list(card()))
@pytest.mark.parametrize("wrong", [5, None, True, b"5", ["5"]])
def test_other_than_strings_are_refused(name: str, wrong: Any) -> None:
    """A number written as a number, or not at all, is no identifier."""
    with pytest.raises(ValidationError):
        Card.model_validate({**card(), name: wrong})


def test_errors_say_what_is_wrong_and_never_repeat_the_value() -> None:
    """Given a number with a wrong check digit, the error names field and code, and holds no part of the number."""
    wrong = TEST_PERSON[:-1] + str((int(TEST_PERSON[-1]) + 1) % 10)
    with pytest.raises(ValidationError) as refusal:
        Card.model_validate({**card(), "person": wrong})
    [error] = refusal.value.errors(include_input=False)
    assert (error["type"], error["loc"]) == ("identity.check_digit", ("person",))
    assert not [part for part in (wrong, wrong[2:], wrong[2:8]) if part in str(refusal.value) + repr(refusal.value) + error["msg"]]
    with pytest.raises(ValueError, match="check digit") as direct:
        PersonNumber(wrong)
    assert wrong[2:8] not in str(direct.value) + repr(direct.value)


def test_the_schema_has_a_pattern_and_a_description() -> None:
    """JSON Schema of a value tells a partner how each identifier is written."""
    properties = Card.model_json_schema()["properties"]
    for name in card():
        assert properties[name]["type"] == "string"
        assert properties[name]["pattern"].startswith("^")
        assert properties[name]["description"]


@pytest.mark.reference
def test_every_published_person_number_is_taken(reference: Path) -> None:
    """Skatteverket's published test person numbers are all taken, and all known as test numbers."""
    for text in json.loads((reference / "data/swedish/identities/allPins.json").read_bytes()):
        assert PersonNumber(text).is_test
        assert code_of(CoordinationNumber, text) is not None


@pytest.mark.reference
def test_every_published_coordination_number_is_taken(reference: Path) -> None:
    """Skatteverket's published test coordination numbers are all taken, those with month 00 or 31 April among them."""
    numbers = [CoordinationNumber(text) for text in json.loads((reference / "data/swedish/identities/allCoords.json").read_bytes())]
    undated = [number for number in numbers if number.birth_date is None]
    assert len(undated) >= 80
    assert {number[8:11] for number in numbers} == {"238", "239"}
    assert not [number for number in numbers if code_of(PersonNumber, number) is None]


@pytest.mark.reference
def test_the_common_list_of_good_and_bad_numbers_is_judged_right(reference: Path) -> None:
    """Each entry's long forms are taken exactly where the list calls it valid (its last entry is about ten-digit forms only)."""
    entries = [entry for entry in json.loads((reference / "data/swedish/identities/list.json").read_bytes()) if entry["integer"]]
    assert len(entries) == 13
    for entry in entries:
        kind = {"ssn": PersonNumber, "con": CoordinationNumber}[entry["type"]]
        assert (code_of(kind, entry["long_format"]) is None) == entry["valid"]
        separated = f"{entry['long_format'][:8]}-{entry['long_format'][8:]}"
        assert (code_of(kind, separated) is None) == entry["valid"]
        assert code_of(kind, entry["short_format"]) == code_of(kind, entry["separated_format"]) == "identity.malformed"


@pytest.mark.reference
def test_organisation_numbers_that_look_like_persons_are_organisations(reference: Path) -> None:
    """The published AP funds are organisations and nobody's person number."""
    for entry in json.loads((reference / "data/swedish/identities/orgnumber.json").read_bytes()):
        assert OrganisationNumber(entry["short_format"]) == OrganisationNumber(entry["separated_format"])
        assert code_of(PersonNumber, "19" + entry["short_format"]) is not None


@pytest.mark.reference
def test_the_fingerprints_are_those_of_the_published_lists(reference: Path) -> None:
    """The file that test numbers are known by is what its maker makes of the lists today: nothing missing, nothing more."""
    maker = runpy.run_path(str(Path(__file__).parents[3] / "docs" / "make_test_numbers.py"))
    made = maker["fingerprints"](reference / "data/swedish/identities")
    assert (Path(identifiers.__file__).parent / "test_numbers.bin").read_bytes() == made
