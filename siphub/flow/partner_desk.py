"""How the partners stand, for whoever runs the hub: what each is sent, what waits for it and since when, and a probe now instead of later.

States, counts, codes and addresses; never what is in a message.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from siphub.errors import Conflict, NotThere
from siphub.flow.ground import Ground
from siphub.flow.operate import SYSTEM
from siphub.flow.partners import circuit_of, with_circuit
from siphub.model import Directory
from siphub.policy import partners as policy
from siphub.store import PartnerRow, Place, Work


@dataclass(frozen=True, slots=True)
class Partner:
    """One partner: where it is and whose, how it stands, what is on its way and what waits, and how much it may be sent.

    `failing_since` is the first failure after its last answer; `next_at` when it is tried again, or until when a probe has time.
    `concurrent` and `per_minute` are its limits, `exact` where they are held over all workers together.
    """

    partner: str
    adapter: str
    endpoint: str
    units: tuple[str, ...]
    state: str
    failures: int
    code: str | None
    failing_since: datetime | None
    answered_at: datetime | None
    next_at: datetime | None
    waiting: int
    sending: int
    window: int | None
    concurrent: int
    per_minute: int | None
    exact: bool


def partners(ground: Ground, *, away: bool = False) -> tuple[Partner, ...]:
    """Return every partner of the directory, and any other that something is to be said of; with `away` only those that do not answer."""
    directory = ground.directory()
    with ground.store.read() as work:
        rows = {row.place: row for row in work.partners.all()}
        waiting = work.partners.waiting()
        sending = work.partners.sending({*directory.places(), *rows})
    places = sorted({*directory.places(), *rows, *waiting})
    found = (
        _partner(ground, directory, place, rows.get(place), waiting.get(place, 0), sending.get(place, 0))
        for place in places
        if not away or (place in rows and rows[place].state != "closed")
    )
    return tuple(found)


def _partner(ground: Ground, directory: Directory, place: Place, row: PartnerRow | None, waiting: int, sending: int) -> Partner:
    circuit, limits = circuit_of(row), ground.partners.limits(place, directory)
    return Partner(
        partner=policy.partner_id(*place),
        adapter=place[0],
        endpoint=place[1],
        units=tuple(sorted(directory.units_at(*place))),
        state=circuit.state,
        failures=circuit.failures,
        code=circuit.code,
        failing_since=circuit.failing_since,
        answered_at=circuit.answered_at,
        next_at=circuit.next_at,
        waiting=waiting,
        sending=sending,
        window=circuit.window,
        concurrent=limits.concurrent,
        per_minute=limits.per_minute,
        exact=limits.strict,
    )


def partner(ground: Ground, word: str) -> Partner:
    """Return one partner, by its short name or the beginning of it, its endpoint, or one of its units.

    Raises:
        NotThere: `partner.not_there`; there is none, or more than one has a name that begins so.
    """
    found = [one for one in partners(ground) if word in {one.partner, one.endpoint, *one.units}]
    found = found or [one for one in partners(ground) if word and one.partner.startswith(word)]
    if len(found) != 1:
        raise NotThere("there is no such partner, or more than one: siphub partners list shows their names", code="partner.not_there")
    return found[0]


def probe(ground: Ground, word: str, *, by: str) -> Partner:
    """Let a partner that is away be tried now: the running hub sends it one delivery at once. Return how it stands then.

    Raises:
        NotThere: `partner.not_there`.
        Conflict: `partner.answers`; it is not away. `partner.probed`; one delivery is on its way to it already.
    """
    named = partner(ground, word)
    place = (named.adapter, named.endpoint)
    with ground.store.write() as work:
        row = work.partners.lock([place])[place]
        _refuse(work, row)
        work.partners.save([with_circuit(row, replace(circuit_of(row), state="open", next_at=ground.now()))])
        work.audit.append(SYSTEM, by, "cli", "partner.probed", {"partner": named.partner})
    ground.partners.forget()
    ground.wake.set()
    return partner(ground, word)


def _refuse(work: Work, row: PartnerRow) -> None:
    if row.state == "closed":
        raise Conflict("this partner answers: what is for it is sent as it comes", code="partner.answers")
    if row.state == "half_open" and work.partners.sending([row.place]):
        raise Conflict("one delivery is on its way to this partner: wait for its answer", code="partner.probed")
