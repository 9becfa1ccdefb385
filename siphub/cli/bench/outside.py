"""The world outside a chain, in a process of its own: it hands messages in, and it is the partner they arrive at.

It is told what to do by lines of JSON on stdin and answers each with one on stdout. Both ends of a message are seen by one clock. A message
stands for a version of a case's plan: the next one of a case is handed in only when the one before has arrived everywhere and a moment has
passed in which the hub can have written that down, so that nothing is overtaken. No more are under way than there are cases.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from siphub.cli.bench.wire import Answer, Client, Request, listening

MARK = re.compile(rb"bench-(\d+)-(\d+)-")
"""What stands in each measured message and in whatever it becomes: the case's number, and the version."""
PATIENCE = 120.0
"""Seconds within which everything that was accepted has to arrive."""
CONNECTIONS = 32
_QUIET = 1.0
"""Seconds without a delivery after which nothing more is on its way."""
_STARTED = b'{"resourceType":"Bundle","type":"message"}'


@dataclass(slots=True)
class Case:
    """One case: its version under way, how many recipients it has yet to reach, and when it was handed in and heard of."""

    number: int
    id: str
    version: int = 0
    waits_for: int = 0
    answered: bool = True
    due: float = 0.0
    came: set[tuple[int, str]] = field(default_factory=set)
    last_byte: float = 0.0

    @property
    def idle(self) -> bool:
        """True where the last message has arrived everywhere."""
        return self.answered and self.waits_for == 0


@dataclass(slots=True)
class Seen:
    """What was seen since it was last asked for: times of answers and arrivals, and seconds from handing in to the first byte."""

    answers: list[float] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    repeats: int = 0


class Outside:
    """Partner and sender. `told` has the templates, the cases' ids, how many recipients a message has, and how long a case rests, in seconds."""

    def __init__(self) -> None:
        self.pause = 0.0
        self.last = 0.0
        self.rest = 0.0
        self.recipients = 0
        self.template = b""
        self.withdrawal = b""
        self.headers = b""
        self.cases: list[Case] = []
        self.seen = Seen()
        self._client: Client | None = None
        self._idle: asyncio.Queue[Case] | None = None

    # ── the partner ──

    def take(self, request: Request, answer: Answer) -> None:
        """Take a delivery, after the partner's time to think, and answer it."""
        if self.pause:
            asyncio.get_running_loop().call_later(self.pause, self._taken, request, answer)
        else:
            self._taken(request, answer)

    def _taken(self, request: Request, answer: Answer) -> None:
        self.last = request.began
        found = MARK.search(request.body)
        if found is not None:
            self._count(self.cases[int(found[1])], int(found[2]), request)
        answer(200, _STARTED)

    def _count(self, case: Case, version: int, request: Request) -> None:
        case.last_byte = max(case.last_byte, request.began)
        this = (version, request.path)
        if this in case.came:
            self.seen.repeats += 1
            return
        case.came = {one for one in case.came if one[0] >= version} | {this}
        self.seen.arrivals.append(time.monotonic())
        self.seen.latencies.append(request.began - case.due)
        case.waits_for -= 1
        self._rest(case)

    # ── the sender ──

    def begin(self, told: Mapping[str, Any]) -> None:
        """Take up the cases of a chain."""
        self.recipients, self.rest = told["recipients"], told["rest"]
        self.template, self.withdrawal = told["template"].encode(), told["withdrawal"].encode()
        key = told["key"]
        self.headers = f"Content-Type: application/json\r\nAuthorization: Bearer {key}\r\n".encode()
        self.cases = [Case(number, case_id) for number, case_id in enumerate(told["cases"])]
        self._client = Client(told["port"], CONNECTIONS)

    def _rest(self, case: Case) -> None:
        if case.idle and self._idle is not None:
            asyncio.get_running_loop().call_later(self.rest, self._idle.put_nowait, case)

    async def _post(self, template: bytes, case: Case) -> float:
        """Fill a template in and hand it in; return when it was answered, or 0 where it was refused."""
        assert self._client is not None  # noqa: S101 - `begin` comes first
        mark, version = f"bench-{case.number}-{case.version}-", str(case.version)
        body = template.replace(b"@MESSAGE@", str(uuid4()).encode()).replace(b"@CASE@", case.id.encode())
        body = body.replace(b"@MARK@", mark.encode()).replace(b'"@VERSION@"', version.encode())
        status, answer = await self._client.post("/v1/messages", body, self.headers)
        if status != 202:  # noqa: PLR2004 - Accepted
            self.seen.refused[str(json.loads(answer).get("code", status))] += 1
            return 0.0
        return time.monotonic()

    async def hand_in(self, case: Case, due: float) -> bool:
        """Hand in the next version of a case's plan; `due` is when that should have begun."""
        case.version += 1
        case.due, case.answered, case.waits_for = due, False, self.recipients
        at = await self._post(self.template, case)
        case.answered = True
        if at:
            self.seen.answers.append(at)
        else:
            case.waits_for = 0
        self._rest(case)
        return bool(at)

    async def quiet(self) -> bool:
        """Wait until everything has arrived; return whether it has."""
        until = time.monotonic() + PATIENCE
        while not all(case.idle for case in self.cases):
            if time.monotonic() > until:
                return False
            await asyncio.sleep(0.02)
        return True

    async def settled(self) -> bool:
        """Wait until nothing has come for a while: what led the cases to where they are has gone by; return whether that was so in time."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() - self.last < _QUIET:
            if time.monotonic() > until:
                return False
            await asyncio.sleep(0.1)
        return True

    def _rested(self, case: Case) -> bool:
        return case.idle and time.monotonic() - case.last_byte >= self.rest

    # ── what can be asked for ──

    async def full(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Keep a message of every case under way for some seconds; count in the last part of them, when all parts of the chain are at work."""
        self._idle = asyncio.Queue()
        for case in self.cases[: told["cases"]]:
            self._idle.put_nowait(case)
        begun = time.monotonic()
        begin, end = begun + told["warm"], begun + told["warm"] + told["seconds"]
        self.seen = Seen()
        senders = [asyncio.create_task(self._send_until(end)) for _ in range(CONNECTIONS)]
        await asyncio.gather(*senders)
        counted = [at for at in self.seen.arrivals if begin <= at <= end]
        self._idle = None
        ended = await self._end()
        return {"delivered": len(counted), "seconds": told["seconds"], "all": len(self.seen.arrivals), **ended}

    async def _send_until(self, end: float) -> None:
        assert self._idle is not None  # noqa: S101 - `full` has made it
        while (left := end - time.monotonic()) > 0:
            try:
                case = await asyncio.wait_for(self._idle.get(), left)
            except TimeoutError:
                return
            await self.hand_in(case, time.monotonic())

    async def burst(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Hand in a message of every case as fast as they are taken; say how long the answers took, and the deliveries."""
        self.seen = Seen()
        begun = time.monotonic()
        await asyncio.gather(*(self.hand_in(case, begun) for case in self.cases[: told["cases"]]))
        answered = max(self.seen.answers, default=begun) - begun
        ended = await self._end()
        arrived = max(self.seen.arrivals, default=begun) - begun
        return {"accepted": len(self.seen.answers), "answered": answered, "delivered": len(self.seen.arrivals), "arrived": arrived, **ended}

    async def steady(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Hand in at a steady rate, whatever has arrived by then, and withdraw cases' consents meanwhile."""
        self.seen = Seen()
        usual, doomed = self.cases[: told["cases"]], self.cases[told["doomed"] : told["doomed"] + told["withdrawals"]]
        count = int(told["rate"] * told["seconds"])
        begun = time.monotonic()
        stops = [asyncio.create_task(self._withdraw(case, begun, told["seconds"])) for case in doomed]
        late = await self._at_rate(usual, begun, told["rate"], count)
        withdrawn = [found for found in await asyncio.gather(*stops) if found is not None]
        ended = await self._end()
        return {"handed_in": count - late, "not_free": late, "latencies": self.seen.latencies, "withdrawals": withdrawn, **ended}

    async def _at_rate(self, cases: list[Case], begun: float, rate: float, count: int) -> int:
        """Return how many could not be handed in because every case was under way."""
        tasks, late, turn = set[asyncio.Task[bool]](), 0, 0
        for index in range(count):
            due = begun + index / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            free = next((case for case in (cases[(turn + step) % len(cases)] for step in range(len(cases))) if self._rested(case)), None)
            if free is None:
                late += 1
                continue
            turn = free.number + 1
            task = asyncio.create_task(self.hand_in(free, due))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)
        return late

    async def _withdraw(self, case: Case, begun: float, seconds: float) -> dict[str, float] | None:
        """Let a message of a case go out, and withdraw its consent within a moment of that; say how long both took to be true."""
        await asyncio.sleep(random.uniform(0.1, 0.9) * seconds)  # noqa: S311 - no secret
        if not await self.hand_in(case, time.monotonic()):
            return None
        await asyncio.sleep(random.uniform(0, 0.03))  # noqa: S311
        begun = time.monotonic()
        answered = await self._post(self.withdrawal, case)
        if not answered:
            return None
        await asyncio.sleep(3.0)  # whatever may still come has come by then: a permit lasts for one second
        came, case.waits_for = self.recipients - case.waits_for, 0
        return {"answered": answered - begun, "stopped": max(answered, case.last_byte) - begun, "came": came}

    async def _end(self) -> dict[str, Any]:
        """Wait until all is quiet, and say what went wrong."""
        quiet = await self.quiet()
        return {
            "lost": sum(case.waits_for for case in self.cases if not quiet),
            "repeats": self.seen.repeats,
            "refused": dict(self.seen.refused),
        }


async def _main() -> None:
    outside = Outside()
    server, port = await listening(outside.take)
    _say({"port": port})
    loop = asyncio.get_running_loop()
    asked = {"full": outside.full, "burst": outside.burst, "steady": outside.steady}
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        told = json.loads(line)
        if told["do"] == "begin":
            outside.begin(told)
            _say({})
        elif told["do"] == "settle":
            _say({"settled": await outside.settled()})
        elif told["do"] == "pause":
            outside.pause = told["seconds"]
            _say({})
        else:
            _say(await asked[told["do"]](told))
    server.close()


def _say(found: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main())
