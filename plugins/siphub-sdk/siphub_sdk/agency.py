"""What the adapters of single agencies share: one organisation, its rules, and what `siphub doctor` says of its addresses.

An adapter of this kind is the SDK adapter under a name of its own, for one organisation: it takes that one's receipts and answers, and
objects to whatever policy should never have let through to it. It must never permit anything, and never know an agency's address.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, ClassVar, Final

from siphub.contract import Check, Cut, Inbound, ReaderInfo, Recipient, Submission
from siphub_sdk.attachments import checks
from siphub_sdk.deliver import Sdk
from siphub_sdk.instants import swedish_day
from siphub_sdk.numbers import names_a_person
from siphub_sdk.organisations import Organisation
from siphub_sdk.reader import SdkReader
from siphub_sdk.settings import PARTICIPANT

_MINIMAL: Final = frozenset(
    {
        "about",
        "about_id",
        "about_version",
        "case_reference",
        "code",
        "convener",
        "coordinator",
        "digital_option",
        "duty_holder",
        "from_date",
        "meeting",
        "meeting_id",
        "meeting_version",
        "missing",
        "phone",
        "purpose",
        "questions",
        "receipt",
        "respond_by",
        "supersedes",
    }
)
"""The fields of content that an invitation and what belongs to it may have (LIFECYCLE 5.3); whatever else there is tells of a person's life."""
_SAYS_NOTHING: Final = frozenset({"recall", "no_person_data"})
"""The bases of messages that say nothing of a person."""
_PURPOSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "coordinator.changed": "att ni ska veta vem ni kan vända er till om mötet",
        "sip.request.answered": "att bekräfta att er fråga har kommit fram",
        "stop.notice": "att ni inte ska vänta på mötet eller använda inbjudan",
    }
)
_PURPOSE: Final = "att planera ett möte om samordnad individuell plan (SIP); uppgifterna är till för mötet och för inget annat"
_GROUND: Final = "den enskildes samtycke (10 kap. 1 § offentlighets- och sekretesslagen (2009:400)), inför en plan enligt 10 kap. 8 § socialtjänstlagen (2025:400)"
_NO_GROUND: Final = "meddelandet lämnar inga uppgifter om den enskilde"


class Agency(Sdk):
    """The SDK adapter for one organisation. A subclass says which, and may add lines."""

    of: ClassVar[Organisation]

    def owns(self, participant: str) -> bool:
        """Say whether an organisation is this agency, as the settings say."""
        return self._settings.number_of(participant) == self.of.number

    def poll(self, cursor: str | None) -> Iterable[Inbound]:
        """Return what the adapter over SDK does; messages are for this agency's own reader, so that no other plugin is needed."""
        for inbound in super().poll(cursor):
            if isinstance(inbound.content, Submission):
                form = inbound.content.media_type.rpartition("+")[2].rpartition("/")[2]
                yield replace(inbound, content=replace(inbound.content, media_type=media_type(self.of, form)))
            else:
                yield inbound

    def check_address(self, recipient: Recipient) -> Iterable[Check]:
        """Say whether a directory entry can be this agency's, and that nobody but the address book knows that it is."""
        participant = recipient.options.get("participant", "")
        for ok, what in (
            (recipient.organisation == self.of.number, f"the unit belongs to {self.of.name}, organisation number {self.of.number}"),
            (PARTICIPANT.fullmatch(participant) is not None, "the option participant has the form 0203:domain"),
            (self.owns(participant), f"the setting agencies gives the entry's participant the number {self.of.number}"),
        ):
            yield Check(ok=ok, what=what if ok else f"this is not so: {what}")
        yield from checks(recipient, self._settings, self._context.clock.now().date())
        yield Check(ok=True, what=f"{self.of.name} publishes no functional addresses: verify this one in the SDK address book")


class AgencyReader(SdkReader):
    """Reads what one agency's adapter has fetched, and nothing else: SDK documents from anywhere else are the reader `sdk`'s."""

    def __init__(self, of: Organisation) -> None:
        self.info = ReaderInfo(name=of.adapter, media_types=frozenset({media_type(of, "json"), media_type(of, "xml")}))

    def recognises(self, submission: Submission) -> bool:
        """Say whether the agency's adapter has fetched it."""
        return submission.media_type in self.info.media_types


def media_type(of: Organisation, form: str) -> str:
    """Return the media type of an SDK message that an agency's adapter has fetched, as `json` or `xml`; the name is ours."""
    return f"application/vnd.siphub.{of.adapter}+{form}"


def purpose_and_ground(cut: Cut) -> Sequence[tuple[str, str]]:
    """Return what a message is for and what it rests on, as two lines of its text."""
    ground = _GROUND if cut.basis == "consent" else _NO_GROUND
    return (("Syfte", _PURPOSES.get(cut.message_type, _PURPOSE)), ("Rättslig grund", ground))


def objection(organisation: Organisation, cut: Cut, recipient: Recipient, basis: str) -> str | None:
    """Return why a cut must not go to an agency, or None; what goes to others is nobody's business here.

    A second lock on what policy decides: the individual's consent, and with a statement of it that names the agency where the person is
    named; nobody protected; nothing of anybody's life, unless the entry has the option `narrative = "yes"` and the consent lets us tell; no
    number of a person's in any text. An entry that leads to the agency by SDK and another adapter would lead past all this.
    """
    if recipient.adapter != organisation.adapter:
        by_sdk = recipient.organisation == organisation.number and "participant" in recipient.options
        return "agency.other_adapter" if by_sdk else None
    return next(_objections(organisation, cut, recipient, basis), None)


def _objections(organisation: Organisation, cut: Cut, recipient: Recipient, basis: str) -> Iterator[str]:
    stated = cut.document.get("consent_statement")
    direction = stated.get("direction") if isinstance(stated, Mapping) else None
    if recipient.organisation != organisation.number:
        yield "agency.other_organisation"
    if basis not in {"consent", *_SAYS_NOTHING}:
        yield "agency.consent_missing"
    if "identity" in _part(cut.document, "subject") and direction not in {"to", "both"}:
        yield "agency.consent_unstated"
    if _protects(cut.document):
        yield "agency.protected"
    told = set(_part(cut.document, "content")) - _MINIMAL
    if told and not (recipient.options.get("narrative") == "yes" and direction in {"to", "both"}):
        yield "agency.narrative"
    texts = {name: part for name, part in cut.document.items() if name not in {"subject", "schema_version", "case_id", "message_id"}}
    day = swedish_day(str(cut.document.get("sent_at")))
    if any(names_a_person(text, day) for text in _texts(texts)):
        yield "agency.number_in_text"


def _part(document: Mapping[str, object], name: str) -> Mapping[str, Any]:
    part = document.get(name)
    return part if isinstance(part, Mapping) else {}


def _protects(value: object) -> bool:
    """Say whether anybody in a document is protected."""
    if isinstance(value, Mapping):
        return any((name == "protection" and part is not None) or _protects(part) for name, part in value.items())
    return isinstance(value, list | tuple) and any(_protects(part) for part in value)


def _texts(value: object) -> Iterator[str]:
    """Give every text in a document but telephone numbers, ten digits of which can look like a person's."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from () if name == "phone" else _texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)
