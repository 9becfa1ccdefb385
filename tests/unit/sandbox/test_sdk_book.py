"""The sandbox's address book: pages by JSON:API for anybody, conditional requests, and a file that a person may edit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from siphub.contract.http import Http, HttpAnswer
from siphub.sandbox import Fault
from siphub.sandbox.sdk_book import FILE
from siphub.sandbox.sdk_server import SdkSandbox


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SdkSandbox]:
    """Run the message service with its address book in a folder."""
    with SdkSandbox(folder=tmp_path_factory.mktemp("sdk")) as running:
        yield running


@pytest.fixture(scope="module")
def http(sandbox: SdkSandbox) -> Iterator[Http]:
    """Give a client that trusts it."""
    client = Http(ca_file=sandbox.ca_file)
    yield client
    client.close()


def got(http: Http, url: str, **headers: str) -> HttpAnswer:
    """Ask, and return the answer."""
    answer = http.get(url, {name.replace("_", "-"): value for name, value in headers.items()})
    assert isinstance(answer, HttpAnswer)
    return answer


def test_the_pages_are_for_anybody_and_lead_to_each_other(sandbox: SdkSandbox, http: Http) -> None:
    """Given no token, then a resource is read from page to page to its last one; there is nothing else."""
    url, seen = f"{sandbox.address_book}/addresses", []
    while url:
        answer = got(http, url)
        assert answer.media_type == "application/vnd.api+json"
        document = json.loads(answer.body)
        seen += [one["attributes"]["identifier"] for one in document["data"]]
        url = document["links"].get("next", "")
    assert len(seen) == len(set(seen)) == 5
    for missing in ("persons", "addresses?page%5Bnumber%5D=0", "addresses?page%5Bnumber%5D=x"):
        assert got(http, f"{sandbox.address_book}/{missing}").status == 404


@pytest.mark.parametrize(("given", "asked"), [("etag", "If_None_Match"), ("last-modified", "If_Modified_Since")])
def test_a_page_that_is_known_is_not_sent(sandbox: SdkSandbox, http: Http, given: str, asked: str) -> None:
    """Given what a page was answered with, then it is 304 without a body; given something else, the page comes."""
    url = f"{sandbox.address_book}/organizations"
    known: Any = {asked: got(http, url).headers[given]}
    again, other = got(http, url, **known), got(http, url, **{asked: "x"})
    assert (again.status, again.body, other.status) == (304, b"", 200)


def test_the_book_is_a_file_that_may_be_edited(sandbox: SdkSandbox, http: Http, tmp_path: Path) -> None:
    """Given a folder, then the book is a file there, and what is written into it is the book from then on."""
    assert not (tmp_path / FILE).exists()
    with SdkSandbox(folder=tmp_path, certificates=sandbox.certificates) as own:
        file = tmp_path / FILE
        before = got(http, f"{own.address_book}/addresses")
        file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), "addresses": []}), "utf-8")
        after = got(http, f"{own.address_book}/addresses")
    assert len(json.loads(before.body)["data"]) == own.book.page_size
    assert json.loads(after.body)["data"] == []
    assert before.headers["etag"] != after.headers["etag"]


def test_faults_are_asked_for_over_the_line(sandbox: SdkSandbox, http: Http) -> None:
    """Given a fault that was put, then questions meet it until it is deleted; what is no fault, or for somebody else, is refused."""
    fault, url = f"{sandbox.address_book.removesuffix('/addressbook/api')}/_fault/addressbook", f"{sandbox.address_book}/addresses"

    def status(method: str, where: str, body: bytes | None = None) -> int:
        answer = http.request(method, where, body)
        assert isinstance(answer, HttpAnswer)
        return answer.status

    assert status("PUT", fault, b'{"kind": "status", "status": 418}') == 204
    assert sandbox.book.faults.waiting() == (Fault("status", status=418),)
    assert got(http, url).status == 418
    assert (status("DELETE", fault), got(http, url).status) == (204, 200)
    refused = [status("PUT", fault, b"{"), status("PUT", fault, b'{"kind": "rain"}'), status("PUT", f"{fault}s", b'{"kind": "html"}')]
    assert refused == [400, 400, 400]
