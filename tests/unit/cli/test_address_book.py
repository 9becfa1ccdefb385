"""`directory import --from sdk` on a hub and a book over real lines: a copy is kept, the directory is compared with it, and nothing is changed."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer

from siphub.cli.address_book import Wish, import_from, listings_of
from siphub.cli.doctor_addresses import address_books
from siphub.cli.words import complain
from siphub.errors import BookError
from siphub.flow.directory import current, parse, switch
from siphub.flow.ground import Ground
from siphub.hub import Hub, build
from siphub.model import Address, Directory, sample_directory
from siphub.model import people as p
from siphub.sandbox import Fault
from siphub.sandbox.sdk_book import AddressBookService, address
from siphub.sandbox.sdk_server import SdkSandbox
from siphub.settings import read

if TYPE_CHECKING:
    from tests.conftest import Done

Run = Callable[..., "Done"]
FK, SIP = "0203:forsakringskassan.example", "sdk:sip:0203:forsakringskassan.example"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SdkSandbox]:
    """Run the message service with its address book."""
    with SdkSandbox() as running:
        yield running


@pytest.fixture
def book(sandbox: SdkSandbox) -> Iterator[AddressBookService]:
    """Give the book in good health."""
    sandbox.book.clear()
    yield sandbox.book
    sandbox.book.clear()


def fk_at(endpoint: str = SIP) -> Directory:
    """Return the sample directory with FK reached over SDK."""
    there = Address(adapter="forsakringskassan", endpoint=endpoint, options={"participant": FK})
    units = sample_directory().units
    changed = (unit.model_copy(update={"address": there, "name": "Försäkringskassan SIP"}) if unit.id == p.FK else unit for unit in units)
    return sample_directory().model_copy(update={"units": tuple(changed)})


def set_up(data: Path, sandbox: SdkSandbox, where: str | None, plugins: str = '"folder", "forsakringskassan"') -> None:
    """Write the settings of a hub that knows the book."""
    named = f'address_book = "{where}"\n' if where is not None else ""
    text = f'min_free_disk = 1\nca_file = "{sandbox.ca_file}"\nplugins = [{plugins}]\n[plugin.forsakringskassan]\n{named}'
    (data / "siphub.toml").write_text(text)


def built(data: Path, sandbox: SdkSandbox) -> Hub:
    """Build a hub that knows the book, and whose directory has FK over SDK."""
    data.mkdir(exist_ok=True)
    set_up(data, sandbox, sandbox.address_book)
    hub = build(read({"data": data}))
    switch(hub.ground, fk_at(), by="test")
    return hub


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory, sandbox: SdkSandbox) -> Iterator[Hub]:
    """Give one hub for all tests that leave its settings alone."""
    with built(tmp_path_factory.mktemp("hub") / "data", sandbox) as hub:
        yield hub


@pytest.fixture
def hub(standing: Hub, book: AddressBookService) -> Hub:
    """Give that hub without a copy of the book, and with FK over SDK."""
    assert not book.asked
    shutil.rmtree(standing.settings.data / "address-books", ignore_errors=True)
    switch(standing.ground, fk_at(), by="test")
    return standing


@dataclass
class Import:
    """What the command does, on a hub that stands already."""

    ground: Ground
    capfd: pytest.CaptureFixture[str]

    def __call__(self, *, as_json: bool = False, **wish: Any) -> Done:
        """Import from the book; an error of ours is said as the command line says it."""
        from tests.conftest import Done

        self.capfd.readouterr()
        status = 0
        try:
            import_from(self.ground, Wish("sdk", **wish), as_json=as_json)
        except typer.Exit as ended:
            status = ended.exit_code
        except BookError as error:
            complain(error)
            status = 1
        return Done(status, *self.capfd.readouterr())

    def facts(self, **wish: Any) -> Any:
        """Import, and return what is said in JSON."""
        return self(as_json=True, **wish).facts


@pytest.fixture
def imported(hub: Hub, capfd: pytest.CaptureFixture[str]) -> Import:
    """Give the command on that hub."""
    return Import(hub.ground, capfd)


def codes(facts: Any) -> list[tuple[str, str]]:
    """Return the remarks of an answer in JSON, each with the unit it is about."""
    return [(one["code"], one["unit"]) for one in facts["remarks"]]


def copy_of(hub: Hub) -> Path:
    """Return where the copy is."""
    return hub.settings.data / "address-books" / "sdk.json"


def test_the_command_keeps_a_copy_and_changes_no_entry(siphub: Run, tmp_path: Path, sandbox: SdkSandbox, book: AddressBookService) -> None:
    """Given a book in which the directory's address stands, then a copy is kept, nothing is wrong, and check and doctor have it from there."""
    assert book.asked == []
    data = tmp_path / "data"
    built(data, sandbox).stop()
    before = siphub("directory", "list", "--json", "--data", data).facts
    done = siphub("directory", "import", "--from", "sdk", "--data", data)
    assert (done.status, done.err) == (0, "")
    assert "5 addresses of 3 organisations, the first copy." in done.out
    assert "No entry of the directory is wrong by this book." in done.out
    assert f"In the book and in no entry: 1 of Försäkringskassan; --organisation {p.FORSAKRINGSKASSAN} lists them." in done.out
    assert siphub("directory", "list", "--json", "--data", data).facts == before
    for command in (("directory", "check"), ("doctor",)):
        assert "agrees with 1 of the 1 addresses that have to stand in it" in siphub(*command, "--data", data).out


def test_the_copy_is_whole_and_for_all_to_read(imported: Import, hub: Hub) -> None:
    """Given a fetch, then the copy is one file that everybody may read, and nothing lies beside it."""
    assert imported().status == 0
    assert copy_of(hub).stat().st_mode & 0o777 == 0o644
    assert [file.name for file in copy_of(hub).parent.iterdir()] == ["sdk.json"]


def test_an_entry_that_is_gone_is_said_and_ends_with_one(imported: Import, hub: Hub, book: AddressBookService) -> None:
    """Given entries that are not in the book, or not in use there, then the answer says so in words and in JSON, and is 1."""
    switch(hub.ground, fk_at("sdk:borta"), by="test")
    done = imported()
    assert done.status == 1
    assert f"{p.FK}  book.address_gone: this address is not in the book" in done.out
    book.content["addresses"].append(address("1", "sdk:borta", "Borta", status="closed"))
    done = imported(as_json=True)
    assert (done.status, codes(done.facts)[0], done.facts["came"]) == (1, ("book.address_inactive", p.FK), 1)


def test_a_file_is_compared_before_it_is_imported(imported: Import, tmp_path: Path) -> None:
    """Given a directory file, then that is compared, and not the hub's own directory."""
    (tmp_path / "other.json").write_text(fk_at("sdk:borta").model_dump_json())
    assert codes(imported.facts(file=tmp_path / "other.json")) == [("book.address_gone", p.FK)]
    assert codes(imported.facts(offline=True)) == []


def test_what_changes_between_two_fetches(imported: Import, book: AddressBookService) -> None:
    """Given a book that renames an address and gets another, then both are said, also when the same is fetched again, and nothing is wrong."""
    imported()
    book.content["addresses"][0]["attributes"]["name"] = "FK samverkan"
    book.content["addresses"].append(address("1", "sdk:ny", "Ny mottagning", "sip"))
    for came in (1, 0):
        done = imported(as_json=True)
        assert (done.status, codes(done.facts)) == (0, [("book.label_changed", p.FK), ("book.address_new", "")])
        changed = done.facts["remarks"][0]
        assert (changed["was"], changed["now"], changed["wrong"]) == ("Försäkringskassan SIP", "FK samverkan", False)
        assert (done.facts["came"], done.facts["went"]) == (came, 0)


def test_without_a_line_the_copy_serves(imported: Import, sandbox: SdkSandbox) -> None:
    """Given a copy and a book that cannot be reached, then --offline compares with the copy, a fetch says that it stays, and it does."""
    done = imported(offline=True)
    assert (done.status, "book.none" in done.err) == (1, True)
    imported()
    sandbox.stop_listening()
    try:
        failed, offline = imported(), imported.facts(offline=True)
    finally:
        sandbox.start()
    assert failed.status == 1
    assert "--offline compares with it" in failed.err
    assert "book.unreachable" in failed.err
    assert (offline["addresses"], "came" in offline) == (5, False)


def test_a_book_that_has_lost_much_is_not_believed(imported: Import, hub: Hub, book: AddressBookService) -> None:
    """Given a book that is suddenly small, or empty, then the copy stays until somebody forces it."""
    whole = [*book.content["addresses"], *(address("3", f"sdk:{number}", f"Enhet {number}") for number in range(20))]
    book.content["addresses"] = whole
    book.page_size = 50
    imported()
    before = copy_of(hub).read_bytes()
    for left, code in ((whole[:18], "book.shrunk"), ([], "book.empty")):
        book.content["addresses"] = left
        done = imported()
        assert (done.status, code in done.err) == (1, True)
        assert copy_of(hub).read_bytes() == before
    book.content["addresses"] = whole[:19]
    assert imported.facts()["went"] == 6
    book.content["addresses"] = []
    assert (imported.facts(force=True)["addresses"], book.asked[-3:]) == (0, [200, 200, 200])


def test_a_copy_that_cannot_be_read(imported: Import, hub: Hub) -> None:
    """Given a copy that somebody has damaged, then it is refused by name, and --force replaces it."""
    imported()
    copy_of(hub).write_text(copy_of(hub).read_text()[:-40])
    for offline in (False, True):
        assert "book.copy_unreadable" in imported(offline=offline).err
    [said] = listings_of(hub.ground, fk_at())
    assert (said.level, said.code) == ("look", "book.copy_unreadable")
    assert imported(force=True).status == 0
    assert imported(offline=True).status == 0


def test_a_copy_that_cannot_be_written(imported: Import, hub: Hub) -> None:
    """Given a place for copies that is no folder, then the refusal says so."""
    copy_of(hub).parent.write_text("in the way")
    done = imported(force=True)
    copy_of(hub).parent.unlink()
    assert (done.status, "book.copy_unwritten" in done.err) == (1, True)


def test_a_copy_of_another_book_is_none(
    imported: Import, tmp_path: Path, sandbox: SdkSandbox, hub: Hub, capfd: pytest.CaptureFixture[str]
) -> None:
    """Given settings that name another book now, or none, then the copy of the one before is not used for anything, and a person is told."""
    imported()
    shutil.copytree(hub.settings.data / "address-books", tmp_path / "address-books")
    found = []
    for where in (f"{sandbox.address_book}/annan", None):
        set_up(tmp_path, sandbox, where)
        with build(read({"data": tmp_path})) as other:
            refused = [Import(other.ground, capfd)(offline=offline).err.split(": ")[1] for offline in (True, False)]
            [said] = listings_of(other.ground, fk_at())
            found.append(
                (
                    refused,
                    said.level,
                    said.code,
                    "verify them there" in said.what and "set address_book in [plugin.forsakringskassan]" in said.what,
                )
            )
    assert found == [(["book.none", "book.not_found"], "look", "book.none", False), (["book.unknown"] * 2, "look", "book.unknown", True)]


@pytest.mark.parametrize("sought", [p.ARBETSFORMEDLINGEN, "0203:arbetsformedlingen.example", "betsförm"])
def test_an_organisations_addresses_are_listed(imported: Import, sought: str) -> None:
    """Given a number, a participant or part of a name, then its addresses are listed with what each is for and whether it is in use."""
    found = imported.facts(organisation=sought)["found"]
    assert [(one["label"], one["active"]) for one in found] == [("Arbetsförmedlingen SIP", True), ("Avvecklad mottagning", False)]
    assert "Samordnad individuell plan" in imported(organisation=sought, offline=True).out


def test_an_organisation_that_is_not_in_the_book(imported: Import) -> None:
    """Given an organisation that the book has not, then that is said."""
    assert "No address of 2120009986 is in the book." in imported(organisation="2120009986").out


def test_what_could_be_added_is_written_for_a_person_to_copy(imported: Import, hub: Hub, tmp_path: Path, book: AddressBookService) -> None:
    """Given --write, then proposed units are in a new file and nowhere else; an older file is not written over; copied, they can be imported."""
    book.content["addresses"][1]["attributes"]["name"] = 'Registrator "]\nadapter = "fax'
    new, before = tmp_path / "new.toml", current(hub.ground)
    assert imported.facts(organisation=p.FORSAKRINGSKASSAN, write=new)["written"] == 1
    assert current(hub.ground) == before
    again = imported(organisation=p.FORSAKRINGSKASSAN, write=new)
    assert (again.status, "file.exists" in again.err) == (2, True)
    organisations = "".join(
        f'[[organisations]]\nnumber = "{one.number}"\nname = "{one.name}"\nkind = "{one.kind}"\npublic_label = "{one.public_label}"\n'
        for one in sample_directory().organisations
    )
    [unit] = parse((organisations + new.read_text()).encode()).units
    assert unit.id == f"{p.FORSAKRINGSKASSAN}/registrator-adapter-fax"
    assert unit.address == Address(
        adapter="forsakringskassan", endpoint="sdk:registrator:0203:forsakringskassan.example", options={"participant": FK}
    )
    assert (unit.cleared, unit.agency, unit.kind) == (False, None, None)


def test_only_news_is_proposed_where_no_organisation_is_named(imported: Import, tmp_path: Path, book: AddressBookService) -> None:
    """Given no organisation, then what has appeared of late is proposed, and not everything that no entry has."""
    assert imported.facts(write=tmp_path / "none.toml")["written"] == 0
    book.content["addresses"].append(address("1", "sdk:ny", "Ny mottagning", "sip"))
    assert imported.facts(write=tmp_path / "one.toml")["written"] == 1
    assert 'endpoint = "sdk:ny"' in (tmp_path / "one.toml").read_text()


def test_both_agencies_plugins_may_name_the_book(tmp_path: Path, sandbox: SdkSandbox, book: AddressBookService) -> None:
    """Given the settings of both agencies' plugins with the book, as their pages say, then the hub starts and has the one book."""
    assert book.asked == []
    set_up(tmp_path, sandbox, sandbox.address_book, '"folder", "forsakringskassan", "arbetsformedlingen"')
    settings = tmp_path / "siphub.toml"
    settings.write_text(f'{settings.read_text()}[plugin.arbetsformedlingen]\naddress_book = "{sandbox.address_book}"\n')
    with build(read({"data": tmp_path})) as hub:
        assert {name: one.source for name, one in hub.registry.address_books.items()} == {"sdk": sandbox.address_book}


def test_the_adapter_is_proposed_where_it_is_known(
    tmp_path: Path, sandbox: SdkSandbox, book: AddressBookService, capfd: pytest.CaptureFixture[str]
) -> None:
    """Given adapters of which one alone may write there and has nothing against it, then it is proposed; else the person chooses."""
    assert book.asked == []
    set_up(tmp_path, sandbox, sandbox.address_book, '"folder", "sdk", "forsakringskassan"')
    with build(read({"data": tmp_path})) as hub:
        imports = Import(hub.ground, capfd)
        for name, sought, adapter in (
            ("fk", p.FORSAKRINGSKASSAN, '"forsakringskassan"'),
            ("norrby", p.MUNICIPALITY, '"sdk"'),
            ("af", p.ARBETSFORMEDLINGEN, '""  # one of forsakringskassan, sdk'),
        ):
            assert imports(organisation=sought, write=tmp_path / f"{name}.toml").status == 0
            lines = (tmp_path / f"{name}.toml").read_text().splitlines()
            assert {line for line in lines if line.startswith("adapter")} == {f"adapter = {adapter}"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), "use.file_missing"),
        (("--offline",), "use.from_missing"),
        (("--write", "new.toml"), "use.from_missing"),
        (("--organisation", "FK"), "use.from_missing"),
        (("--from", "sdk", "--offline", "--force"), "use.offline_forced"),
    ],
)
def test_wrong_use_is_told(siphub: Run, words: tuple[str, ...], code: str) -> None:
    """Given options that do not go together, then the command says which, with 2."""
    done = siphub("directory", "import", *words)
    assert (done.status, code in done.err) == (2, True)


def test_check_and_doctor_say_what_the_copy_says(imported: Import, hub: Hub) -> None:
    """Given no copy, then a person is told to fetch one; given one, then which entry is not in the book of that day; an old one is doubted."""
    [said] = address_books(hub)
    assert (said.level, "there is no copy of it: siphub directory import --from sdk" in said.what) == ("look", True)
    imported()
    switch(hub.ground, fk_at("sdk:borta"), by="test")
    wrong, count = address_books(hub)
    assert wrong.level == "wrong"
    whose = rf"The address book sdk of \d{{4}}-\d\d-\d\d \d\d:\d\d UTC, {p.FK}  book.address_gone: this address is not in the book.*"
    assert re.fullmatch(whose, wrong.what)
    assert (count.level, "agrees with 0 of the 1 addresses" in count.what) == ("ok", True)
    found: dict[str, Any] = json.loads(copy_of(hub).read_text("utf-8"))
    copy_of(hub).write_text(json.dumps({**found, "confirmed_at": "2020-01-01T00:00:00Z"}), "utf-8")
    aged = tuple(address_books(hub))
    assert [one.level for one in aged] == ["look", "look"]
    assert all(one.what.startswith("The address book sdk of 2020-01-01 00:00 UTC, ") for one in aged)


def test_a_hub_that_reaches_nobody_by_the_book_says_nothing_of_it(hub: Hub) -> None:
    """Given a directory without an address that has to stand in a book, then there is nothing to say of one."""
    switch(hub.ground, sample_directory(), by="test")
    assert tuple(address_books(hub)) == ()


def test_a_long_fetch_says_how_far_it_is(imported: Import, book: AddressBookService) -> None:
    """Given a book that takes its time, then lines to the person say how far it has come; a quick one says nothing."""
    book.faults.add(Fault("status", times=1, status=503, retry_after=1))
    assert "organizations: page 1, 2 so far" in imported().err
    assert imported().err == ""
