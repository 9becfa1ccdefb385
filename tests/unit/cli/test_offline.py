"""The commands that need no hub: help, sample, schema, validate, read, translate, plugins; and how anything wrong is said."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from siphub.model import CATALOGUE, parse_message, sample
from siphub.model import people as p

if TYPE_CHECKING:
    from tests.conftest import Done

Siphub = Callable[..., "Done"]
COMMANDS = (
    *("demo", "up", "sandbox", "sample", "schema", "validate", "read", "translate", "submit", "explain", "stop", "start", "doctor"),
    *("serve", "relay", "sweep", "processes", "bench", "backup", "restore", "partners list", "partners show", "partners probe"),
    *("forms list", "forms print", "records list", "broker definitions", "broker check"),
    *("consent show", "consent history", "deliveries list", "deliveries show", "deliveries retry", "deliveries hold", "deliveries release"),
    *(
        "deliveries handled",
        "directory list",
        "directory import",
        "directory check",
        "directory new",
        "plugins list",
        "plugins check",
        "keys add",
        "keys list",
    ),
    *(f"mappings {name}" for name in ("list", "check", "try", "diff", "new", "approve", "schema")),
    *("disclosure show", "disclosure test", "keys revoke", "work list", "work show", "work close", "db check", "db upgrade"),
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder, where no hub has ever been."""
    monkeypatch.chdir(tmp_path)


def written(tmp_path: Path, name: str, **more: bool) -> Path:
    """Return a file with a sample."""
    file = tmp_path / f"{name}.json"
    file.write_bytes(sample(name, **more).to_json())
    return file


class TestHelp:
    def test_every_command_is_listed(self, siphub: Siphub) -> None:
        """Given --help, then it names every command of the public surface."""
        done = siphub("--help")
        assert done.status == 0
        assert set(re.findall(r"^  ([a-z-]+) ", done.out.partition("Commands:")[2], re.MULTILINE)) == {
            words.split()[0] for words in COMMANDS
        }

    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_command_has_an_example(self, siphub: Siphub, command: str) -> None:
        """Given a command's --help, then it ends with an example of that command."""
        done = siphub(*command.split(), "--help")
        assert done.status == 0
        assert f"siphub {command}" in done.out.partition("Example: ")[2]

    @pytest.mark.parametrize("words", [[], ["consent"], ["deliveries"]])
    def test_no_command_is_wrong_use_with_the_help(self, siphub: Siphub, words: Sequence[str]) -> None:
        """Given no command, then the help is shown, and it was wrong use."""
        done = siphub(*words)
        assert done.status == 2
        assert "Commands:" in done.out + done.err

    @pytest.mark.parametrize("words", [["nonsense"], ["sample", "--nonsense"], ["deliveries", "nonsense"], ["submit"]])
    def test_wrong_use_is_two(self, siphub: Siphub, words: Sequence[str]) -> None:
        """Given words that mean nothing, then exit 2, and stderr says so."""
        done = siphub(*words)
        assert (done.status, done.out) == (2, "")
        assert done.err

    def test_plugins_commands_are_asked_for_only_when_needed(self, siphub: Siphub) -> None:
        """Given --help --all, then the plugins are asked too, and a help comes all the same."""
        assert siphub("--help", "--all").status == 0

    def test_help_brings_nothing_heavy(self) -> None:
        """Given the command line, when it is imported, then neither the model nor a database, a web framework or XML is."""
        heavy = ("pydantic", "sqlalchemy", "fastapi", "uvicorn", "lxml", "kombu", "rich", "cryptography", "urllib3", "siphub.model")
        code = f"import sys; from siphub.cli.command_line import application; application(); print([name for name in {heavy} if name in sys.modules])"
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
        assert done.stdout.strip() == "[]"


class TestSample:
    def test_every_type_is_listed(self, siphub: Siphub) -> None:
        """Given --list, then every message type is named, in words and as JSON."""
        assert {line.split()[0] for line in siphub("sample", "--list").out.splitlines()[2:]} == set(CATALOGUE)
        assert {row["type"] for row in siphub("sample", "--list", "--json").facts} == set(CATALOGUE)

    @pytest.mark.parametrize("maximal", [False, True])
    @pytest.mark.parametrize("name", ["sip.requested", "meeting.summoned", "plan.established"])
    def test_a_sample_is_a_valid_message(self, siphub: Siphub, name: str, maximal: bool) -> None:
        """Given a type, then what is printed is that message."""
        done = siphub("sample", name, *(["--maximal"] if maximal else []))
        assert parse_message(done.out.encode()) == sample(name, maximal=maximal)

    def test_a_fresh_sample_has_ids_of_its_own(self, siphub: Siphub) -> None:
        """Given --fresh twice, then the ids differ, and both are valid."""
        first, second = (parse_message(siphub("sample", "sip.requested", "--fresh").out.encode()) for _ in range(2))
        assert first.case_id != second.case_id
        assert first.message_id != second.message_id

    @pytest.mark.parametrize("command", ["sample", "schema"])
    def test_an_unknown_type_is_told_with_the_nearest(self, siphub: Siphub, command: str) -> None:
        """Given a type that is misspelt, then exit 2 and what was meant."""
        done = siphub(command, "meeting.sumoned")
        assert (done.status, done.out) == (2, "")
        assert "message.unknown_type" in done.err
        assert "meeting.summoned" in done.err


class TestSchema:
    def test_one_type(self, siphub: Siphub) -> None:
        """Given a type, then its JSON Schema closes its fields."""
        found = siphub("schema", "consent.given").facts
        assert found["properties"]["type"]["const"] == "consent.given"
        assert found["additionalProperties"] is False

    def test_all_types(self, siphub: Siphub) -> None:
        """Given no type, then one schema holds them all."""
        assert len(siphub("schema").facts["oneOf"]) == len(CATALOGUE)


class TestValidate:
    def test_a_valid_message(self, siphub: Siphub, tmp_path: Path) -> None:
        """Given a valid message, then it is named with its type, exit 0."""
        done = siphub("validate", written(tmp_path, "consent.given"))
        assert (done.status, done.out.strip()[-20:]) == (0, "valid, consent.given")

    def test_each_problem_has_a_pointer_and_a_code(self, siphub: Siphub, tmp_path: Path) -> None:
        """Given a wrong field among good files, then exit 1, and the pointer, the code, and not the value."""
        good, bad = written(tmp_path, "sip.requested"), tmp_path / "bad.json"
        bad.write_text(good.read_text().replace(p.SUBJECT_NUMBER, "201001039999"))
        done = siphub("validate", good, bad, "--json")
        assert done.status == 1
        assert [one["valid"] for one in done.facts] == [True, False]
        problem = done.facts[1]["problems"][0]
        assert problem["pointer"].startswith("/subject/identity")
        assert problem["code"].startswith("field.")
        assert "201001039999" not in done.out

    def test_bytes_that_are_no_json_have_a_position(self, siphub: Siphub, tmp_path: Path) -> None:
        """Given a file that is no JSON, then the position is said."""
        file = tmp_path / "x.json"
        file.write_bytes(b"{]")
        done = siphub("validate", file)
        assert done.status == 1
        assert "line 1 column 2" in done.out

    def test_a_file_that_is_not_there(self, siphub: Siphub) -> None:
        """Given no such file, then exit 2 and one line."""
        done = siphub("validate", "nowhere.json")
        assert done.status == 2
        assert done.err.startswith("siphub: file.unreadable:")
        assert len(done.err.splitlines()) == 1


class TestForeign:
    @pytest.mark.parametrize("name", ["meeting.summoned", "sip.requested", "meeting.response", "plan.established"])
    def test_translated_and_read_back(self, siphub: Siphub, tmp_path: Path, name: str) -> None:
        """Given a message, when it is translated and read back, then it is the cut of it that its recipient may see."""
        done = siphub("translate", written(tmp_path, name, maximal=True), "--to", "municipal-xml")
        assert done.status == 0
        (tmp_path / "m.xml").write_text(done.out)
        back = siphub("read", tmp_path / "m.xml", "--from", "municipal-xml")
        assert back.status == 0
        assert back.facts["type"] == name
        assert back.facts["recipients"] == [sample(name, maximal=True).recipients[0]]

    def test_an_outside_party_gets_the_minimal_profile(self, siphub: Siphub, tmp_path: Path) -> None:
        """Given an invitation, when it is translated for Försäkringskassan, then neither a name nor another party's question is in it."""
        done = siphub("translate", written(tmp_path, "meeting.invited", maximal=True), "--to", "folder", "--recipient", p.FK)
        assert done.status == 0
        assert "Frågor om sjukpenning" in done.out
        for hidden in ("Praktik", "Eva Kontakt", "Provsdotter", p.CONTACT):
            assert hidden not in done.out

    def test_a_kind_of_recipient_without_a_rule_gets_nothing(self, siphub: Siphub, tmp_path: Path) -> None:
        """Given a plan, when it is translated for Försäkringskassan, then exit 1: no basis allows it."""
        done = siphub("translate", written(tmp_path, "plan.established"), "--to", "folder", "--recipient", p.FK)
        assert (done.status, done.out) == (1, "")
        assert "basis.none" in done.err

    def test_a_document_without_a_case_is_a_draft(self, siphub: Siphub, tmp_path: Path) -> None:
        """Given XML without a message id, then what is there is shown, and what is missing is named; nothing is invented."""
        done = siphub("translate", written(tmp_path, "sip.requested"), "--to", "municipal-xml")
        (tmp_path / "m.xml").write_text(re.sub(r"<meddelandeId>.*?</meddelandeId>", "", done.out))
        back = siphub("read", tmp_path / "m.xml", "--from", "municipal-xml")
        assert "/message_id" in back.facts["missing"] if back.status == 0 else "xml.invalid" in back.err

    @pytest.mark.parametrize(
        ("words", "code"), [(("translate", "--to", "fax"), "adapter.not_there"), (("read", "--from", "fax"), "reader.not_there")]
    )
    def test_an_unknown_plugin_is_wrong_use(self, siphub: Siphub, tmp_path: Path, words: tuple[str, ...], code: str) -> None:
        """Given an adapter or reader nobody has, then exit 2 with those there are."""
        done = siphub(words[0], written(tmp_path, "sip.requested"), *words[1:])
        assert done.status == 2
        assert code in done.err
        assert "municipal-xml" in done.err

    def test_hostile_xml_is_refused_with_its_position(self, siphub: Siphub, tmp_path: Path) -> None:
        """Given XML with a document type, then exit 1 and where it stands."""
        (tmp_path / "m.xml").write_text("<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/hostname'>]><a>&b;</a>")
        done = siphub("read", tmp_path / "m.xml", "--from", "municipal-xml")
        assert done.status == 1
        assert "xml.doctype" in done.err
        assert "line 1 column 1" in done.err


class TestPlugins:
    def test_installed_and_enabled_are_told_apart(self, siphub: Siphub, tmp_path: Path) -> None:
        """Given settings that name one plugin, then the other is installed and not enabled."""
        (tmp_path / "siphub.toml").write_text('plugins = ["folder"]')
        found = {row["name"]: row["enabled"] for row in siphub("plugins", "list", "--data", tmp_path, "--json").facts}
        assert (found["folder"], found["municipal-xml"]) == (True, False)

    def test_a_plugin_that_is_not_installed_is_the_answer_no(self, siphub: Siphub, tmp_path: Path) -> None:
        """Given settings that name a plugin nobody has installed, then check exits 1 and says what to do; list shows it."""
        (tmp_path / "siphub.toml").write_text('plugins = ["foldr"]')
        done = siphub("plugins", "check", "--data", tmp_path)
        assert done.status == 1
        assert "did you mean folder?" in done.out
        assert "foldr" in siphub("plugins", "list", "--data", tmp_path).out

    def test_what_is_well_is_said(self, siphub: Siphub) -> None:
        """Given the plugins of the project, then check exits 0."""
        assert siphub("plugins", "check").status == 0


class TestHowWrongThingsAreSaid:
    @pytest.mark.parametrize(
        "words",
        [["consent", "show", "x"], ["deliveries", "list"], ["doctor"], ["db", "check"], ["keys", "list"], ["stop"], ["work", "list"]],
    )
    def test_a_folder_without_a_hub_is_not_made_into_one(self, siphub: Siphub, tmp_path: Path, words: Sequence[str]) -> None:
        """Given a folder where no hub has been, then the command says so and leaves it as it is."""
        done = siphub(*words, "--data", tmp_path / "none")
        assert done.status in {1, 2}
        assert "siphub up" in done.err + done.out
        assert not (tmp_path / "none").exists()

    def test_a_wrong_setting_is_named_and_not_repeated(self, siphub: Siphub, tmp_path: Path) -> None:
        """Given a setting that is wrong, then exit 2 with its name, and without its value."""
        (tmp_path / "siphub.toml").write_text('port = "secret-value"')
        done = siphub("plugins", "list", "--data", tmp_path)
        assert done.status == 2
        assert "port" in done.err
        assert "secret-value" not in done.err

    def test_a_hub_that_is_not_there(self, siphub: Siphub, tmp_path: Path) -> None:
        """Given nobody at the address, when a message is submitted, then exit 1 and what to look at."""
        key = tmp_path / "a.key"
        key.write_text("key")
        done = siphub("submit", written(tmp_path, "sip.requested"), "--url", "http://127.0.0.1:9", "--key-file", key)
        assert done.status == 1
        assert done.err.startswith("siphub: hub.unreachable:")

    def test_a_key_file_that_is_not_there(self, siphub: Siphub, tmp_path: Path) -> None:
        """Given no key, then exit 2 and which option says where it is."""
        done = siphub("submit", written(tmp_path, "sip.requested"), "--data", tmp_path)
        assert done.status == 2
        assert "--key-file" in done.err

    def test_a_reader_that_stops_reading_is_no_error(self) -> None:
        """Given output that nobody reads to its end, then there is no traceback."""
        command = f"{Path(sys.executable).with_name('siphub')} schema | head -c 10"
        done = subprocess.run(["/bin/sh", "-c", command], check=False, capture_output=True, text=True, timeout=60)
        assert "Traceback" not in done.stderr
        assert done.stdout.startswith("{")


BY_SDK = [("meeting.invited", adapter, b'{"data"') for adapter in ("forsakringskassan", "arbetsformedlingen")]


@pytest.mark.parametrize(
    ("name", "adapter", "first"),
    [("meeting.summoned", "fhir", b'{"resourceType":"Bundle"'), ("meeting.invited", "sdk", b'{"data"'), *BY_SDK],
)
def test_an_installed_plugin_named_on_the_command_line_is_used_for_this_once(
    siphub: Siphub, tmp_path: Path, name: str, adapter: str, first: bytes
) -> None:
    """Given a plugin that is installed and not enabled, when its adapter is named, then it translates, for the sample directory."""
    done = siphub("translate", written(tmp_path, name), "--to", adapter)
    assert (done.status, done.out.encode()[: len(first)]) == (0, first)


@pytest.mark.parametrize(
    ("adapter", "agency", "line"),
    [("forsakringskassan", "fk", "**Rättslig grund:**"), ("arbetsformedlingen", "af", "**Innan ni lämnar uppgifter:**")],
)
def test_each_agency_is_shown_what_it_would_get(siphub: Siphub, tmp_path: Path, adapter: str, agency: str, line: str) -> None:
    """Given an invitation and the adapter of one agency, then the bytes are for that agency, whomever the sample is for, with the line that only it gets."""
    done = siphub("translate", written(tmp_path, "meeting.invited"), "--to", adapter)
    assert f'"recipient": "0203:{agency}.example"' in done.out
    assert line in done.out


@pytest.mark.reference
def test_digital_communication_is_read_by_its_first_character(siphub: Siphub, reference: Path) -> None:
    """Given an XML file for a reader that takes JSON and XML, when no media type is said, then it is read as XML: a draft, nothing invented."""
    done = siphub("read", str(reference / "standards/examples/sdk_kallelse_sip.xml"), "--from", "sdk")
    assert done.status == 0
    assert "missing" in json.loads(done.out)
