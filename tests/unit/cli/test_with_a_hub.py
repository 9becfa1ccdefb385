"""The commands that look at a hub's folder, while the hub runs in this process: what they say, what they change, what they refuse."""

from __future__ import annotations

import json
import sqlite3
import tomllib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from siphub.contract import Receipt
from siphub.flow import operate, receipts
from siphub.flow.work_items import open_in_case
from siphub.model import people as p
from siphub.testing.story import Story, until

if TYPE_CHECKING:
    from tests.conftest import Done, Door

Run = Callable[..., "Done"]
UNITS = (p.HOME_CARE, p.SOCIAL_SERVICES)
StoryAt = Callable[["Door"], Story]
NOBODYS = "00000000-0000-4000-8000-000000000000"


class TestConsent:
    def test_what_is_permitted_now(self, run: Run, called: Story) -> None:
        """Given a consent for two units, then each of their scopes is listed, and nobody else."""
        done = run("consent", "show", called.case_id)
        assert done.status == 0
        assert "SUMMONED" in done.out
        parties = {grant["party"] for grant in run("consent", "show", called.case_id, "--json").facts[0]["grants"]}
        assert parties == set(UNITS)

    def test_nothing_is_a_sentence(self, run: Run, called: Story) -> None:
        """Given a consent that was taken back, then nobody may know anything, in words, and the history has both."""
        called.withdrawn()
        assert "Nothing is permitted to anybody." in run("consent", "show", called.case_id).out
        types = [change["type"] for change in run("consent", "history", called.case_id, "--json").facts]
        assert types == ["consent.given", "participants.approved", "consent.withdrawn"]
        assert "consent.withdrawn" in run("consent", "history", called.case_id).out

    @pytest.mark.parametrize("command", ["show", "history"])
    @pytest.mark.parametrize("case", [NOBODYS, "no-id"])
    def test_a_case_that_is_not_there(self, run: Run, door: Door, command: str, case: str) -> None:
        """Given no such case, then exit 1 with its code."""
        done = run("consent", command, case)
        assert done.status == 1
        assert "case.not_there" in done.err


class TestDeliveries:
    def test_empty_is_a_sentence(self, run: Run, door: Door) -> None:
        """Given a hub that has taken nothing, then the list says so, and so does the one of what is stuck."""
        assert run("deliveries", "list").out.strip() == "Nothing has been handed in yet."
        assert run("deliveries", "list", "--stuck").out.strip() == "Nothing is stuck."
        assert run("deliveries", "list", "--json").facts == []

    def test_listed_by_state(self, run: Run, called: Story) -> None:
        """Given three sent and one withheld, then the state chooses among them."""
        assert len(run("deliveries", "list", "--json").facts) == 4
        assert [one["recipient"] for one in run("deliveries", "list", "--state", "withheld", "--json").facts] == [p.CARE_CENTRE]
        assert run("deliveries", "list", "--state", "lost").status == 2

    def test_the_next_page(self, run: Run, called: Story) -> None:
        """Given pages of three, then the second begins behind the first."""
        first = run("deliveries", "list", "--limit", 3, "--json").facts
        second = run("deliveries", "list", "--after", first[-1]["delivery"], "--json").facts
        assert (len(first), len(second)) == (3, 1)

    def test_one_with_all_that_happened(self, run: Run, called: Story) -> None:
        """Given a delivery, then its events and attempts are shown, and no content."""
        one = next(found for found in run("deliveries", "list", "--json").facts if found["recipient"] == p.HOME_CARE)
        done = run("deliveries", "show", one["delivery"])
        assert done.status == 0
        for said in ("accept.queue", "claim.permit", "outcome.delivered", "attempt"):
            assert said in done.out
        assert "Provsdotter" not in done.out + run("deliveries", "show", one["delivery"], "--json").out

    def test_one_by_what_its_recipient_calls_it(self, run: Run, door: Door, called: Story) -> None:
        """Given the key that stands in the recipient's file name, then it names the delivery, and the delivery tells its key."""
        one = next(found for found in run("deliveries", "list", "--json").facts if found["recipient"] == p.HOME_CARE)
        with door.hub.store.read() as work:
            row = work.deliveries.by_id(one["delivery"])
        assert row is not None
        by_key = run("deliveries", "show", row.key)
        assert f"delivery {row.id}, known to its recipient by the key {row.key}\n" in by_key.out
        assert by_key.out == run("deliveries", "show", row.id).out
        assert run("deliveries", "show", row.key, "--json").facts["key"] == row.key

    def test_those_of_one_message(self, run: Run, called: Story) -> None:
        """Given a message's id, then its own deliveries are listed, and those in a state where one is named; of no message there are none."""
        summons = called.sent[-1].message_id
        there = {row["recipient"] for row in run("deliveries", "list", "--message", summons, "--json").facts}
        assert there == {*UNITS, p.CARE_CENTRE}
        held = run("deliveries", "list", "--message", summons, "--state", "withheld", "--json").facts
        assert [row["recipient"] for row in held] == [p.CARE_CENTRE]
        assert run("deliveries", "list", "--message", NOBODYS).out.strip() == "There are no such deliveries."

    def test_one_with_its_recipients_receipt(self, run: Run, door: Door, called: Story) -> None:
        """Given a receipt of its recipient's, then what it says is shown with the recipient's own number; another organisation's is not."""
        one = next(found for found in run("deliveries", "list", "--json").facts if found["recipient"] == p.HOME_CARE)
        with door.hub.store.read() as work:
            row = work.deliveries.by_id(one["delivery"])
        assert row is not None
        read = Receipt(row.key, "read", door.hub.ground.now(), reference="NRB 2026-4711")
        assert receipts.note(door.hub.ground, row.adapter, read, row.recipient_organisation)
        assert not receipts.note(door.hub.ground, row.adapter, replace(read, reference="SDB 1"), p.NEIGHBOUR)
        out = run("deliveries", "show", one["delivery"]).out
        assert ": read, under its own number NRB 2026-4711" in out
        assert "SDB 1" not in out
        assert [found["reference"] for found in run("deliveries", "show", one["delivery"], "--json").facts["receipts"]] == ["NRB 2026-4711"]

    @pytest.mark.parametrize("command", ["show", "retry", "hold", "release", "handled"])
    def test_one_that_is_not_there(self, run: Run, door: Door, command: str) -> None:
        """Given no such delivery, then exit 1 with its code."""
        done = run("deliveries", command, uuid4())
        assert done.status == 1
        assert "delivery.not_there" in done.err

    def test_held_released_and_handled(self, run: Run, make_door: Callable[..., Door], story_at: StoryAt) -> None:
        """Given a hub that does not send, then an operator holds a delivery, lets it go, and notes it as handled."""
        door = make_door(start=False)
        story_at(door).requested()
        one = run("deliveries", "list", "--json").facts[0]["delivery"]
        assert run("deliveries", "hold", one, "--json").facts["state"] == "held"
        assert "queued" in run("deliveries", "release", one).out
        assert run("deliveries", "handled", one, "--by", "eva").status == 0
        again = run("deliveries", "hold", one)
        assert (again.status, again.err.split(":")[1].strip()) == (1, "delivery.wrong_state")

    def test_retry_looks_at_the_consent_of_today(self, run: Run, called: Story, door: Door) -> None:
        """Given a delivery without a basis, then the preview says no with the reason, and a retry leaves it withheld."""
        one = run("deliveries", "list", "--state", "withheld", "--json").facts[0]["delivery"]
        preview = run("deliveries", "retry", one, "--preview")
        assert preview.status == 1
        assert "basis.consent_missing" in preview.out
        assert run("deliveries", "list", "--state", "withheld", "--json").facts
        assert run("deliveries", "retry", one).status == 0
        assert until(lambda: door.hub.counts().get("withheld") == 1)

    def test_a_preview_of_what_would_be_sent(self, run: Run, make_door: Callable[..., Door], story_at: StoryAt) -> None:
        """Given a held delivery with a basis, then the preview says yes and changes nothing."""
        door = make_door(start=False)
        story_at(door).requested()
        one = run("deliveries", "list", "--json").facts[0]["delivery"]
        run("deliveries", "hold", one)
        preview = run("deliveries", "retry", one, "--preview", "--json")
        assert (preview.status, preview.facts["allowed"], preview.facts["state"]) == (0, True, "held")


class TestTheSwitch:
    def test_stop_and_start(self, run: Run, door: Door, story_at: StoryAt) -> None:
        """Given stop, then nothing is sent and what waits is counted; given start, then it goes."""
        assert run("stop").out.strip() == "Sending is stopped; 0 deliveries wait."
        story_at(door).requested()
        assert run("stop", "--json").facts == {"sending": "stopped", "queued": 1}
        assert not until(lambda: door.hub.counts().get("delivered"), within=0.7)
        assert run("start").status == 0
        assert operate.switched(door.hub.ground) == "running"
        assert until(lambda: door.hub.counts().get("delivered") == 1)


class TestDirectory:
    def test_what_is_listed_can_be_imported(self, run: Run, door: Door, tmp_path: Path) -> None:
        """Given the directory as JSON, then it checks out, and importing it raises its version."""
        (tmp_path / "d.json").write_text(run("directory", "list", "--json").out)
        assert run("directory", "check", tmp_path / "d.json").status == 0
        done = run("directory", "import", tmp_path / "d.json", "--json")
        assert (done.status, done.facts["version"], done.facts["units"]) == (0, 2, 7)
        assert "Hemtjänsten" in run("directory", "list").out

    def test_where_answers_are_no_longer_fetched_is_said(self, run: Run, door: Door, tmp_path: Path) -> None:
        """Given a unit whose entry says no more where its answers lie, then the import says which place that was, once."""
        assert door.hub.settings.data.is_dir()
        directory, answers = run("directory", "list", "--json").facts, "https://norrby.example/sip/answers"
        unit = next(one for one in directory["units"] if one["id"] == p.HOME_CARE)
        unit["address"] |= {"adapter": "municipal-xml", "endpoint": "https://norrby.example/sip", "options": {"answers": answers}}
        (tmp_path / "with.json").write_text(json.dumps(directory))
        unit["address"]["options"] = {}
        (tmp_path / "without.json").write_text(json.dumps(directory))
        assert run("directory", "import", tmp_path / "with.json", "--json").facts["no_longer_fetched"] == []
        gone = [{"adapter": "municipal-xml", "unit": p.HOME_CARE, "place": answers}]
        assert f"answers of {p.HOME_CARE} in {answers} are no longer fetched" in run("directory", "import", tmp_path / "without.json").out
        assert "no longer" not in run("directory", "import", tmp_path / "without.json").out
        run("directory", "import", tmp_path / "with.json")
        assert run("directory", "import", tmp_path / "without.json", "--json").facts["no_longer_fetched"] == gone

    def test_a_wrong_one_is_refused_and_nothing_changes(self, run: Run, door: Door, tmp_path: Path) -> None:
        """Given an adapter this hub lacks, then check and import exit 1 with the pointer, and the old directory stands."""
        directory = run("directory", "list", "--json").facts
        directory["units"][0]["address"]["adapter"] = "fax"
        (tmp_path / "d.json").write_text(json.dumps(directory))
        checked, imported = run("directory", "check", tmp_path / "d.json"), run("directory", "import", tmp_path / "d.json")
        assert (checked.status, imported.status) == (1, 1)
        assert "/units/0/address/adapter" in checked.out
        assert "/units/0/address/adapter" in imported.err
        assert run("directory", "check").status == 0

    def test_what_is_missing_to_reach_each_is_said(self, run: Run, door: Door, tmp_path: Path) -> None:
        """Given the hub's own directory with a unit that lost its address, then that organisation is named, with --all the whole country, and nothing is wrong."""
        directory = run("directory", "list", "--json").facts
        next(unit for unit in directory["units"] if unit["id"] == p.SOCIAL_SERVICES)["address"] = None
        (tmp_path / "d.json").write_text(json.dumps(directory))
        done = run("directory", "check", tmp_path / "d.json")
        assert done.status == 0
        assert "Not reached: Söderby kommun: it lacks an address of one of its units." in done.out
        assert "Can be reached: 0 of 21 regions and 0 of 290 municipalities; --all says" in done.out
        whole = run("directory", "check", "--all").out
        assert whole.count("Not reached: ") == 21 + 290
        assert "Not reached: 0114 Upplands Väsby kommun: it lacks its organisation number and a unit that is open and" in whole
        assert len(run("directory", "check", "--json").facts["missing"]) == 21 + 290

    def test_a_file_to_fill_in(self, run: Run, siphub: Run, door: Door, tmp_path: Path) -> None:
        """Given the file of a county with one municipality filled in, then the others are left out, and a problem is placed as the file counts."""
        text = siphub("directory", "new", "--code", "24").out
        file = tmp_path / "d.toml"
        file.write_text(text, "utf-8")
        assert tomllib.loads(text)["organisations"][0]["name"] == "Region Västerbotten"
        assert "16 organisations have no number yet" in run("directory", "check", file).out
        before, _, after = text.partition('code = "2480"')
        after = after.replace('number = ""', f'number = "{p.MUNICIPALITY}"', 1)
        after = after.replace('adapter = "", endpoint = ""', 'adapter = "fax", endpoint = "090"', 1)
        file.write_text(f'{before}code = "2480"{after}', "utf-8")
        place = [row["code"] for row in tomllib.loads(text)["organisations"]].index("2480")
        for command in ("check", "import"):
            done = run("directory", command, file)
            assert done.status == 1
            assert f"/units/{place}/address/adapter" in done.out + done.err
        file.write_text(file.read_text("utf-8").replace('"fax"', '"folder"'), "utf-8")
        checked = run("directory", "check", file, "--json").facts
        assert (checked["problems"], checked["left_out"], checked["reach"]["municipality"]) == ([], 15, {"reached": 0, "of": 290})
        assert ["an address that can be used"] in [one["missing"] for one in checked["missing"]]  # 090 is no folder
        assert run("directory", "import", file, "--json").facts["left_out"] == 15
        [unit] = run("directory", "list", "--json").facts["units"]
        assert (unit["id"], unit["organisation"]) == (f"{p.MUNICIPALITY}/sip", p.MUNICIPALITY)

    def test_a_code_that_there_is_not(self, siphub: Run) -> None:
        """Given a code of no municipality or county, then exit 2 and the code."""
        done = siphub("directory", "new", "--code", "99")
        assert (done.status, "directory.unknown_code" in done.err) == (2, True)

    def test_an_empty_one_is_a_sentence(self, run: Run, make_door: Callable[..., Door]) -> None:
        """Given a hub without the folder adapter, then its directory is empty, and the list says how to fill it."""
        make_door(start=False, plugins=("municipal-xml",))
        assert "siphub directory import" in run("directory", "list").out


class TestKeys:
    def test_made_used_listed_and_revoked(self, run: Run, door: Door, tmp_path: Path) -> None:
        """Given a new key in a file of its own, then it opens the door until it is revoked, and the list never shows it."""
        file = tmp_path / "vc.key"
        made = run(
            "keys", "add", "vc", "--organisation", p.REGION, "--role", "send", "--role", "inbox", "--unit", p.CARE_CENTRE, "--out", file
        )
        key = file.read_text().strip()
        assert made.status == 0
        assert key not in made.out
        assert file.stat().st_mode & 0o777 == 0o600
        path = f"/v1/cases/{uuid4()}"
        assert door.ask("GET", path, key=key).status == 404
        assert key not in run("keys", "list").out + run("keys", "list", "--json").out
        assert run("keys", "revoke", "vc", "--organisation", p.REGION).status == 0
        assert door.ask("GET", path, key=key).status == 401
        again = run("keys", "revoke", "vc", "--organisation", p.REGION)
        assert (again.status, "key.not_there" in again.err) == (1, True)

    def test_printed_once(self, run: Run, door: Door) -> None:
        """Given no file, then the key is printed, alone, and works."""
        key = run("keys", "add", "one", "--organisation", p.REGION, "--role", "inbox").out.strip()
        assert door.ask("GET", f"/v1/cases/{uuid4()}", key=key).status == 404

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            (("--organisation", p.REGION, "--role", "boss"), "key.role"),
            (("--organisation", "123", "--role", "send"), "key.whose"),
            (("--organisation", p.REGION, "--role", "send", "--unit", p.CONTACT), "key.whose"),
            (("--organisation", p.REGION, "--role", "send", "--out", "/no/such/folder/x"), "file.unwritable"),
        ],
    )
    def test_wrong_use(self, run: Run, door: Door, words: Sequence[str], code: str) -> None:
        """Given a role, a number, a unit or a file that cannot be, then exit 2, and no key is made."""
        before = run("keys", "list", "--json").facts
        done = run("keys", "add", "x", *words)
        assert (done.status, code in done.err) == (2, True)
        assert run("keys", "list", "--json").facts == before


class TestWorkItems:
    def test_listed_and_closed(self, run: Run, called: Story) -> None:
        """Given a withdrawal, then the contact's work item is listed, closed once, and not twice."""
        assert run("work", "list").out.strip() == "Nobody has to do anything."
        called.withdrawn()
        item = run("work", "list", "--json").facts[0]
        assert (item["type"], item["unit"]) == ("consent.withdrawn", p.CONTACT)
        assert item["id"] in run("work", "list").out
        assert run("work", "close", item["id"], "--how", "phoned", "--by", "eva").status == 0
        again = run("work", "close", item["id"])
        assert (again.status, "work.not_there" in again.err) == (1, True)

    def test_why_what_came_was_not_taken(self, run: Run, door: Door) -> None:
        """Given something that came and was refused, then its work item says by which code, also once it is closed."""
        ground = door.hub.ground
        with ground.store.write() as work:
            open_in_case(work, (p.MUNICIPALITY, "-"), "inbound.unthreaded", p.MUNICIPALITY, ground.now(), code="xml.invalid")
        item = run("work", "list", "--json").facts[0]
        assert "  why: xml.invalid\n" in run("work", "show", item["id"]).out
        assert run("work", "close", item["id"]).status == 0
        with ground.store.read() as work:
            row = work.work_items.get(p.MUNICIPALITY, item["id"])
        assert row is not None
        assert (row.how, row.note_code) == ("done", "xml.invalid")


class TestRecords:
    def test_what_waits_for_a_registry(self, run: Run, door: Door, called: Story) -> None:
        """Given an owner without a registry, then its copies are listed as waiting, in words and as JSON, by case, organisation, state and age."""
        found = run("records", "list", "--json", "--limit", "1000").facts
        assert {(one["organisation"], one["state"], one["direction"]) for one in found} == {(p.MUNICIPALITY, "offered", "sent")}
        assert len(found) == len(called.sent)
        assert {one["case_id"] for one in found} == {str(called.case_id)}
        ids = sorted(one["id"] for one in found)
        shown = run("records", "list").out.splitlines()
        assert [line.split()[0] for line in shown[2:]] == ids
        assert {"package", "organisation", "state", "since"} <= set(shown[0].split())
        narrowed = (
            "--case",
            str(called.case_id),
            "--organisation",
            p.MUNICIPALITY,
            "--state",
            "offered",
            "--state",
            "failed",
            "--unconfirmed",
        )
        assert [one["id"] for one in run("records", "list", *narrowed, "--json").facts] == ids
        assert [one["id"] for one in run("records", "list", "--after", ids[0], "--limit", "1", "--json").facts] == ids[1:2]

    @pytest.mark.parametrize(
        "narrower",
        [("--case", NOBODYS), ("--organisation", p.REGION), ("--state", "confirmed"), ("--older-than", "1")],
    )
    def test_what_is_not_there_is_a_sentence(self, run: Run, called: Story, narrower: Sequence[str]) -> None:
        """Given copies that are neither of that case or organisation, nor confirmed, nor a day old, then the list is a sentence."""
        assert run("records", "list", *narrower).out.strip() == "There are no such record copies."
        assert run("records", "list", *narrower, "--json").facts == []

    def test_empty_is_a_sentence(self, run: Run, door: Door) -> None:
        """Given a hub that has taken nothing, then the list says so."""
        assert run("records", "list").out.strip() == "Nothing has become a record yet."

    def test_an_unknown_state(self, run: Run, door: Door) -> None:
        """Given a state that no copy has, then exit 2, with those there are."""
        done = run("records", "list", "--state", "lost")
        assert (done.status, "record.unknown_state" in done.err, "confirmed" in done.err) == (2, True, True)


class TestSubmit:
    def test_many_files_and_one_that_is_refused(self, run: Run, siphub: Run, door: Door, tmp_path: Path) -> None:
        """Given two good files and a bad one, then all are tried, the bad one is told with its code, and the exit is 1."""
        files = [tmp_path / f"{n}.json" for n in range(3)]
        for file in files:
            file.write_text(siphub("sample", "sip.requested", "--fresh").out)
        files[1].write_text("{")
        done = run("submit", *files, "--url", door.server.url)
        assert done.status == 1
        assert "body.unreadable" in done.err
        assert done.out.count("queued") == 2
        assert [one["status"] for one in run("submit", *files, "--url", door.server.url, "--json").facts] == [202, 400, 202]

    def test_it_goes_where_the_settings_say(self, run: Run, siphub: Run, door: Door, tmp_path: Path) -> None:
        """Given a hub whose folder names its port, then no address need be said."""
        (door.hub.settings.data / "siphub.toml").write_text(f"port = {door.server.port}\n")
        (tmp_path / "m.json").write_text(siphub("sample", "sip.requested", "--fresh").out)
        assert run("submit", tmp_path / "m.json").status == 0

    def test_xml_is_recognised(self, run: Run, siphub: Run, door: Door, tmp_path: Path) -> None:
        """Given a municipality's XML, then it is sent as XML."""
        (tmp_path / "m.json").write_text(siphub("sample", "sip.requested", "--fresh").out)
        (tmp_path / "m.xml").write_text(siphub("translate", tmp_path / "m.json", "--to", "municipal-xml").out)
        assert run("submit", tmp_path / "m.xml", "--url", door.server.url).status == 0

    def test_a_message_for_the_hub_alone(self, run: Run, siphub: Run, door: Door, tmp_path: Path) -> None:
        """Given a consent, which nobody receives, then that is said."""
        files = [tmp_path / "request.json", tmp_path / "consent.json"]
        for file, name in zip(files, ("sip.requested", "consent.given"), strict=True):
            file.write_text(siphub("sample", name).out)
        done = run("submit", *files, "--url", door.server.url)
        assert done.status == 0
        assert "(the hub alone)" in done.out

    def test_a_busy_hub_is_asked_again_and_not_for_ever(
        self, run: Run, siphub: Run, make_door: Callable[..., Door], tmp_path: Path, story_at: StoryAt
    ) -> None:
        """Given a hub with too much open work, when patience is short, then exit 1 with the hub's code."""
        door = make_door(start=False, open_limit=1)
        story_at(door).requested()
        (tmp_path / "m.json").write_text(siphub("sample", "sip.requested", "--fresh").out)
        done = run("submit", tmp_path / "m.json", "--url", door.server.url, "--patience", 0)
        assert (done.status, "hub.too_much_open" in done.err) == (1, True)


class TestDatabases:
    def test_checked_and_upgraded(self, run: Run, door: Door) -> None:
        """Given a sound folder, then check and upgrade say so."""
        assert run("db", "check").out.strip() == "Nothing is wrong with the databases."
        assert run("db", "upgrade", "--json").facts == {"ok": True, "problems": [], "steps": []}

    def test_an_older_one_is_named_with_the_remedy(self, run: Run, door: Door, data_folder: Path) -> None:
        """Given a database that says it is from before the last migration, then check exits 1 and names the command that helps."""
        with closing(sqlite3.connect(data_folder / "keys.sqlite")) as keys:
            keys.execute("DELETE FROM alembic_version")
            keys.commit()
        done = run("db", "check")
        assert (done.status, "siphub db upgrade" in done.out) == (1, True)
