"""The five forms on paper: the request, the leaflet, the consent, the preparation and the plan (REQ-91).

Each is made from what is known, which may be nothing: a blank form is the form of an empty cut. The facts come from the source documents
(S0, S1 and S4); the sentences are our own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from siphub.documents.facts import Facts, when
from siphub.documents.model import Block, Bullets, Choice, Field, Heading, Paragraph, Signature, Table
from siphub.documents.plan import plan
from siphub.documents.words import CODES

UNITS = 6
"""How many lines the leaflet has for units (S1); more units get more lines."""
NETWORK = 6
"""How many rows the request has for who is around the individual; a network that is larger gets more."""
TOPICS = 13
"""How many lines there are for *Det vill jag prata om* (S1)."""

_YES_NO = ("Ja", "Nej")
_SCOPES = ("plan", "meeting", "preparation", "meeting_in_absence")
"""What is asked beside the exchange of information, which is asked first (S1)."""

_WHAT_IT_IS = (
    "En samordnad individuell plan, en SIP, är till för dig som får stöd, vård eller omsorg från flera håll samtidigt. "
    "Planen utgår från det som är viktigt för dig och visar vem som gör vad, så att du och dina närstående slipper hålla ihop det själva."
)
_CONSENT = (
    "Planen är frivillig. Verksamheterna får lämna uppgifter om dig till varandra först när du har sagt ja till det. "
    "Det räcker att du säger det; det skrivs in i din journal eller akt. "
    "Du kan ta tillbaka ditt ja när du vill, helt eller delvis, utan att säga varför: hör av dig till din samordnare."
)


@dataclass(frozen=True, slots=True)
class Form:
    """One form: its title, what it is in a sentence of English for whoever prints it, the kinds of cut it can be filled in from, and its pages."""

    title: str
    about: str
    from_types: frozenset[str]
    pages: Callable[[Facts], Iterator[Block]]


def _request(facts: Facts) -> Iterator[Block]:
    yield Paragraph(_WHAT_IT_IS)
    yield from _lines(
        ("Till min kontakt i kommunen, regionen eller hos annan vårdgivare", _joined(facts, "receiving_contact", "receiving_unit")),
        ("Från (namn)", facts.text("content.requester.name")),
    )
    yield Choice("Jag som ber om en SIP är", *_requester(facts))
    yield from _lines(
        ("Telefon", facts.text("content.requester.phone")),
        ("E-post", facts.text("content.requester.email")),
        ("Personnummer för den som planen gäller", facts.only("subject.identity.value")),
        ("Tolk på språket", facts.text("content.interpreter_language")),
    )
    yield from _about_the_meeting()
    yield Heading("Här kan du beskriva din situation")
    yield Paragraph("Skriv så mycket eller så lite du vill. Det du skriver här läser din kontakt, och ingen annan om du inte säger till.")
    for key, label, lines in (
        ("my_contacts", "Vilka har jag kontakt med i dag?", 4),
        ("my_experience", "Hur upplever jag det?", 6),
        ("needs_and_wishes", "Vilka behov, önskemål och förväntningar har jag?", 6),
        ("how_i_want_it", "Hur skulle jag vilja att det var?", 6),
        ("coordinator_wish", "Vem vill jag helst ha som samordnare?", 2),
    ):
        yield Field(label, facts.text(f"content.preparation.{key}"), lines)
        if key == "my_contacts":
            yield _network(facts)
    yield from _lines(
        ("Datum", facts.text("content.requested_on")), ("Ifyllt med hjälp av (namn och verksamhet)", _staff(facts, "recorded_by"))
    )


def _network(facts: Facts) -> Block:
    """Return the map of who is around the individual (S4): names, what they are, how to reach them, and whether they are to come."""
    rows = tuple(
        tuple(
            ", ".join(text for text in (facts.text(f"{path}.{key}") for key in keys) if text)
            for keys in (("name", "organisation"), ("relation", "role"), ("phone", "email"), ("wanted_at_meeting",))
        )
        for path in facts.each("content.network")
    )
    head = ("Namn eller verksamhet", "Vad de är för mig", "Telefon eller e-post", "Med på mötet?")
    return Table("Vilka finns runt mig?", head, rows, max(0, NETWORK - len(rows)), (4, 3, 3, 2))


def _requester(facts: Facts) -> tuple[tuple[str, ...], frozenset[str]]:
    options = {"individual": "den som planen gäller", "relative": "närstående", "guardian": "vårdnadshavare"}
    kind = options.get(str(facts.raw("content.requester.kind")))
    return tuple(options.values()), frozenset({kind} if kind else ())


def _about_the_meeting() -> Iterator[Block]:
    yield Heading("Samtycke")
    yield Paragraph(_CONSENT)
    yield Heading("Så går det till")
    yield Bullets(
        (
            (
                "Du och din kontakt går igenom vilka verksamheter som finns runt dig, och du väljer vilka som ska vara med. "
                "Det behöver inte vara många."
            ),
            "Din kontakt kallar dem till ett möte. Ni träffas där det passar dig, hemma eller någon annanstans.",
            (
                "Du får ta med någon som stöder dig. Vill du inte vara med själv kan mötet hållas ändå om du säger ja till det, "
                "och någon du litar på kan komma i ditt ställe. Berätta då i förväg för samordnaren vad du tycker och vill."
            ),
            (
                "På mötet utser ni en samordnare: en namngiven person i kommunen eller regionen som du har förtroende för. "
                "Samordnaren ansvarar för att planen blir skriven och följs upp."
            ),
            (
                "Planen visar vilka insatser som behövs, vem som ansvarar för var och en, vem som är samordnare och när ni ses igen. "
                "Du får ett eget exemplar, och en närstående får ett om du vill."
            ),
            "De som var med gör det de har lovat. Samordnaren kallar till uppföljning tillsammans med dig.",
        )
    )


def _leaflet(facts: Facts) -> Iterator[Block]:
    yield Paragraph(_WHAT_IT_IS)
    yield Paragraph(
        "Till mötet kommer de som ansvarar för ditt stöd. Du bestämmer vilka som är med, och du får ta med en närstående. "
        "Behöver du tolk ordnas det. Mötet hålls hemma hos dig eller på en annan plats som passar. "
        "Tänk gärna igenom i förväg vad som är viktigt för dig: det finns ett blad att skriva på."
    )
    yield Heading("Samordnare för din SIP")
    yield from _lines(("Namn", facts.text("content.coordinator.name")), ("Kontaktuppgifter", _reach(facts, "coordinator")))
    yield Heading("Planerat möte")
    yield from _lines(*_time_and_place(facts))
    yield from _lines(
        ("Kontaktperson", facts.text("content.convener.name")), ("Kontaktpersonens telefon", facts.text("content.convener.phone"))
    )
    yield Heading("Deltagande enheter")
    yield from _units(facts)
    yield Heading("Vad händer sedan?")
    yield Paragraph("Du får ett eget exemplar av planen. Det ni har bestämt följs upp tillsammans med dig.")
    yield from _lines(("Datum för utvärdering", facts.text("content.evaluation_on")))


def _time_and_place(facts: Facts) -> Iterator[tuple[str, str | None]]:
    said = when(facts, "content.meeting")
    day, _, time = (said or "").partition(" kl. ")
    yield "Dag", day or None
    yield "Tid", f"kl. {time}" if time else None
    yield "Plats", facts.text("content.meeting.place")


def _units(facts: Facts) -> Iterator[Block]:
    units = tuple(text for text in map(facts.only, facts.each("content.participating_units")) if text)
    if units:
        yield Bullets(units)
    if len(units) < UNITS:
        yield Field("Fler enheter" if units else "Skriv en enhet på varje rad", None, UNITS - len(units))


def _consent(facts: Facts) -> Iterator[Block]:
    yield Paragraph(_WHAT_IT_IS)
    yield Paragraph(_CONSENT)
    yield Heading("Mitt samtycke")
    decision = {"permit": "Ja", "deny": "Nej"}.get(str(facts.raw("content.decision")))
    scopes = {str(facts.raw(path)) for path in facts.each("content.scopes")}
    general = {decision} if decision and (decision == "Nej" or "information_exchange" in scopes) else set()
    yield Choice(
        "Jag samtycker till att uppgifter om mina behov av vård och omsorg lämnas mellan verksamheterna", _YES_NO, frozenset(general)
    )
    for scope in _SCOPES:
        yield Choice(f"Jag samtycker till {CODES['scopes'][scope]}", _YES_NO, frozenset({decision} if decision and scope in scopes else ()))
    yield Heading("Verksamheter som samtycket omfattar")
    yield _parties(facts)
    yield Field("Uppgifter som inte får lämnas", facts.text("content.excluded_information"), 2)
    yield from _lines(("Samtycket gäller till och med", facts.text("content.valid_until")))
    yield Heading("Fylls i av personal")
    mode = {"oral": "Muntligt", "written": "Skriftligt"}.get(str(facts.raw("content.mode")))
    yield from _lines(("Samtycke inhämtat av (namn och verksamhet)", _staff(facts, "obtained_by")))
    yield Choice("Så lämnades samtycket", ("Muntligt", "Skriftligt"), frozenset({mode} if mode else ()))
    yield from _lines(
        ("Datum", facts.text("content.obtained_on")), ("Dokumenterat i (journal eller akt)", facts.text("content.document_ref"))
    )
    yield Paragraph("Underskrift behövs inte. Den som vill kan skriva under här.", small=True)
    yield Signature(("Datum", "Underskrift"))


def _parties(facts: Facts) -> Block:
    rows = tuple((facts.only(f"{path}.party") or "", facts.only(f"{path}.direction") or "", "") for path in facts.each("content.parties"))
    return Table("Verksamheter", ("Verksamhet", "Får eller lämnar uppgifter", "Anteckning"), rows, max(0, UNITS - len(rows)), (5, 4, 3))


def _preparation(facts: Facts) -> Iterator[Block]:
    yield Paragraph(
        "Planen blir bättre om du har tänkt efter i förväg. Det du skriver är ditt: du bestämmer själv om du vill läsa upp det, "
        "lämna det till samordnaren eller ha det för dig själv."
    )
    yield from _lines(*_time_and_place(facts))
    for question, known in (
        ("Vad är viktigt för dig i livet, och i det läge du är i nu?", facts.text("content.preparation.needs_and_wishes")),
        ("Vilka mål har du själv?", facts.text("content.preparation.how_i_want_it")),
        ("Ger det stöd du har i dag den trygghet du behöver, och leder det mot dina mål?", facts.text("content.preparation.my_experience")),
        ("Vet du vem du vänder dig till om du undrar något eller mår sämre?", facts.text("content.preparation.my_contacts")),
        ("Undrar du eller någon närstående något annat?", None),
    ):
        yield Field(question, known, 4)
    yield Heading("Det vill jag prata om")
    yield Paragraph("Vilka behov, önskemål och förväntningar har jag? Vad betyder något i min vardag?")
    agenda = tuple(text for text in map(facts.only, facts.each("content.agenda")) if text)
    if agenda:
        yield Bullets(agenda)
    yield Field("Mina egna ord", None, TOPICS)


def _plan(facts: Facts) -> Iterator[Block]:
    names = (facts.only(f"subject.{key}") for key in ("given_name", "family_name"))
    yield from _lines(
        ("Planen gäller (namn)", " ".join(name for name in names if name) or None), ("Personnummer", facts.only("subject.identity.value"))
    )
    yield from plan(facts, paper=True)


def _lines(*fields: tuple[str, str | None]) -> Iterator[Block]:
    yield from (Field(label, known) for label, known in fields)


def _joined(facts: Facts, *keys: str) -> str | None:
    return ", ".join(text for text in (facts.text(f"content.{key}") for key in keys) if text) or None


def _staff(facts: Facts, key: str) -> str | None:
    return _joined(facts, f"{key}.name", f"{key}.unit")


def _reach(facts: Facts, key: str) -> str | None:
    return _joined(facts, f"{key}.phone", f"{key}.email", f"{key}.unit")


_SUMMONS = frozenset({"meeting.summoned", "meeting.invited", "meeting.rescheduled", "followup.summoned", "meeting.reminder"})

FORMS: Mapping[str, Form] = {
    "request": Form(
        "Begäran om samordnad individuell plan", "the individual or a relative asks for a SIP (S4)", frozenset({"sip.requested"}), _request
    ),
    "leaflet": Form("Om din samordnade individuella plan", "what a SIP is, and when and where the meeting is (S0, S1)", _SUMMONS, _leaflet),
    "consent": Form(
        "Samtycke till samordnad individuell plan",
        "yes or no, to what, and to whom (S1)",
        frozenset({"consent.given", "consent.refused"}),
        _consent,
    ),
    "preparation": Form(
        "Förberedelse inför ditt SIP-möte",
        "what the individual wants to think through and talk about (S0, S1)",
        _SUMMONS | {"sip.requested"},
        _preparation,
    ),
    "plan": Form(
        "Samordnad individuell plan",
        "the plan itself, to write during the meeting",
        frozenset({"plan.proposed", "plan.established", "plan.revised"}),
        _plan,
    ),
}
"""Each form by its name."""


def document_of(name: str, facts: Facts) -> tuple[str, tuple[Block, ...]]:
    """Return a form's title and pages.

    Raises:
        KeyError: There is no such form; `FORMS` has them all.
    """
    form = FORMS[name]
    return form.title, tuple(form.pages(facts))
