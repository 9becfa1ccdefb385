"""What states, bases, kinds of recipient and scopes are called by people who have never seen the system, in English and in Swedish.

Tables, and what puts them together to sentences. It must never decide anything, and never hold anything of a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from siphub.policy.reasons import told

Language = Literal["en", "sv"]
LANGUAGES: Final[tuple[Language, ...]] = ("sv", "en")


@dataclass(frozen=True, slots=True)
class Said:
    """The same in English and in Swedish."""

    en: str
    sv: str

    def in_(self, language: str) -> str:
        """Return it in one of the languages."""
        return self.sv if language == "sv" else self.en


def _table(**rows: tuple[str, str]) -> Mapping[str, Said]:
    return MappingProxyType({name: Said(*row) for name, row in rows.items()})


STATES: Final = _table(
    queued=("It waits to be sent", "Det väntar på att skickas"),
    sending=("It is being sent", "Det skickas just nu"),
    held=("It is stopped until somebody has looked at it", "Det är stoppat tills någon har tittat på det"),
    withheld=("It is not sent", "Det skickas inte"),
    superseded=("It is not sent any more", "Det skickas inte längre"),
    awaiting_receipt=("It has been sent, and no receipt has come yet", "Det är skickat, men någon kvittens har inte kommit än"),
    delivered=("It has arrived", "Det har kommit fram"),
    read=("It has arrived, and somebody has read it", "Det har kommit fram och någon har läst det"),
    rejected=("It was turned away", "Det blev avvisat"),
    gave_up=("It did not arrive", "Det kom inte fram"),
    expired=("It was never sent", "Det blev aldrig skickat"),
    recall_pending=("It has arrived and is being called back", "Det har kommit fram och håller på att återkallas"),
    recalled=("It had arrived and has been called back", "Det hade kommit fram och är återkallat"),
    handled_manually=("Somebody has taken care of it by hand", "Någon har ordnat det för hand"),
)
"""The beginning of a sentence about a delivery, by its state."""
ON_ITS_WAY: Final = frozenset({"queued", "sending", "awaiting_receipt", "delivered", "read"})
"""The states of which it is said on which basis they came about; of what is stopped it would sound like the reason."""

FORESEEN: Final = _table(
    queued=("It would be sent", "Det skulle skickas"),
    held=("It would be stopped until somebody has looked at it", "Det skulle stoppas tills någon har tittat på det"),
    withheld=("It would not be sent", "Det skulle inte skickas"),
    superseded=("Nothing would be sent", "Inget skulle skickas"),
)
"""The same for a delivery that there is not yet."""

BASES: Final = _table(
    consent=("on consent from {giver}", "på samtycke från {giver}"),
    statutory_duty=("on the statute on cooperation at discharge", "på lagen om samverkan vid utskrivning"),
    secrecy_assessed=("on the sender's assessment that secrecy does not hinder", "på avsändarens bedömning att sekretess inte hindrar"),
    osl_25_12=(
        "on the exception from secrecy in section 25:12 of the Public Access and Secrecy Act",
        "på undantaget i offentlighets- och sekretesslagen 25 kap. 12 §",
    ),
    osl_25_13=(
        "on the exception from secrecy in section 25:13 of the Public Access and Secrecy Act",
        "på undantaget i offentlighets- och sekretesslagen 25 kap. 13 §",
    ),
    osl_26_9=(
        "on the exception from secrecy in section 26:9 of the Public Access and Secrecy Act",
        "på undantaget i offentlighets- och sekretesslagen 26 kap. 9 §",
    ),
    own_message=(
        "because it is the individual's own message, or is about one that the recipient sent",
        "för att det är den enskildes eget meddelande, eller handlar om ett som mottagaren skickat",
    ),
    own_data=("because it is the individual's own", "för att det är den enskildes eget"),
    no_person_data=("because it says nothing of the person", "för att det inte säger något om personen"),
    recall=("because the recipient was sent something before", "för att mottagaren har fått något tidigare"),
)
"""On which basis, as it stands behind a verb."""

GIVERS: Final = _table(
    individual=("the individual", "den enskilde"),
    guardian=("the guardians", "vårdnadshavarna"),
    god_man=("the individual's god man", "den enskildes gode man"),
    forvaltare=("the individual's administrator", "den enskildes förvaltare"),
    framtidsfullmakt=("whoever holds the individual's future power of attorney", "den som har den enskildes framtidsfullmakt"),
    somebody=("the individual, or whoever speaks for the individual", "den enskilde, eller den som företräder den enskilde"),
)
"""Whose consent it is; `somebody` where that is not known, or more than one."""

KINDS: Final = _table(
    contact=("the contact who receives the request", "kontakten som tar emot begäran"),
    convener=("the unit that called to the meeting, or coordinates the plan", "enheten som kallade till mötet, eller samordnar planen"),
    duty=("obliged by law to take part", "skyldig enligt lag att delta"),
    bound=("obliged by a local agreement to take part", "skyldig enligt en lokal överenskommelse att delta"),
    agency=("an authority that is invited, without being obliged", "en myndighet som bjuds in, utan att vara skyldig"),
    outside=("invited, without being obliged", "inbjuden, utan att vara skyldig"),
    individual=("the individual", "den enskilde"),
    guardian=("a guardian", "en vårdnadshavare"),
    guardian_restricted=(
        "a guardian who may not know where the individual is",
        "en vårdnadshavare som inte får veta var den enskilde finns",
    ),
    representative=("a representative within the mandate", "en ställföreträdare inom sitt uppdrag"),
    relative=("a relative", "en närstående"),
    other_person=("a person who is to be told nothing of the case", "en person som inte ska få veta något i ärendet"),
    any=("anybody who was sent something before", "alla som har fått något tidigare"),
)
"""What a recipient is; `any` stands for the star of the disclosure table."""

SCOPES: Final = _table(
    plan=("that a plan is made", "att en plan görs"),
    meeting=("that a meeting is held", "att ett möte hålls"),
    information_exchange=("that information is exchanged", "att uppgifter lämnas mellan verksamheterna"),
    preparation=("that the individual's own preparation is shown", "att den enskildes egen förberedelse visas"),
    meeting_in_absence=("that a meeting is held without the individual", "att mötet hålls utan den enskilde"),
    copy_to_relative=("that a relative gets the plan", "att en närstående får planen"),
    invite=("that authorities and others are invited", "att myndigheter och andra bjuds in"),
    evaluation_survey=("that questions are asked afterwards", "att frågor ställs efteråt"),
    participant=("that just this party takes part", "att just denna part deltar"),
)
"""What a consent is about; `participant` is the individual's choice of who takes part."""


def kind_of(kind: str) -> Said:
    """Return what a kind of recipient is called."""
    return KINDS["any" if kind == "*" else kind]


def on_basis(basis: str, giver: str = "somebody") -> Said:
    """Return on which basis, in words.

    Args:
        basis: A basis of the disclosure table.
        giver: Whose consent it is, a key of `GIVERS`.
    """
    found, whose = BASES[basis], GIVERS.get(giver, GIVERS["somebody"])
    return Said(found.en.format(giver=whose.en), found.sv.format(giver=whose.sv))


def outcome(
    state: str,
    basis: str | None,
    reason: str | None,
    why: Mapping[str, str] | None,
    *,
    giver: str = "somebody",
    states: Mapping[str, Said] = STATES,
) -> Said:
    """Say what becomes of a message for one recipient, on which basis, and why: whole sentences.

    Args:
        state: The delivery's state.
        basis: The basis, where there is one.
        reason: Why it is not sent, or not yet, as a code.
        why: The sentences of the disclosure rule it comes under, if any.
        giver: Whose consent it is, where that is known.
        states: How sentences begin: what became of it, or what would.
    """
    sentence, reached = told(reason, state), state not in {"withheld", "superseded", "expired"}
    named = state in ON_ITS_WAY and basis is not None and basis in BASES
    begun, on = states[state], on_basis(basis or "", giver) if named else None
    begun = Said(f"{begun.en}, {on.en}.", f"{begun.sv}, {on.sv}.") if on else Said(f"{begun.en}.", f"{begun.sv}.")
    why = why if reached else None
    return Said(
        " ".join(filter(None, (begun.en, sentence.en if sentence else "", why["en"] if why else ""))),
        " ".join(filter(None, (begun.sv, sentence.sv if sentence else "", why["sv"] if why else ""))),
    )
