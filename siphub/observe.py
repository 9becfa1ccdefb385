"""What the hub tells about itself: logs without personal data, and metrics.

A log event is a constant name (`delivery.rejected`) with facts as keys. Redaction is by allow-list: a fact whose key is not listed here,
or whose value does not look like a code, comes out as `[redacted]`; an exception comes out as its type, its code and the lines it passed,
never as its text; what a library logs comes out as its logger's name and level. So a new field is silent until somebody has thought about it.
Importing this module is cheap and does nothing: structlog and prometheus-client are imported at first use.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO, cast
from uuid import UUID

from siphub.errors import SiphubError

if TYPE_CHECKING:
    from prometheus_client.metrics import MetricWrapperBase

REDACTED: Final = "[redacted]"

ALLOWED: Final = frozenset({
    # Ids that mean nothing outside the hub.
    *("attempt", "attempt_id", "bell", "case_id", "conversation_id", "delivery_id", "message_id", "prev_id", "submission_id", "trace_id"),
    # Organisations and units. Their numbers are public; a sole trader's, which is a person's, is caught by its shape.
    *("organisation", "owner", "recipient", "unit"),
    # Parts of the hub, by name.
    *("adapter", "broker", "channel", "database", "door", "driver", "hook", "mapping", "mapping_version", "migration", "mode", "partner", "plugin"),
    *("point", "queue", "reader", "setting", "table", "worker"),
    # States and codes.
    *("action", "basis", "code", "error", "from_state", "level", "logger", "message_type", "method", "outcome", "reason", "recall"),
    *("route", "schema_version", "state", "status", "version"),
    # Numbers.
    *("after", "bytes", "count", "due", "failed", "fencing", "free_bytes", "limit", "nth", "pid", "port", "queued", "seconds", "seed"),
    *("sent", "signal", "waiting"),
    # Times, and places in code.
    *("at", "causes", "exception", "lines", "timestamp", "until"),
})  # fmt: skip
"""The keys that may be logged. Before adding one, ask whether a person's name, number, address or words can ever stand in it."""

QUOTED: Final = frozenset({
    "Application startup complete.",
    "Waiting for application startup.",
    "Waiting for application shutdown.",
    "Application shutdown complete.",
    "Shutting down",
})  # fmt: skip
"""What libraries may say in their own words: whole constant sentences, without arguments."""

_EVENT = re.compile(r"[a-z][a-z_]{0,30}(\.[a-z][a-z_]{0,30}){1,3}")
_CODE_LIKE = re.compile(r"[A-Za-z0-9_.:/@+*%,=<>\[\]-]{0,200}")
_OPAQUE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32,128}|\d{4}-\d\d-\d\dT[0-9:.+Z-]+", re.IGNORECASE)
_PERSON = re.compile(r"(?<!\d)(\d\d)?\d\d(0\d|1[0-2])([0-2]\d|3[01]|[6-8]\d|9[01])[-+]?\d{4}(?!\d)")
"""The shape of a person's, coordination or reserve number: ten or twelve digits with a month (or 00) and a day in them."""

_Event = MutableMapping[str, Any]


def redacted(facts: Mapping[str, object]) -> dict[str, object]:
    """Return the facts as they may leave the process."""
    return {key if _key_may_show(key) else REDACTED: _shown(value) if key in ALLOWED else REDACTED for key, value in facts.items()}


def described(error: BaseException) -> dict[str, object]:
    """Return what may be told of an exception: types and codes of it and its causes, and the lines it passed. Never its text."""
    causes = [_kind(cause) for cause in _chain(error)]
    lines = [f"{frame.f_globals.get('__name__', '?')}:{line}" for frame, line in traceback.walk_tb(error.__traceback__)]
    code = {"code": error.code} if isinstance(error, SiphubError) else {}
    return {"exception": _kind(error), **code, "causes": causes, "lines": lines[-12:]}


class Log:
    """A structured log: a constant event name, facts as keys. It is the `Log` that plugins get."""

    def __init__(self, **facts: object) -> None:
        self._facts = facts

    def bind(self, **facts: object) -> Log:
        """Return a log that adds these facts to everything it says."""
        return Log(**(self._facts | facts))

    def debug(self, event: str, /, **facts: object) -> None:
        """Log a detail."""
        self._say("debug", event, facts)

    def info(self, event: str, /, **facts: object) -> None:
        """Log something that happened."""
        self._say("info", event, facts)

    def warning(self, event: str, /, **facts: object) -> None:
        """Log something an administrator should look at."""
        self._say("warning", event, facts)

    def error(self, event: str, /, **facts: object) -> None:
        """Log something that is broken. With `exc_info=True` or an exception, also what was raised: type, code and lines."""
        self._say("error", event, facts)

    def _say(self, level: str, event: str, facts: Mapping[str, object]) -> None:
        getattr(_sink.logger(), level)(event, **{**self._facts, **facts})


class _Stderr:
    """Whatever stderr is when a line is written. A line that it does not take is lost, and the work that wrote it goes on."""

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()


class _Sink:
    """Where everything goes: one stream, one level, one form. There is one per process, because a process has one stderr."""

    def __init__(self) -> None:
        self.stream: TextIO | None = None
        self.level = "warning"
        self.form: Literal["json", "console"] = "console"
        self._logger: Any = None

    def set(self, stream: TextIO | None, level: str, form: Literal["json", "console"]) -> None:
        self.stream, self.level, self.form, self._logger = stream, level, form, None

    def logger(self) -> Any:
        if self._logger is None:
            self._logger = self._made()
        return self._logger

    def _made(self) -> Any:
        import structlog

        render: Any = structlog.processors.JSONRenderer() if self.form == "json" else _console
        return structlog.wrap_logger(
            structlog.WriteLogger(self.stream or cast("TextIO", _Stderr())),
            processors=[structlog.processors.add_log_level, _exceptions, _allow_listed, _timestamp, render],
            wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, self.level.upper())),
        )


_sink = _Sink()


def configure(level: str = "info", form: Literal["json", "console"] = "json", stream: TextIO | None = None) -> Callable[[], None]:
    """Send our own logs, the libraries' logs, warnings and uncaught exceptions through the same redaction.

    Servers that set up logging of their own must be told not to (uvicorn: `log_config=None`).

    Args:
        level: `debug`, `info`, `warning` or `error`; libraries are heard from `warning` up, whatever the level.
        form: One JSON object a line, or a line for a person.
        stream: Where to; stderr unless given.

    Returns:
        A function that puts everything back.
    """
    root = logging.getLogger()
    before = (_sink.stream, _sink.level, _sink.form, root.handlers[:], root.level, sys.excepthook, threading.excepthook)
    _sink.set(stream, level, form)
    root.handlers[:] = [_Libraries()]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    sys.excepthook, threading.excepthook = _uncaught, _uncaught_in_thread

    def undo() -> None:
        _sink.set(*before[:3])
        root.handlers[:] = before[3]
        root.setLevel(before[4])
        logging.captureWarnings(capture=False)
        sys.excepthook, threading.excepthook = before[5:]

    return undo


class _Libraries(logging.Handler):
    """Takes what libraries log: the logger's name, the level and an exception's type. Their words are dropped: they may hold anything."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        quoted = isinstance(record.msg, str) and not record.args and record.msg in QUOTED
        event = record.msg if quoted else "library.logged"
        level = "error" if record.levelno >= logging.ERROR else record.levelname.lower()
        getattr(_sink.logger(), level, _sink.logger().info)(event, logger=record.name, exc_info=error)


def _uncaught(_type: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    if isinstance(error, KeyboardInterrupt):
        return
    _sink.logger().error("process.failed", exc_info=error)


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    _sink.logger().error("thread.failed", exc_info=args.exc_value)


def _exceptions(_logger: object, _method: str, event: _Event) -> _Event:
    """Replace `exc_info` by what may be told of it."""
    raised = event.pop("exc_info", None)
    error = sys.exc_info()[1] if raised is True else raised[1] if isinstance(raised, tuple) else raised
    event.pop("stack_info", None)
    if isinstance(error, BaseException):
        event.update({key: value for key, value in described(error).items() if key not in event})
    return event


def _allow_listed(_logger: object, _method: str, event: _Event) -> _Event:
    name = event.pop("event", "")
    constant = isinstance(name, str) and (name in QUOTED or (_EVENT.fullmatch(name) is not None))
    return {"event": name if constant else REDACTED} | redacted(event)


def _timestamp(_logger: object, _method: str, event: _Event) -> _Event:
    return {"timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"), **event}


def _console(_logger: object, _method: str, event: _Event) -> str:
    """Return a line for a person: time, level, event, then the facts."""
    head = f"{event.pop('timestamp')} {event.pop('level'):<7} {event.pop('event')}"
    return "  ".join([head, *(f"{key}={value}" for key, value in event.items())])


def _shown(value: object) -> object:
    """Return a value if it looks like an id, a code, a number or a time; otherwise the word that stands for what is hidden."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return REDACTED if _PERSON.search(str(value)) else value
    if isinstance(value, UUID | datetime | timedelta):
        return (
            str(value.total_seconds()) if isinstance(value, timedelta) else value.isoformat() if isinstance(value, datetime) else str(value)
        )
    if isinstance(value, str):
        return _shown_text(value)
    if isinstance(value, Iterable) and not isinstance(value, bytes | Mapping):
        return [_shown(item) for item in value]
    return REDACTED


def _shown_text(value: str) -> str:
    text = str(value)
    if _OPAQUE.fullmatch(text):
        return text
    return text if _CODE_LIKE.fullmatch(text) and not _PERSON.search(text) else REDACTED


def _key_may_show(key: str) -> bool:
    """A key is written in our code, but facts are sometimes unpacked from data: only one that looks like a word is shown."""
    return re.fullmatch(r"[a-z_]{1,40}", key) is not None


def _kind(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def _chain(error: BaseException) -> Iterable[BaseException]:
    seen = {id(error)}
    following = error.__cause__ or error.__context__
    while following is not None and id(following) not in seen and len(seen) < 8:  # noqa: PLR2004 - deeper causes help nobody
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__


# Metrics


METRICS: Final[Mapping[str, tuple[Literal["counter", "gauge", "histogram"], str, tuple[str, ...]]]] = {
    "messages_accepted": ("counter", "Messages accepted.", ("door", "message_type")),
    "messages_refused": ("counter", "Messages refused.", ("door", "code")),
    "attempts": ("counter", "Attempts to deliver, by what they led to.", ("adapter", "outcome")),
    "attempt_seconds": ("histogram", "How long one attempt took.", ("adapter",)),
    "delivery_seconds": ("histogram", "From accepted to delivered.", ("adapter",)),
    "deliveries": ("gauge", "Deliveries by state, of those that are not over or ended badly.", ("adapter", "state")),
    "oldest_queued_seconds": ("gauge", "How long the oldest queued delivery has waited.", ("adapter",)),
    "partners": ("gauge", "Partners by the state of their circuit breaker.", ("state",)),
    "partner_waiting": ("gauge", "Deliveries that wait for their partner, without a bell.", ()),
    "outbox_waiting": ("gauge", "Bells that are to be rung.", ()),
    "leases_expired": ("counter", "Leases that ran out with an unfinished attempt.", ("adapter",)),
    "hook_failures": ("counter", "Hooks that raised or ran over their time.", ("plugin", "hook")),
}
"""Every metric: kind, help, labels. A label's values come from a closed set, so a metric can neither grow without end nor carry a person."""

OTHER: Final = "other"


class Meter:
    """The metrics of one hub, in a registry of their own.

    Args:
        closed: For each label the values it may have; anything else is counted as `other`.
    """

    def __init__(self, closed: Mapping[str, Iterable[str]]) -> None:
        self._closed = {label: frozenset(values) for label, values in closed.items()}
        self._metrics: dict[str, MetricWrapperBase] | None = None
        self._registry: Any = None
        self._lock = threading.Lock()

    def count(self, name: str, amount: int = 1, /, **labels: str) -> None:
        """Add to a counter."""
        self._child(name, labels).inc(amount)

    def set(self, name: str, value: float, /, **labels: str) -> None:
        """Set a gauge."""
        self._child(name, labels).set(value)

    def took(self, name: str, span: timedelta, /, **labels: str) -> None:
        """Add a time span to a histogram."""
        self._child(name, labels).observe(span.total_seconds())

    def render(self) -> tuple[bytes, str]:
        """Return the metrics as Prometheus text, and its media type."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        self._all()
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def _child(self, name: str, labels: Mapping[str, str]) -> Any:
        metric = self._all()[name]
        values = {label: value if value in self._closed.get(label, ()) else OTHER for label, value in labels.items()}
        return metric.labels(**values) if METRICS[name][2] else metric

    def _all(self) -> dict[str, MetricWrapperBase]:
        with self._lock:
            if self._metrics is None:
                self._metrics = self._made()
            return self._metrics

    def _made(self) -> dict[str, MetricWrapperBase]:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        kinds: Mapping[str, type[MetricWrapperBase]] = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}
        self._registry = CollectorRegistry()
        return {
            name: kinds[kind](f"siphub_{name}", text, labels, registry=self._registry) for name, (kind, text, labels) in METRICS.items()
        }
