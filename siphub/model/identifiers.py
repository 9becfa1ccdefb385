"""Swedish numbers as types: who a person is, which organisation, which unit.

Each is a `str` that has been checked and normalised, so that one number has one spelling everywhere. A number of a person never shows
itself in a repr, and so not in the repr of anything that holds it, and no error ever repeats what was handed in.
`str()`, `format()`, an f-string and `%s` do give the value, because serialising needs it: never put one into a log line or a message.

The published libraries are too strict or too lax here: `personnummer` refuses coordination numbers whose day or month is unknown and
reserve numbers, and `python-stdnum` refuses every coordination number. So the rules are ours and the check digit is stdnum's.
Nothing is ever guessed: a number without its century is refused, not completed.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache, lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NoReturn, Self, get_args

from pydantic import Discriminator, Tag
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from stdnum import luhn

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

_TEST_BIRTH_NUMBERS = range(980, 1000)
_FINGERPRINT = 5
_COORDINATION_DAY = 60
_LAST_MONTH = 12
_LAST_DAY = 31
_RESERVE_TEST_CENTURY = "17"
_RESERVE_UNDATED = re.compile(r"[2-9][0-9][45][0-9]")


def _refuse(code: str, detail: str) -> NoReturn:
    raise PydanticCustomError(code, detail)


class _Identifier(str):
    """A checked text. Subclasses give `accepts` (what may come in), `called`, `description` and `normalise`.

    `remembered` says that what was checked lately is not checked anew: a hub meets the same few hundred of them all day. Never a person's.
    """

    __slots__ = ()
    accepts: ClassVar[re.Pattern[str]]
    called: ClassVar[str]
    description: ClassVar[str]
    remembered: ClassVar[bool] = False

    def __new__(cls, text: str) -> Self:
        """Check and normalise.

        Raises:
            ValueError: It is not one; a PydanticCustomError whose `type` is the code and whose message does not repeat the text.
        """
        if not cls.accepts.fullmatch(text):
            _refuse("identity.malformed", f"no {cls.called} is written like this")
        return super().__new__(cls, cls.normalise(str(text)))

    @classmethod
    def normalise(cls, text: str) -> str:
        """Return the one spelling of `text`, which matches `accepts`, or raise a PydanticCustomError."""
        raise NotImplementedError

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Take a string, in JSON and in Python, strictly; give the type."""
        made = lru_cache(maxsize=4096)(cls) if cls.remembered else cls
        return core_schema.no_info_after_validator_function(
            made, core_schema.str_schema(strict=True), serialization=core_schema.to_string_ser_schema(when_used="json")
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe the type by the pattern of what may come in."""
        return {"type": "string", "title": cls.called, "description": cls.description, "pattern": f"^(?:{cls.accepts.pattern})$"}


class _PersonIdentifier(_Identifier):
    """A number that stands for a person: twelve characters, and silent."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    @property
    def birth_date(self) -> date | None:
        """The date of birth the number carries, or None where its day or month is unknown."""
        raise NotImplementedError

    @property
    def is_test(self) -> bool:
        """Whether this is a test number that nobody has."""
        raise NotImplementedError


class _SkatteverketNumber(_PersonIdentifier):
    """What person numbers and coordination numbers share: YYYYMMDDNNNC, a hyphen allowed before the last four when it comes in."""

    __slots__ = ()
    accepts = re.compile(r"(?:18|19|20)[0-9]{6}-?[0-9]{4}")

    @classmethod
    def normalise(cls, text: str) -> str:
        """Take the hyphen away and check what all such numbers share."""
        number = text.replace("-", "")
        if not luhn.is_valid(number[2:]):
            _refuse("identity.check_digit", "the check digit does not fit the number")
        if number[8:11] == "000":
            _refuse("identity.malformed", "the birth number 000 is never given")
        return number

    @property
    def is_test(self) -> bool:
        """Whether Skatteverket keeps this number for tests: birth number 980 to 999, or one of the published list.

        Most published numbers have birth numbers 238 and 239, which living people have too: those are known by the list alone.
        """
        return int(self[8:11]) in _TEST_BIRTH_NUMBERS or sha256(self.encode()).digest()[:_FINGERPRINT] in _published()


@cache
def _published() -> frozenset[bytes]:
    """Return the fingerprints of Skatteverket's published test numbers; docs/make_test_numbers.py makes the file."""
    packed = (files("siphub.model") / "test_numbers.bin").read_bytes()
    return frozenset(packed[at : at + _FINGERPRINT] for at in range(0, len(packed), _FINGERPRINT))


class PersonNumber(_SkatteverketNumber):
    """A personnummer: twelve digits, YYYYMMDDNNNC, a real date, a right check digit.

    The check digit covers the ten last digits: a wrong century is caught only where it makes an impossible date.
    """

    __slots__ = ()
    called = "personnummer"
    description = "Swedish personal identity number with century, YYYYMMDDNNNC; kept as twelve digits."

    @classmethod
    def normalise(cls, text: str) -> str:
        """Check the date as well."""
        number = super().normalise(text)
        _date_of(number[:4], number[4:6], number[6:8])
        return number

    @property
    def birth_date(self) -> date:
        """The date the number carries; Skatteverket may have moved it a few days when the day's numbers had run out."""
        return _date_of(self[:4], self[4:6], self[6:8])


class CoordinationNumber(_SkatteverketNumber):
    """A samordningsnummer: as a person number, with 60 added to the day.

    Skatteverket gives day 60 (the 00-day form) where the day of birth is unknown and month 00 where the month is, and has published
    numbers with days their month does not have (31 April): all these are accepted and are flagged by `birth_date` being None.
    """

    __slots__ = ()
    called = "samordningsnummer"
    description = "Swedish coordination number with century, YYYYMMDDNNNC with 60 added to the day; day 60 or month 00 = unknown."

    @classmethod
    def normalise(cls, text: str) -> str:
        """Check month and day as well."""
        number = super().normalise(text)
        if int(number[4:6]) > _LAST_MONTH or not 0 <= int(number[6:8]) - _COORDINATION_DAY <= _LAST_DAY:
            _refuse("identity.no_such_date", "a coordination number has month 00 to 12 and day 60 to 91")
        return number

    @property
    def birth_date(self) -> date | None:
        """The date of birth, or None where its day or month is unknown or there is no such date."""
        try:
            return date(int(self[:4]), int(self[4:6]), int(self[6:8]) - _COORDINATION_DAY)
        except ValueError:
            return None


class ReserveNumber(_PersonIdentifier):
    """A national reserve number (nationellt reserv-id, NRID, OID 1.2.752.74.9.1): XXYYMMDDNNGC, twelve characters.

    As specified by Inera (Nationellt ReservID 1.0):
      * XX = 00 where the date of birth is unknown; then MM is 20 to 99 and DD is 40 to 59, a running number;
        else the century plus 3, 6, 9 … 78 (22 and 23 in the first series), and YYMMDD is a real date in that century.
        Centuries 18 to 21 are never used; 01 to 17 are kept for later.
      * NN = two letters of A-Z without I, O, Q, V, W. G = a digit where the sex is known, else such a letter.
      * C = a check digit: Luhn over the eleven characters from the left with weights 2 1 2 …, a letter counting as its ASCII code.
    The rule for C was confirmed against published examples only, the document itself not being public. Only births in
    19xx and 20xx are read: XX = 24, 27 … is refused.

    Local reserve numbers of single regions (Stockholm, Västra Götaland, Värmland …) mean nothing outside their own register: refused.

    The specification has no test range. `is_test` uses century 17, which the specification keeps and so nobody has: XX = 17
    with an otherwise well-formed number is a test person of siphub, and only of siphub.
    """

    __slots__ = ()
    called = "nationellt reservnummer"
    description = "Swedish national reserve id (NRID 1.0), XXYYMMDDNNGC: two letters before the last two characters, Luhn check digit."
    accepts = re.compile(r"[0-9]{8}-?[A-HJ-NPR-UX-Z]{2}[0-9A-HJ-NPR-UX-Z][0-9]")

    @classmethod
    def normalise(cls, text: str) -> str:
        """Take the hyphen away; check the check digit, the series and the date."""
        number = text.replace("-", "")
        if _reserve_check_digit(number[:-1]) != int(number[-1]):
            _refuse("identity.check_digit", "the check digit does not fit the number")
        if number[:2] == "00":
            if not _RESERVE_UNDATED.fullmatch(number[4:8]):
                _refuse("identity.malformed", "a reserve number without a date of birth has month 20 to 99 and day 40 to 59")
        else:
            _date_of(_reserve_century(number[:2]) + number[2:4], number[4:6], number[6:8])
        return number

    @property
    def birth_date(self) -> date | None:
        """The date of birth, or None where it is unknown."""
        if self[:2] == "00":
            return None
        return _date_of(_reserve_century(self[:2]) + self[2:4], self[4:6], self[6:8])

    @property
    def is_test(self) -> bool:
        """Whether the number begins with 17, a series nobody is given."""
        return self[:2] == _RESERVE_TEST_CENTURY


class OrganisationNumber(_Identifier):
    """An organisation number: ten digits, right check digit, third digit 2 or more.

    The third digit keeps persons out: a sole trader's organisation number is the person's own number, and an organisation number is not
    sealed. `NNNNNN-NNNN` and the twelve-digit form with 16 in front are taken and stored as ten digits.
    """

    __slots__ = ()
    called = "organisationsnummer"
    remembered = True
    description = "Swedish organisation number, ten digits, third digit 2 or more; kept without hyphen."
    accepts = re.compile(r"(?:16)?[1-9][0-9][2-9][0-9]{3}-?[0-9]{4}")

    @classmethod
    def normalise(cls, text: str) -> str:
        """Take hyphen and century away and check the check digit."""
        return _organisation(text.replace("-", "")[-10:])


class UnitId(_Identifier):
    """A unit: an HSA-id, or `<organisation number>/<function>` for organisations that have none (agencies, schools).

    It names a unit, never a person: members of staff have HSA-ids of the same form, and are not to be put here.
    """

    __slots__ = ()
    called = "unit id"
    remembered = True
    description = "HSA-id of a unit (SE, organisation number, hyphen, suffix), or organisation number/function."
    accepts = re.compile(r"SE[1-9][0-9][2-9][0-9]{7}-[0-9A-Z]{1,20}|[1-9][0-9][2-9][0-9]{7}/[a-z0-9-]{1,40}")

    @classmethod
    def normalise(cls, text: str) -> str:
        """Check the organisation number the id begins with."""
        _organisation(text.removeprefix("SE")[:10])
        return text

    @property
    def organisation(self) -> OrganisationNumber:
        """The organisation whose number the id begins with. Who answers for a unit is for the directory to say."""
        return OrganisationNumber(self.removeprefix("SE")[:10])

    @property
    def is_hsa_id(self) -> bool:
        """Whether this is an HSA-id."""
        return self.startswith("SE")


class PersonRef(_Identifier):
    """A person of a case as a recipient: `individual`, or a relative, guardian or representative by their number in that case.

    It says nothing of who they are, so it may stand where a unit's id may: in a delivery, a log line or a file name.
    """

    __slots__ = ()
    called = "person reference"
    description = "A person of the case: individual, relative/N, guardian/N or representative/N."
    accepts = re.compile(r"individual|(?:relative|guardian|representative)/[1-9][0-9]?")

    @classmethod
    def normalise(cls, text: str) -> str:
        """Take it as it is."""
        return text

    @property
    def kind(self) -> PersonKind:
        """What this person is to the plan."""
        match self.partition("/")[0]:
            case "relative":
                return "relative"
            case "guardian":
                return "guardian"
            case "representative":
                return "representative"
            case _:
                return "individual"


PersonKind = Literal["individual", "relative", "guardian", "representative"]
"""den enskilde · närstående · vårdnadshavare · god man, förvaltare, framtidsfullmaktshavare (who may act within a mandate)."""
_PERSON_KINDS = frozenset(get_args(PersonKind))


def _which(value: object) -> str:
    """Tell a person of the case from a unit by how it is written, so that what is wrong is said once."""
    return "person" if isinstance(value, str) and value.partition("/")[0] in _PERSON_KINDS else "unit"


def person_ref(text: str) -> PersonRef | None:
    """Return a recipient's text as the person of a case it stands for, or None where it is a unit."""
    return PersonRef(text) if PersonRef.accepts.fullmatch(text) else None


Addressee = Annotated[Annotated[UnitId, Tag("unit")] | Annotated[PersonRef, Tag("person")], Discriminator(_which)]
"""Whom a message may be addressed to: a unit, or a person of the case."""


def _which_party(value: object) -> str:
    """Tell an organisation's number from a unit or a person by how it is written."""
    return "organisation" if isinstance(value, str) and OrganisationNumber.accepts.fullmatch(value) else _which(value)


PartyId = Annotated[
    Annotated[UnitId, Tag("unit")] | Annotated[OrganisationNumber, Tag("organisation")] | Annotated[PersonRef, Tag("person")],
    Discriminator(_which_party),
]
"""Whom a consent may name: a unit, an organisation, or a person of the case."""


class HsaId(UnitId):
    """An HSA-id: SE, an organisation number, a hyphen, one to twenty of 0-9A-Z. Upper case only, as the register writes them."""

    __slots__ = ()
    called = "HSA-id"
    description = "HSA-id: SE, organisation number, hyphen, one to twenty of 0-9 A-Z."
    accepts = re.compile(r"SE[1-9][0-9][2-9][0-9]{7}-[0-9A-Z]{1,20}")


@lru_cache(maxsize=4096)
def _organisation(number: str) -> str:
    """Check the check digit; a hub meets the same few hundred organisations all day, and none of these numbers can be a person's."""
    if not luhn.is_valid(number):
        _refuse("identity.check_digit", "the check digit does not fit the organisation number")
    return number


def _date_of(year: str, month: str, day: str) -> date:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        pass
    _refuse("identity.no_such_date", "the number carries a date that does not exist")


def _reserve_century(prefix: str) -> str:
    """Return the century of birth for the first two digits of a reserve number, `19` or `20`."""
    if prefix == _RESERVE_TEST_CENTURY:
        return "20"
    series, century = divmod(int(prefix) - 19, 3)
    if series < 1 or century > 1:
        _refuse("identity.malformed", "no national reserve number begins with these two digits")
    return str(19 + century)


def _reserve_check_digit(characters: str) -> int:
    values = (int(character) if character.isdigit() else ord(character) for character in characters)
    total = sum(sum(map(int, str(value * (2 - place % 2)))) for place, value in enumerate(values))
    return -total % 10
