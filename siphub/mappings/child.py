"""The process that runs the sheets and schemas of packs that did not come with siphub; `confined` starts it.

XSLT cannot be interrupted, and a sheet may double its work at every step. So it runs here: a few seconds of processor time for each
question, half a gigabyte of memory, no file, no socket but the one on its standard input, no core file. What goes over a limit ends this
process, and whoever asked says so (`mapping.too_costly`). It must never print anything: what it works on is about people.
"""

from __future__ import annotations

import codecs
import resource
import signal
import socket
from pathlib import Path
from typing import Final

from lxml import etree

from siphub.contract.xml import hardened_parser
from siphub.errors import MappingError, SiphubError
from siphub.mappings.frames import Header, receive, send
from siphub.mappings.manifest import Manifest
from siphub.mappings.pack import Pack

MEMORY: Final = 512 * 1024 * 1024
"""How much address space the process may have, in bytes."""
_STANDARD_FILES: Final = 3
_SAID: Final = 300


def main() -> None:
    """Answer questions until the other end closes."""
    link = socket.socket(fileno=0)
    confine()
    packs: dict[str, Pack] = {}
    send(link, {"ready": True})
    while (asked := receive(link)) is not None:
        signal.setitimer(signal.ITIMER_PROF, asked[0]["seconds"])  # not handled by anybody: its signal ends the process
        try:
            answer = _answered(packs, *asked)
        except MemoryError:
            return
        signal.setitimer(signal.ITIMER_PROF, 0)
        send(link, *answer)


def confine() -> None:
    """Set the limits, once everything that is ever opened has been opened."""
    for name in ("ascii", "cp1252", "latin-1", "utf-16-be", "utf-16-le", "utf-8"):
        codecs.lookup(name)  # a codec is a module, which is opened when it is first used
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # what a person stops at a terminal closes our socket
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _STANDARD_FILES),
        (resource.RLIMIT_AS, MEMORY),
    ):
        resource.setrlimit(what, (most, most))


def _answered(packs: dict[str, Pack], asked: Header, body: bytes) -> tuple[Header, bytes]:
    try:
        return _done(packs, asked, body)
    except SiphubError as error:
        found = [{"code": one.code, "detail": one.detail, "position": one.position} for one in getattr(error, "problems", ())]
        said = packs[asked["pack"]].said(asked["name"]) if error.code == "mapping.transform_failed" else ()
        return {
            "error": type(error).__name__,
            "code": error.code,
            "detail": error.detail,
            "problems": found,
            "said": [one[:_SAID] for one in said],
        }, b""


def _done(packs: dict[str, Pack], asked: Header, body: bytes) -> tuple[Header, bytes]:
    match asked["do"]:
        case "take":
            packs.pop(asked["for"], None)  # before, so that what it took is there for the new one
            packs[asked["pack"]] = _taken(asked, body)
        case "check":
            packs[asked["pack"]].check()
        case "transform":
            return {}, packs[asked["pack"]].transform(asked["name"], body)
        case "write":
            packs[asked["pack"]].check()  # so that what is compiled once counts for no document
            signal.setitimer(signal.ITIMER_PROF, asked["writing"])
            made, problems = packs[asked["pack"]].write(_neutral(body))
            return {"problems": problems}, made
        case "problems":
            return {"problems": packs[asked["pack"]].problems(body)}, b""
    return {}, b""


def _taken(asked: Header, body: bytes) -> Pack:
    """Return the pack that was sent, file after file: what was compared with the manifest is what is used, and nothing is read from the disk."""
    files, place = {}, 0
    for name, size in asked["files"].items():
        files[name] = body[place : place + size]
        place += size
    return Pack(Manifest.model_validate(asked["manifest"], strict=False), Path(), files)


def _neutral(body: bytes) -> etree._Element:
    """Parse what the hub itself has just written."""
    try:
        return etree.fromstring(body, hardened_parser())
    except etree.XMLSyntaxError:
        pass  # told below: the parser's own message repeats the document
    raise MappingError("the message is too large for a mapping pack", code="mapping.too_large")
