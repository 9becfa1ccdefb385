"""One plugin: its hooks under a manager of its own, and the thread it is called in.

It must never let a plugin hang, end or confuse the thread that asked: whatever happens in there comes out as PluginError with its name.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import copy_context
from datetime import timedelta
from types import ModuleType
from typing import Any, TypeVar

import pluggy

from siphub.contract import hooks
from siphub.errors import PluginError, SiphubError

T = TypeVar("T")

MAKING = frozenset({"siphub_adapters", "siphub_address_books", "siphub_readers", "siphub_record_keepers"})
"""The hooks that give things to hold."""
MAX_CALLS = 64
"""How many calls into one plugin may run at once. A plugin whose calls hang is not asked again until some of them end."""


class Plugin:
    """One plugin under its own manager, called in a thread that may be left behind."""

    def __init__(self, name: str, owner: str, version: str, implementation: object) -> None:
        self.name = name
        self.owner = owner
        self.version = version
        self._calls = threading.BoundedSemaphore(MAX_CALLS)
        self._hooks = self._checked(implementation)

    def _checked(self, implementation: object) -> pluggy.HookRelay:
        manager = pluggy.PluginManager("siphub")
        manager.add_hookspecs(hooks)
        unmarked = [] if inspect.isclass(implementation) else _unmarked(implementation)
        if unmarked:
            raise self.error(f"{', '.join(unmarked)} is not marked with @hookimpl and would never be called", code="plugin.bad_hook")
        try:
            manager.register(implementation, self.name)
            manager.check_pending()
        except pluggy.PluginValidationError as error:
            raise self.error(str(error).splitlines()[-1], code="plugin.bad_hook") from error
        if inspect.isclass(implementation) or not manager.get_hookcallers(implementation):
            raise self.error("its entry point leads to no hook; it must name a module or an object with hooks", code="plugin.bad_hook")
        return manager.hook

    def error(self, detail: str, *, code: str = "plugin.failed") -> PluginError:
        """Make an error that names this plugin and the distribution it came from."""
        return PluginError(self.name, f"{detail} (from {self.owner})", code=code)

    def implements(self, hook: str) -> bool:
        """Say whether this plugin has a hook."""
        return bool(getattr(self._hooks, hook).get_hookimpls())

    def ask(self, hook: str, limit: timedelta, **arguments: object) -> list[Any]:
        """Call a hook and return its answers, generators read to their end; None is no answer.

        Raises:
            PluginError: `plugin.failed`, or `plugin.overran`.
        """

        def work() -> list[Any]:
            answers = getattr(self._hooks, hook)(**arguments)
            return [tuple(one) if hook in MAKING else one for one in answers]

        return self.call(hook, limit, work)

    def call(self, what: str, limit: timedelta, work: Callable[[], T]) -> T:
        """Run something of this plugin's in a thread, and wait for it no longer than `limit`.

        Raises:
            PluginError: `plugin.failed` for whatever it raises, SystemExit included; `plugin.overran`.
        """
        if not self._calls.acquire(blocking=False):
            raise self.error(f"{what} was not asked: {MAX_CALLS} earlier calls still run", code="plugin.overran")
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(work())
            except BaseException as error:  # noqa: BLE001 - a plugin may raise anything, and it must stay in this thread
                answer.set_exception(error)
            finally:
                self._calls.release()

        threading.Thread(target=copy_context().run, args=(run,), name=f"{self.name} {what}", daemon=True).start()
        wait((answer,), limit.total_seconds())
        if not answer.done():
            raise self.error(f"{what} took longer than {limit.total_seconds():g} s", code="plugin.overran")
        if error := answer.exception():
            # Only our own errors are known to hold no personal data.
            said = f": {error}" if isinstance(error, SiphubError) else ""
            raise self.error(f"{what} raised {type(error).__name__}{said}") from error
        return answer.result()


def _unmarked(implementation: object) -> list[str]:
    names = [name for name in dir(implementation) if name.startswith("siphub_")]
    return [name for name in names if _is_forgotten(getattr(implementation, name, None))]


def _is_forgotten(value: object) -> bool:
    return callable(value) and not isinstance(value, ModuleType) and not hasattr(value, "siphub_impl") and not hasattr(value, "siphub_spec")
