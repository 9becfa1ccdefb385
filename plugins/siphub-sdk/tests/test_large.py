"""SDK's 30 MB, both ways of sending: what is just beneath goes, and what is above is refused before anything of it leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from siphub.contract import Accepted, Cut, Payload, PluginContext, Recipient, Rejected
from siphub.model import sample
from siphub.sandbox.sdk import MessageService
from siphub.testing.samples import whole_cut
from siphub_sdk import Sdk

MakeContext = Callable[..., PluginContext]
CUT: Cut = whole_cut(sample("meeting.invited", maximal=True))
LIMIT = Sdk.info.max_bytes
BENEATH = (LIMIT - 20_000) * 3 // 4
"""How large an attachment is whose message is just beneath the limit."""


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Return the folders that the hub and the access point share."""
    for name in ("out", "in", "done"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture(params=["service", "hand-over"])
def settings(request: pytest.FixtureRequest, folders: Path) -> dict[str, str]:
    """Return the settings for one of the two ways."""
    away = {"service": "", "token_url": "", "client_id": "", "hand_over": str(folders), "access_point": "AP0007-OPEN-TEST"}
    return away if request.param == "hand-over" else {"timeout_seconds": "60"}


def of_size(make_context: MakeContext, settings: dict[str, str], fk: Recipient, size: int) -> tuple[Sdk, Recipient, Payload]:
    """Return an adapter that attaches so many bytes, whom it sends to, and what."""
    adapter = Sdk(replace(make_context(**settings), render=lambda _cut, _format: b"x" * size))
    to = replace(fk, options={**fk.options, "attachment": "pdf"})
    return adapter, to, adapter.translate(CUT, to)


def test_what_is_just_beneath_the_limit_goes(
    make_context: MakeContext, settings: dict[str, str], fk: Recipient, service: MessageService
) -> None:
    """Given a message just beneath SDK's 30 MB, then it goes, and lies where it was sent; in the hand-over it reads back."""
    adapter, to, payload = of_size(make_context, settings, fk, BENEATH)
    assert LIMIT - 40_000 < len(payload.body) < LIMIT
    key = str(uuid4())
    assert adapter.deliver(payload, to, key) == Accepted(key)
    assert adapter.confirm(key, to) == Accepted(key) if "hand_over" in settings else service.kept(key)


def test_what_is_above_the_limit_leaves_nothing(
    make_context: MakeContext, settings: dict[str, str], fk: Recipient, folders: Path, service: MessageService
) -> None:
    """Given a message above it, then the hub holds it by the datasheet; the adapter refuses it too, and nothing of it has left."""
    adapter, to, payload = of_size(make_context, settings, fk, BENEATH + 40_000)
    assert len(payload.body) > adapter.info.max_bytes
    key = str(uuid4())
    assert adapter.deliver(payload, to, key) == Rejected("sdk.bv.too-long")
    assert list((folders / "out").iterdir()) == []
    assert not service.kept(key)


def test_xml_that_is_larger_than_its_json_is_refused(make_context: MakeContext, folders: Path, fk: Recipient) -> None:
    """Given a text whose XML is above the limit and whose JSON is not, then the hand-over refuses it, and no file appears."""
    settings = {"service": "", "token_url": "", "client_id": "", "hand_over": str(folders), "access_point": "AP0007-OPEN-TEST"}
    adapter, to, payload = of_size(make_context, settings, fk, 10)
    large = replace(payload, body=payload.body.replace(b"Inbjudan", b"&" * (LIMIT // 4), 1))
    assert len(large.body) < LIMIT
    assert adapter.deliver(large, to, str(uuid4())) == Rejected("sdk.bv.too-long")
    assert list((folders / "out").iterdir()) == []
