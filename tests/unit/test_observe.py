"""What the hub tells about itself, and above all what it does not tell: a canary goes through every way into the log."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siphub.errors import BrokerLost
from siphub.observe import ALLOWED, METRICS, REDACTED, Log, Meter, configure, redacted

CANARY = "198001019809"
SPELLINGS = [CANARY, "19800101-9809", "800101-9809", "8001019809", "800101+9809", "19800161-9809", "198000009809"]
CASE = "0f4f8ad2-5a3a-4c5e-9d62-198001019809"


class Sink:
    """The stream everything goes to, read back as lines."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Send all logs to memory, and put everything back afterwards."""
    caught = Sink()
    undo = configure(level="debug", form="json", stream=caught.stream)
    yield caught
    undo()


def test_an_event_comes_out_with_its_facts(sink: Sink) -> None:
    """Given listed facts, when something is logged, then one JSON line holds time, level, event and facts."""
    Log(plugin="folder").info(
        "delivery.rejected", delivery_id=CASE, count=3, after=timedelta(seconds=2), due=datetime(2026, 1, 2, tzinfo=UTC)
    )
    line = sink.lines[0]
    assert datetime.fromisoformat(line.pop("timestamp")).tzinfo == UTC
    assert line == {
        "event": "delivery.rejected",
        "level": "info",
        "plugin": "folder",
        "delivery_id": CASE,
        "count": 3,
        "after": "2.0",
        "due": "2026-01-02T00:00:00+00:00",
    }


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_person_in_a_field_that_is_not_listed_stays_inside(sink: Sink, spelling: str) -> None:
    """Given a key nobody has thought about, when it is logged with a person's number, then the word for hidden stands there."""
    Log().warning("message.refused", subject=spelling)
    assert sink.lines[0]["subject"] == REDACTED
    assert spelling not in sink.text


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("around", ["{}", "SE{}", "unit/{}", "a.{}.b"])
def test_a_person_number_in_a_listed_field_is_hidden(sink: Sink, spelling: str, around: str) -> None:
    """Given a listed key, when a person's number stands in its value, in whatever spelling, then it is hidden."""
    Log().error(
        "message.refused",
        recipient=around.format(spelling),
        causes=[around.format(spelling)],
        queue=int(spelling) if spelling.isdigit() else 0,
    )
    assert spelling not in sink.text
    assert sink.lines[0]["recipient"] == REDACTED


@pytest.mark.parametrize("value", ["Anna Provsson", "Åkesson", {"name": "Anna"}, b"Anna", object(), "x" * 201])
def test_a_value_that_does_not_look_like_a_code_is_hidden(value: object) -> None:
    """Given a listed key, when its value is words, a table, bytes or a thing, then it is hidden."""
    assert redacted({"reason": value}) == {"reason": REDACTED}


@pytest.mark.parametrize(
    "value", ["2120000142", "SE2321000016-1003", "2120000142/barnhalsovard", CASE, "partner.http_503", "a" * 64, None, True, 12]
)
def test_ids_codes_and_numbers_come_out_as_they_are(value: object) -> None:
    """Given a listed key, when its value is an organisation, a unit, an id, a code or a number, then it is shown."""
    assert redacted({"reason": value}) == {"reason": value}
    assert redacted({"case_id": UUID(CASE)}) == {"case_id": CASE}


@given(st.dictionaries(st.text(), st.text(min_size=1)))
def test_no_fact_with_an_unlisted_key_ever_shows(facts: dict[str, str]) -> None:
    """Given any facts, when they are redacted, then only listed keys have anything but the word for hidden."""
    assert all(key in ALLOWED or value == REDACTED for key, value in redacted(facts).items())


def test_the_key_itself_cannot_carry_a_person() -> None:
    """Given facts unpacked from data, when a key is a person's number, then the key is hidden too."""
    assert redacted({CANARY: 1, "Anna Provsson": 2}) == {REDACTED: REDACTED}


def test_an_event_that_is_not_a_constant_name_is_hidden(sink: Sink) -> None:
    """Given a sentence instead of an event's name, when it is logged, then it is hidden."""
    Log().info(f"could not read {CANARY}")
    Log().info("Anna Provsson")
    assert [line["event"] for line in sink.lines] == [REDACTED, REDACTED]


def test_the_text_of_an_exception_stays_inside(sink: Sink) -> None:
    """Given an exception that quotes a person, caused by another that does, when it is logged, then type, code, causes and lines come out."""
    try:
        try:
            raise ValueError(CANARY)
        except ValueError as cause:
            raise BrokerLost("Provsson") from cause
    except BrokerLost:
        Log().error("relay.failed", exc_info=True)
    line = sink.lines[0]
    assert CANARY not in sink.text
    assert "Provsson" not in sink.text
    assert (line["exception"], line["code"], line["causes"]) == ("siphub.errors.BrokerLost", "broker.lost", ["builtins.ValueError"])
    assert line["lines"][0].rpartition(":")[2].isdigit()


def test_a_librarys_own_words_stay_inside(sink: Sink) -> None:
    """Given a library that logs a person as text, argument, extra and exception, then its name and level come out and nothing of that."""
    library = logging.getLogger("somebody.elses")
    library.error("bad row %s", CANARY, extra={"row": CANARY})
    try:
        raise KeyError(CANARY)
    except KeyError:
        library.exception(f"failed on {CANARY}")
    library.info("not heard")
    assert CANARY not in sink.text
    assert [(line["event"], line["logger"], line["level"]) for line in sink.lines] == [("library.logged", "somebody.elses", "error")] * 2
    assert sink.lines[1]["exception"] == "builtins.KeyError"


def test_a_library_may_say_a_listed_sentence_and_only_that(sink: Sink) -> None:
    """Given a sentence on the list, when a library logs it, then it comes out; with anything added it does not."""
    library = logging.getLogger("server")
    library.warning("Shutting down")
    library.warning("Shutting down %s", CANARY)
    assert [line["event"] for line in sink.lines] == ["Shutting down", "library.logged"]


def test_warnings_and_uncaught_exceptions_go_the_same_way() -> None:
    """Given a process whose warning, thread and main program all quote a person, then its stderr names what happened and nobody."""
    program = f"""
import threading, warnings
from siphub.observe import configure
configure()
def fail():
    raise RuntimeError("{CANARY}")
warnings.warn("{CANARY}")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
fail()
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert CANARY not in done.stderr
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["library.logged", "thread.failed", "process.failed"]


def test_undo_puts_everything_back() -> None:
    """Given logging that is set up, when it is undone, then the process' hooks and handlers are what they were."""
    before = (logging.getLogger().handlers[:], logging.getLogger().level, sys.excepthook, threading.excepthook)
    configure(stream=io.StringIO())()
    assert (logging.getLogger().handlers[:], logging.getLogger().level, sys.excepthook, threading.excepthook) == before


def test_the_console_form_is_a_line_for_a_person() -> None:
    """Given the console form, when something is logged, then the event comes first and hidden facts stay hidden."""
    stream = io.StringIO()
    undo = configure(form="console", stream=stream)
    Log().info("delivery.sent", unit="SE2321000016-1003", subject=CANARY)
    Log().debug("delivery.looked_at")
    undo()
    assert "info    delivery.sent  " in stream.getvalue()
    assert "unit=SE2321000016-1003" in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == 1
    assert CANARY not in stream.getvalue()


def test_a_line_goes_to_what_stderr_is_and_one_it_does_not_take_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a stderr that is closed and then another, when something is logged, then nothing is raised, and the next line is in the other."""
    undo = configure(form="console")
    closed, other = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", closed)
    Log().info("delivery.sent")
    assert "delivery.sent" in closed.getvalue()
    closed.close()
    Log().info("delivery.lost")
    monkeypatch.setattr(sys, "stderr", other)
    Log().info("delivery.read")
    undo()
    assert [line.split()[2] for line in other.getvalue().splitlines()] == ["delivery.read"]


def test_bound_facts_are_added() -> None:
    """Given a log with bound facts, when it speaks, then they are there, and the newer fact wins."""
    stream = io.StringIO()
    undo = configure(stream=stream)
    Log(adapter="folder", state="queued").bind(state="sending").info("delivery.moved")
    undo()
    line = json.loads(stream.getvalue())
    assert (line["adapter"], line["state"]) == ("folder", "sending")


def test_a_label_outside_its_closed_set_is_counted_as_other() -> None:
    """Given a meter that knows one adapter, when another name, or a person's number, comes as a label, then it is counted as `other`."""
    meter = Meter({"adapter": ["folder"], "outcome": ["delivered"]})
    meter.count("attempts", adapter="folder", outcome="delivered")
    meter.count("attempts", 2, adapter=CANARY, outcome="delivered")
    text = meter.render()[0].decode()
    assert 'siphub_attempts_total{adapter="folder",outcome="delivered"} 1.0' in text
    assert 'siphub_attempts_total{adapter="other",outcome="delivered"} 2.0' in text
    assert CANARY not in text


def test_every_metric_can_be_used_and_two_hubs_keep_their_own() -> None:
    """Given the table of metrics, when each is used once, then all are rendered; another meter in the process has none of it."""
    meter = Meter({})
    for name, (kind, _text, labels) in METRICS.items():
        values = dict.fromkeys(labels, "x")
        if kind == "counter":
            meter.count(name, **values)
        elif kind == "gauge":
            meter.set(name, 7, **values)
        else:
            meter.took(name, timedelta(seconds=1), **values)
    text, media_type = meter.render()
    assert all(f"siphub_{name}" in text.decode() for name in METRICS)
    assert media_type.startswith("text/plain")
    assert b"siphub_attempts_total{" not in Meter({}).render()[0]


def test_importing_it_is_cheap() -> None:
    """Given a bare interpreter, when it is imported, then neither structlog nor prometheus-client is."""
    code = "import siphub.observe, sys; print([name for name in ('structlog', 'prometheus_client', 'pydantic') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"
