"""Whole plugins in a line each, good and bad, and a registry of them: for tests of what the hub does with plugins."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

from siphub.contract import (
    AdapterInfo,
    Check,
    Cut,
    Delivered,
    Outcome,
    Payload,
    PluginContext,
    ReaderInfo,
    Recipient,
    Submission,
    hookimpl,
)
from siphub.model import Message, sample
from siphub.registry import Registry

SHORT = timedelta(seconds=0.2)
"""The time limit of these registries; `hang` takes longer."""
CANARY = "Prov Provsdotter"
"""What must never be shown."""


class OwnPlugin:
    """What an adapter needs that is a plugin by itself, where nothing can fail and nothing is held."""

    def check(self) -> Iterable[Check]:
        """Nothing can fail."""
        return ()

    def close(self) -> None:
        """Hold nothing."""

    @hookimpl
    def siphub_adapters(self) -> Iterable[Any]:
        """Offer itself."""
        return [self]


class Box:
    """An adapter that puts what it gets in a list."""

    def __init__(self, name: str = "box", api: int = 1) -> None:
        self.info = AdapterInfo(name=name, media_type="application/json", api=api)
        self.sent: list[bytes] = []
        self.closed = 0

    def translate(self, cut: Cut, recipient: Recipient) -> Payload:  # noqa: ARG002 - the contract's arguments
        """Translate to the message's id."""
        return Payload(cut.message_id.encode(), "application/json", "box@1")

    def deliver(self, payload: Payload, recipient: Recipient, key: str) -> Outcome:  # noqa: ARG002 - the contract's arguments
        """Put the bytes in the list."""
        self.sent.append(payload.body)
        return Delivered()

    def check(self) -> Iterable[Check]:
        """Find nothing."""
        return ()

    def close(self) -> None:
        """Count."""
        self.closed += 1


class Eyes:
    """A reader that recognises what a function says."""

    def __init__(self, name: str, sees: Callable[[bytes], object], api: int = 1) -> None:
        self.info = ReaderInfo(name=name, media_types=frozenset({"application/json"}), api=api)
        self._sees = sees

    def recognises(self, submission: Submission) -> bool:
        """Ask the function."""
        return cast("bool", self._sees(submission.body))

    def read(self, submission: Submission) -> Message:  # noqa: ARG002 - the contract's arguments
        """Return a sample."""
        return sample("meeting.summoned")


def plugin(**hooks: Callable[..., object]) -> Any:
    """Return a plugin with these hooks."""
    return SimpleNamespace(**{name: hookimpl(function) for name, function in hooks.items()})


def giving(*things: object) -> Callable[[PluginContext], object]:
    """Return a hook that gives adapters or readers."""

    def give(context: PluginContext) -> object:  # noqa: ARG001 - pluggy goes by the name
        return list(things)

    return give


def adapting(*adapters: object) -> Any:
    """Return a plugin with these adapters."""
    return plugin(siphub_adapters=giving(*adapters))


def reading(*readers: object) -> Any:
    """Return a plugin with these readers."""
    return plugin(siphub_readers=giving(*readers))


def objecting(answer: Callable[[Cut, Recipient], object]) -> Any:
    """Return a plugin that says something about a disclosure."""

    def siphub_disclosure_objections(cut: Cut, recipient: Recipient) -> object:
        return answer(cut, recipient)

    return plugin(siphub_disclosure_objections=siphub_disclosure_objections)


def context_for(name: str) -> PluginContext:
    """Return a context; these plugins use nothing of it but its name."""
    nothing: Any = None
    return PluginContext(plugin=name, clock=nothing, log=nothing, http=nothing, mappings=nothing, state=nothing, render=nothing)


def load(limit: timedelta = SHORT, **plugins: object) -> Registry:
    """Load plugins given as objects."""
    given = {name.replace("_", "-"): one for name, one in plugins.items()}
    return Registry.load([], context_for, extra=given, limit=limit, start_limit=limit)


def hang(*_: object, **__: object) -> Any:
    """Take longer than any limit here."""
    time.sleep(1.5)


def fail(*_: object, **__: object) -> Any:
    """Raise an error that holds what must not be shown."""
    raise ValueError(CANARY)
