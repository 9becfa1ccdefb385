"""Hostile input with valid credentials and a matching media type: refused with a place, or taken and given back unchanged; never a 5xx.

The hub is a process of its own. While it is being attacked, a file and an address stand by that the attacks point at: nobody may open them.
Its memory may grow by 64 MB at most.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import urllib3
from lxml import etree

from siphub.errors import MappingError, Refused
from siphub.mappings import Manifest, Pack
from siphub.model import CATALOGUE, parse_message, sample

MEMORY = 64 * 1024
"""By how many KiB the hub may grow."""
SOUND = {
    "out.xsl": b'<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:template match="/"><b/></xsl:template></xsl:stylesheet>',
    "schema/b.xsd": b'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:b"><xs:element name="b"/></xs:schema>',
    "codes.csv": b"table,canonical,partner\na,b,c\n",
}
"""The files of a mapping pack that loads."""
OPENED = 0x20 | 0x1  # inotify's IN_OPEN and IN_ACCESS


@dataclass(frozen=True)
class Target:
    """A hub in a process of its own, with a key that may send."""

    process: subprocess.Popen[str]
    url: str
    key: str
    log: Path
    pool: urllib3.PoolManager

    def ask(
        self, method: str, path: str, body: bytes | None = None, media_type: str = "application/json", *, key: str | None = None
    ) -> urllib3.BaseHTTPResponse:
        """Ask, with the key unless another is given."""
        given = self.key if key is None else key
        headers = {"Content-Type": media_type, **({"Authorization": f"Bearer {given}"} if given else {})}
        return self.pool.request(method, self.url + path, body=body, headers=headers)

    def send(self, body: bytes, media_type: str = "application/json") -> urllib3.BaseHTTPResponse:
        """Hand in some bytes."""
        return self.ask("POST", "/v1/messages", body, media_type)

    def memory(self, name: str) -> int:
        """Return a figure of the process in KiB: VmRSS now, VmHWM at its highest since `forget_the_highest`."""
        found = re.search(rf"^{name}:\s+(\d+) kB$", Path(f"/proc/{self.process.pid}/status").read_text(), re.MULTILINE)
        assert found is not None
        return int(found[1])

    @contextmanager
    def grows_at_most(self, limit: int = MEMORY) -> Iterator[None]:
        """Look on that the process does not take more than so many KiB on the way."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        before = self.memory("VmRSS")
        yield
        assert self.memory("VmHWM") - before <= limit


@pytest.fixture(scope="module")
def target(
    running: Callable[..., AbstractContextManager[tuple[subprocess.Popen[str], Any]]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    """Return a hub that has answered one request of each kind, so that what it imports late is there."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "hub").mkdir()
    (folder / "hub" / "siphub.toml").write_text("min_free_disk = 1\nopen_limit = 10000000\n")
    log = folder / "log"
    with log.open("w") as file, running("up", "--data", folder / "hub", "--port", 0, log=file) as (process, greeting):
        key = (folder / "hub" / "keys" / "sender.key").read_text().strip()
        with urllib3.PoolManager(retries=False, timeout=60) as pool:
            found = Target(process, greeting["url"], key, log, pool)
            for body, media_type in (
                (b"{", "application/json"),
                (b"<a/>", "application/xml"),
                (sample("sip.requested").to_json(), "application/json"),
            ):
                found.send(body, media_type)
            yield found


@pytest.fixture(autouse=True)
def _nothing_breaks(target: Target) -> Iterator[None]:
    """Look on that the hub lives, and that nothing in it broke."""
    yield
    assert target.process.poll() is None
    assert "request.failed" not in target.log.read_text()


def placed(answer: urllib3.BaseHTTPResponse) -> bool:
    """Say whether an answer is 400 with a position or 422 with a pointer, for each of its problems."""
    problems = answer.json()["problems"]
    name = {400: "position", 422: "pointer"}.get(answer.status, "")
    return answer.headers["content-type"] == "application/problem+json" and bool(problems) and all(name in problem for problem in problems)


class TestJson:
    @pytest.mark.reference
    def test_what_is_no_json_is_refused_with_its_place(self, target: Target, reference: Path) -> None:
        """Given every file that a parser must refuse, then 400 with a position or 422 with a pointer."""
        files = sorted((reference / "data/hostile/json/test_parsing").glob("n_*.json"))
        with target.grows_at_most():
            assert [file.name for file in files if not placed(target.send(file.read_bytes()))] == []
        assert len(files) > 100

    @pytest.mark.reference
    def test_what_is_json_is_judged_by_its_content(self, target: Target, reference: Path) -> None:
        """Given every file that a parser must read, none of which is a message, then it is refused with its place too."""
        files = sorted((reference / "data/hostile/json/test_parsing").glob("y_*.json"))
        with target.grows_at_most():
            assert [file.name for file in files if not placed(target.send(file.read_bytes()))] == []
        assert files

    @pytest.mark.reference
    def test_what_a_parser_may_do_either_way_is_never_a_failure(self, target: Target, reference: Path) -> None:
        """Given the files on which parsers differ, then any answer below 500."""
        files = [
            *(reference / "data/hostile/json/test_parsing").glob("i_*.json"),
            *(reference / "data/hostile/json/test_transform").glob("*.json"),
        ]
        with target.grows_at_most():
            assert [file.name for file in files if target.send(file.read_bytes()).status >= 500] == []
        assert len(files) > 30

    @pytest.mark.parametrize(
        "body",
        [
            b'{"type": ' + b"9" * 20_000 + b"}",
            b'{"type": "sip.requested", "content": ' + b"-1e" + b"9" * 5_000 + b"}",
            b"[" * 200_000,
            b'{"a":' * 100_000,
            b'{"type": "\\ud800"}',
            b'{"type": "sip.requested", "type": "sip.requested"}',
            "{}".encode("utf-16"),
            b"\xef\xbb\xbf{}",
            b'"' + b"a" * 2_000_000 + b'"',
            b"{" + b",".join(b'"k%d":0' % n for n in range(150_000)) + b"}",
        ],
        ids=["huge-number", "huge-exponent", "arrays", "objects", "surrogate", "twice", "utf-16", "bom", "long-string", "many-keys"],
    )
    def test_what_parsers_trip_over(self, target: Target, body: bytes) -> None:
        """Given numbers without end, nesting without end, halves of characters, keys without number, then it is refused with its place."""
        with target.grows_at_most():
            assert placed(target.send(body))


class Sensor:
    """Notices when a file is opened or an address is called."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "canary.txt"
        self.file.write_text("canary")
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._watch = self._libc.inotify_init1(os.O_NONBLOCK)
        assert self._libc.inotify_add_watch(self._watch, os.fsencode(self.file), OPENED) >= 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(0.2)
        self.port = self._listening.getsockname()[1]

    def heard(self) -> list[str]:
        """Return what has happened since the last time."""
        found = []
        with suppress(BlockingIOError):
            found += ["file"] if os.read(self._watch, 4096) else []
        with suppress(TimeoutError):
            self._listening.accept()[0].close()
            found.append("address")
        return found

    def close(self) -> None:
        """Stop listening."""
        os.close(self._watch)
        self._listening.close()


@pytest.fixture
def sensor(tmp_path: Path) -> Iterator[Sensor]:
    """Return a file and an address that notice."""
    made = Sensor(tmp_path)
    yield made
    made.close()


def attacks(reference: Path, sensor: Sensor) -> Iterator[tuple[str, bytes]]:
    """Yield every XML attack: as it is, and pointed at the file and the address that notice."""
    found = {file.name: file.read_bytes() for file in (reference / "data/hostile/xml").glob("*.x*")}
    text = (reference / "data/hostile/xml-xxe/xxe.txt").read_text("utf-8")
    blocks = [block for block in re.split(r"(?m)^\*.*$|^(?=<\?xml)", text) if "<" in block]
    found |= {f"xxe {number}": block.strip().encode() for number, block in enumerate(blocks)}
    for name, body in found.items():
        yield name, body
        aimed = re.sub(rb"file://[^\"'<> ]*", f"file://{sensor.file}".encode(), body)
        yield f"{name} at the file", aimed
        yield f"{name} at the address", re.sub(rb"(https?|ftp|file)://[^\"'<> ]*", f"http://127.0.0.1:{sensor.port}/x".encode(), body)


class TestXml:
    def test_the_sensor_notices(self, sensor: Sensor) -> None:
        """Given the file opened and the address called, then both are noticed: a silent sensor would prove nothing."""
        assert sensor.heard() == []
        sensor.file.read_text()
        socket.create_connection(("127.0.0.1", sensor.port)).close()
        assert sensor.heard() == ["file", "address"]

    @pytest.mark.parametrize("media_type", ["application/xml", "text/xml"])
    @pytest.mark.reference
    def test_a_document_type_is_refused_and_nothing_is_opened(
        self, target: Target, reference: Path, sensor: Sensor, media_type: str
    ) -> None:
        """Given every attack with a document type, then 400 with its position; given XML without one, then it is judged; and nothing was opened."""
        seen = 0
        with target.grows_at_most():
            for name, body in attacks(reference, sensor):
                answer = target.send(body, media_type)
                if b"<!DOCTYPE" in body:
                    seen += 1
                    assert (answer.status, placed(answer)) == (400, True), name
                else:
                    assert 400 <= answer.status < 500, name
        assert sensor.heard() == []
        assert seen > 20

    @pytest.mark.parametrize("place", ["out.xsl", "in.xsl", "schema/b.xsd"])
    @pytest.mark.reference
    def test_as_a_sheet_or_a_schema_it_opens_nothing(self, reference: Path, sensor: Sensor, place: str) -> None:
        """Given every attack as a mapping pack's sheet or schema, then the pack does not load, and nothing was opened."""
        about = {"id": "a", "version": "1.0", "kinds": ("nack",), "owner": "x", "status": "draft", "valid_from": date(2026, 1, 1)}
        Pack(Manifest.model_validate(about), Path(), SOUND).check()
        for name, body in attacks(reference, sensor):
            with pytest.raises(MappingError) as refused:
                Pack(Manifest.model_validate(about), Path(), {**SOUND, place: body}).check()
            assert refused.value.code in {"mapping.unsafe", "mapping.broken"}, name
        assert sensor.heard() == []

    @pytest.mark.reference
    def test_the_attacks_are_real(self, reference: Path, sensor: Sensor) -> None:
        """Given a parser that nobody has hardened, then the attacks that aim at a file open it: a corpus of harmless pieces would prove nothing."""
        opened = []
        for name, body in attacks(reference, sensor):
            parser = etree.XMLParser(resolve_entities=True, load_dtd=True, no_network=False)
            if name.endswith(" at the file") and b"file://" in body:
                with suppress(etree.XMLSyntaxError):
                    etree.fromstring(body, parser)
                opened += [name] if "file" in sensor.heard() else []
        assert len(opened) >= 4

    @pytest.mark.parametrize(
        "body",
        [
            '<sipMeddelande xmlns="urn:siphub:municipal-sip:1.0" xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="FILE"/></sipMeddelande>',
            '<sipMeddelande xmlns="urn:siphub:municipal-sip:1.0" xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:schemaLocation="urn:a URL"/>',
            '<?xml-stylesheet type="text/xsl" href="URL"?><sipMeddelande xmlns="urn:siphub:municipal-sip:1.0"/>',
            '<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns="urn:siphub:municipal-sip:1.0" version="1.0"><xsl:include href="URL"/></xsl:stylesheet>',
        ],
        ids=["xinclude", "schema-location", "stylesheet", "include"],
    )
    def test_what_looks_like_the_readers_own_format_opens_nothing_either(self, target: Target, sensor: Sensor, body: str) -> None:
        """Given the format's own namespace around things that point elsewhere, then it is refused, and nothing was opened."""
        aimed = body.replace("FILE", f"file://{sensor.file}").replace("URL", f"http://127.0.0.1:{sensor.port}/x")
        answer = target.send(aimed.encode(), "application/xml")
        assert 400 <= answer.status < 500
        assert sensor.heard() == []


def leaves(node: object, at: str = "") -> Iterator[tuple[str, str]]:
    """Yield the pointer and the value of every text in a document."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from leaves(value, f"{at}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from leaves(value, f"{at}/{index}")
    elif isinstance(node, str):
        yield at, node


def with_texts(document: Any, texts: Mapping[str, str]) -> Any:
    """Return a copy of a document with the texts at some pointers."""
    copy = json.loads(json.dumps(document))
    for pointer, text in texts.items():
        *steps, last = pointer.removeprefix("/").split("/")
        node = copy
        for step in steps:
            node = node[int(step)] if isinstance(node, list) else node[step]
        node[int(last) if isinstance(node, list) else last] = text
    return copy


def free_texts(document: Any) -> list[str]:
    """Return the pointers of the free texts of a message: where any words may stand."""
    found = []
    for pointer, _ in leaves(document):
        with suppress(Refused):
            parse_message(json.dumps(with_texts(document, {pointer: "Några ord, vilka som helst"})).encode())
            found.append(pointer)
    return found


def read_back(document: Any) -> tuple[Any, frozenset[str]]:
    """Return what the hub makes of a document, or the pointers of what it refuses."""
    try:
        return json.loads(parse_message(json.dumps(document).encode()).to_json()), frozenset()
    except Refused as refused:
        return None, frozenset(problem.pointer or "" for problem in refused.problems)


def naughty(reference: Path) -> list[str]:
    """Return the big list of naughty strings."""
    strings: list[str] = json.loads((reference / "data/hostile/strings/blns.json").read_text("utf-8"))
    return strings


class TestNaughtyStrings:
    @pytest.mark.slow
    @pytest.mark.reference
    def test_each_comes_back_as_it_was_or_is_refused(self, target: Target, reference: Path) -> None:
        """Given each naughty string in every free text of a request, then it is taken and read back code point for code point, or 422 says which field."""
        document = sample("sip.requested", maximal=True).to_document()
        fields = free_texts(document)
        taken = 0
        with target.grows_at_most():
            for text in naughty(reference):
                ids = {"/message_id": str(uuid4()), "/case_id": str(uuid4())}
                answer = target.send(json.dumps(with_texts(document, ids | dict.fromkeys(fields, text))).encode())
                refused = {problem["pointer"] for problem in answer.json()["problems"]} if answer.status == 422 else set()
                left = [field for field in fields if field not in refused]
                if refused and left:
                    answer = target.send(json.dumps(with_texts(document, ids | dict.fromkeys(left, text))).encode())
                assert answer.status == (202 if left else 422), text
                if left:
                    taken += 1
                    back = target.ask("GET", f"/v1/messages/{ids['/message_id']}").json()["message"]
                    assert {pointer: value for pointer, value in leaves(back) if pointer in left} == dict.fromkeys(left, text)
        assert len(fields) >= 12
        assert taken > 290

    @pytest.mark.parametrize("name", sorted(CATALOGUE))
    @pytest.mark.reference
    def test_in_every_type_of_message(self, reference: Path, name: str) -> None:
        """Given each naughty string in every free text of a type's largest sample, then what is read keeps it, or it is refused with the field."""
        document = sample(name, maximal=True).to_document()
        fields = free_texts(document)
        for text in naughty(reference) if fields else []:
            back, refused = read_back(with_texts(document, dict.fromkeys(fields, text)))
            # A list whose every entry is refused is refused itself too.
            assert all(any(field.startswith(pointer) for field in fields) for pointer in refused), text
            kept = {} if back is None else {pointer: value for pointer, value in leaves(back) if pointer in fields}
            assert refused or kept == dict.fromkeys(fields, text)


def test_what_nobody_signed_is_not_kept(target: Target) -> None:
    """Given 50 MB of garbage without a key, then 401, and the hub has not grown by a tenth of it."""
    with target.grows_at_most(5 * 1024):
        assert target.ask("POST", "/v1/messages", os.urandom(50 * 2**20), key="").status == 401
