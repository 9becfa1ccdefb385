"""Every message type: its samples travel as JSON and come back, its schema describes them, and nothing it holds shows itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from siphub.errors import BadBody, Invalid, Refused
from siphub.model import CATALOGUE, Message, model_of, parse_message, sample
from siphub.model import people as p
from siphub.model.base import Value
from siphub.model.samples import SAMPLE_CASE

SAMPLES = [
    pytest.param(sample(name, maximal=maximal), id=f"{name}-{'maximal' if maximal else 'minimal'}")
    for name in CATALOGUE
    for maximal in (False, True)
]
NAMES = sorted(CATALOGUE)
CANARY = "Kanariefågel-4711"


def document(name: str, *, maximal: bool = True) -> dict[str, Any]:
    """Return a sample as JSON values."""
    return dict(json.loads(sample(name, maximal=maximal).to_json()))


def refused(changed: object) -> Refused:
    """Return the error a document is refused with."""
    with pytest.raises(Refused) as raised:
        parse_message(json.dumps(changed).encode())
    return raised.value


def judged(changed: object) -> Refused | None:
    """Return the error a document is refused with, or None where it is taken."""
    try:
        parse_message(json.dumps(changed).encode())
    except Refused as error:
        return error
    return None


def said(error: Refused | None) -> str:
    """Return everything an error could ever tell anybody."""
    if error is None:
        return ""
    return " ".join([str(error), repr(error), repr(error.args), repr(error.problems), repr(error.__cause__), repr(vars(error))])


def objects(node: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """Yield every JSON object inside a document, with its place."""
    if isinstance(node, dict):
        yield at, node
        for key, value in node.items():
            yield from objects(value, (*at, key))
    if isinstance(node, list):
        for index, value in enumerate(node):
            yield from objects(value, (*at, index))


def values(node: Value) -> Iterator[Value]:
    """Yield a value and every value inside it."""
    yield node
    for name in type(node).model_fields:
        inner = getattr(node, name)
        for each in inner if isinstance(inner, tuple) else (inner,):
            if isinstance(each, Value):
                yield from values(each)


@pytest.mark.parametrize("message", SAMPLES)
def test_a_sample_comes_back_as_it_was(message: Message) -> None:
    """Given a sample, when it is written and read, then it is the same message and the same bytes."""
    body = message.to_json()
    assert parse_message(body) == message
    assert parse_message(body).to_json() == body
    assert json.loads(body) == message.to_document()


@pytest.mark.parametrize("name", NAMES)
def test_the_fullest_sample_says_all_that_can_be_said(name: str) -> None:
    """Given the maximal sample, then each field of its content is there, unless another field excludes it, and the minimal has only what it must."""
    content = CATALOGUE[name].content
    full, least = document(name)["content"], document(name, maximal=False)["content"]
    exclusive = {"meeting.response": {"substitute_unit", "substitute_name"}, "consent.withdrawn": {"scopes"}}
    absent = {field for field in content.model_fields if full.get(field) in (None, [])}
    assert absent <= exclusive.get(name, set()), absent
    assert {field for field, info in content.model_fields.items() if info.is_required()} <= set(least)


# ── closed, strict, frozen ──


@pytest.mark.parametrize("name", NAMES)
def test_no_object_takes_a_field_it_does_not_know(name: str) -> None:
    """Given a sample, when any object in it has one field more, then it is refused, with a pointer to that field and without its value."""
    whole = document(name)
    for at, _ in objects(whole):
        changed = json.loads(json.dumps(whole))
        place = changed
        for step in at:
            place = place[step]
        place["unheard_of"] = CANARY
        error = refused(changed)
        pointers = {problem.pointer for problem in error.problems}
        assert isinstance(error, Invalid)
        assert any(pointer and pointer.endswith("/unheard_of") for pointer in pointers), (at, pointers)
        assert CANARY not in said(error)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_field_is_pointed_at(name: str) -> None:
    """Given a sample, when any required field of the envelope or the content is missing, then the problem points at it."""
    least = document(name, maximal=False)
    for at in ((), ("content",)):
        model = CATALOGUE[name].content if at else model_of(name)
        for field, info in model.model_fields.items():
            if info.is_required() and field != "type":
                changed = json.loads(json.dumps(least))
                (changed["content"] if at else changed).pop(field)
                assert f"/{'/'.join((*at, field))}" in {problem.pointer for problem in refused(changed).problems}, field


@pytest.mark.parametrize("name", NAMES)
def test_every_pointer_leads_to_a_place_in_what_was_sent(name: str) -> None:
    """Given a sample with a wrong value anywhere, then the pointer is a JSON pointer to just that value, in a union as elsewhere."""
    whole = document(name)
    for at, found in objects(whole):
        for key in set(found) - {"type"}:
            changed = json.loads(json.dumps(whole))
            place = changed
            for step in at:
                place = place[step]
            place[key] = {"wrong": 1}
            mine = "".join(f"/{step}" for step in (*at, key))
            pointers = [problem.pointer or "" for problem in refused(changed).problems]
            assert any(pointer == mine or pointer.startswith((f"{mine}/", mine.rpartition("/")[0])) for pointer in pointers)
            for pointer in pointers:
                *steps, last = pointer.split("/")[1:]
                node: Any = changed
                for step in steps:
                    node = node[int(step)] if isinstance(node, list) else node[step]
                assert isinstance(node, dict | list), pointer
                assert last in node or isinstance(node, list) or _may_have(last), pointer


def _may_have(field: str) -> bool:
    """Say whether this is a field of ours that was missing."""
    return re.fullmatch(r"[a-z_]+", field) is not None


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_taken_for_what_it_is_not(name: str) -> None:
    """Given a sample, when a boolean is a word, a number a text, or a text a number, then it is refused and not converted."""
    whole = document(name)
    for at, found in objects(whole):
        for key, value in found.items():
            wrong: object = (
                "true" if isinstance(value, bool) else str(value) if isinstance(value, int) else 7 if isinstance(value, str) else None
            )
            if wrong is None:
                continue
            changed = json.loads(json.dumps(whole))
            place = changed
            for step in at:
                place = place[step]
            place[key] = wrong
            assert isinstance(refused(changed), Invalid), (*at, key)


@pytest.mark.parametrize("message", SAMPLES)
def test_a_message_cannot_be_changed(message: Message) -> None:
    """Given a message, when anything in it is set, then that fails, and it can stand in a set."""
    for value in values(message):
        for name in type(value).model_fields:
            with pytest.raises(ValidationError):
                setattr(value, name, None)
    assert len({message, parse_message(message.to_json())}) == 1


# ── silent ──


@pytest.mark.req(28)
@pytest.mark.parametrize("message", SAMPLES)
def test_no_value_shows_itself(message: Message) -> None:
    """Given a message, then its repr, its text and that of every value in it tell the type and nothing else."""
    for value in values(message):
        assert repr(value) == str(value) == f"{value:}" == f"{type(value).__name__}(…)"


@pytest.mark.parametrize("name", NAMES)
def test_no_error_repeats_what_was_handed_in(name: str) -> None:
    """Given a sample with a canary in place of each value in turn, when it is refused, then nothing of the canary is in the error."""
    whole = document(name)
    for at, found in objects(whole):
        for key in found:
            changed = json.loads(json.dumps(whole))
            place = changed
            for step in at:
                place = place[step]
            for bad in ([CANARY], {CANARY: CANARY}, CANARY * 1000, f"{CANARY}\u0000"):
                place[key] = bad
                assert CANARY not in said(judged(changed)).replace(f"/{CANARY}", ""), (*at, key)


def test_the_number_of_the_person_is_in_no_error() -> None:
    """Given a number with a wrong check digit, when it is refused, then the error has a pointer and a code and not the number."""
    wrong = document("meeting.summoned")
    number = p.SUBJECT_NUMBER[:-1] + str((int(p.SUBJECT_NUMBER[-1]) + 1) % 10)
    wrong["subject"]["identity"]["value"] = number
    error = refused(wrong)
    assert number not in said(error)
    assert [(problem.code, problem.pointer) for problem in error.problems] == [("field.identity.check_digit", "/subject/identity/value")]


# ── the schema ──


def conforms(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    """Say whether a JSON value fits a JSON Schema, for the words of it that ours use."""
    if "$ref" in schema:
        return conforms(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root)
    for word in ("anyOf", "oneOf"):
        if word in schema and not any(conforms(value, each, root) for each in schema[word]):
            return False
    if ("const" in schema and value != schema["const"]) or ("enum" in schema and value not in schema["enum"]):
        return False
    kinds: Mapping[str, Any] = {"string": str, "boolean": bool, "integer": int, "object": dict, "array": list, "null": type(None)}
    kind = schema.get("type")
    if kind and (not isinstance(value, kinds[kind]) or (kind == "integer" and isinstance(value, bool))):
        return False
    if kind == "string" and "pattern" in schema and not re.search(schema["pattern"], value):
        return False
    if kind == "array":
        fits = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
        return fits and all(conforms(each, schema.get("items", {}), root) for each in value)
    if kind == "object":
        fields = schema.get("properties", {})
        closed = schema.get("additionalProperties") is not False or not set(value) - set(fields)
        present = set(schema.get("required", ())) <= set(value)
        return closed and present and all(conforms(value[name], fields[name], root) for name in value if name in fields)
    return True


@pytest.mark.parametrize("message", SAMPLES)
def test_the_schema_of_a_type_describes_its_samples(message: Message) -> None:
    """Given a type's JSON Schema, then its samples fit; with a field too many, one too few, or another type's name, they do not."""
    schema = type(message).model_json_schema()
    fits = json.loads(message.to_json())
    assert conforms(fits, schema, schema)
    assert not conforms({**fits, "unheard_of": 1}, schema, schema)
    assert not conforms({**fits, "type": "unheard.of"}, schema, schema)
    assert not conforms({key: value for key, value in fits.items() if key != "content"}, schema, schema)


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_closed_and_stands_alone(name: str) -> None:
    """Given a type's JSON Schema, then every object in it is closed, each reference is in it, and it tells no sample's person."""
    schema = model_of(name).model_json_schema()
    text = json.dumps(schema)
    for _, found in objects(schema):
        assert found.get("type") != "object" or "properties" not in found or found["additionalProperties"] is False
        assert "$ref" not in found or found["$ref"].removeprefix("#/$defs/") in schema["$defs"]
    assert p.SUBJECT_NUMBER not in text
    assert schema["properties"]["type"]["const"] == name


# ── the catalogue ──


@pytest.mark.parametrize("name", NAMES)
def test_a_type_says_who_it_is_about_and_for_whom(name: str) -> None:
    """Given a row of the catalogue, then its samples name the person and recipients as the row says, and no other way is taken."""
    row, message = CATALOGUE[name], sample(name)
    assert (message.type, type(message.content)) == (name, row.content)
    assert message.recipients == tuple(row.to)
    assert bool(row.to) != row.internal
    person = {"identity": {"kind": "personnummer", "value": str(p.SUBJECT_NUMBER)}}
    given = document(name, maximal=False)
    if row.subject == "required":
        assert "/subject" in {problem.pointer for problem in refused({**given, "subject": None}).problems}
    if row.subject == "none":
        assert "/subject" in {problem.pointer for problem in refused({**given, "subject": person}).problems}
    if row.internal:
        assert "/recipients" in {problem.pointer for problem in refused({**given, "recipients": [p.CONTACT]}).problems}


def test_a_recipient_is_named_once() -> None:
    """Given a message that names a recipient twice, then it is refused."""
    changed = document("meeting.summoned") | {"recipients": [p.HOME_CARE, p.HOME_CARE]}
    assert isinstance(refused(changed), Invalid)


def test_a_basis_that_is_a_decision_names_who_decided_and_when() -> None:
    """Given a basis that somebody has assessed, when decider or time is missing, then it is refused (LIFECYCLE 3)."""
    basis = {"code": "secrecy_assessed", "decided_by": "Lena Läkare", "decided_at": "2026-11-23T11:00:00Z"}
    whole = document("meeting.summoned")
    assert parse_message(json.dumps({**whole, "basis": basis}).encode()).basis is not None
    for missing in ("decided_by", "decided_at"):
        without = {key: value for key, value in basis.items() if key != missing}
        assert isinstance(refused({**whole, "basis": without}), Invalid)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("consent.given", {"given_by": {"kind": "neighbour"}}),
        ("consent.given", {"decision": "deny"}),
        ("consent.amended", {"add_parties": [], "remove_parties": [], "add_scopes": [], "remove_scopes": []}),
        ("consent.withdrawn", {"extent": "parties", "parties": []}),
        ("consent.withdrawn", {"extent": "all", "parties": [p.HOME_CARE]}),
        ("meeting.response", {"response": "propose-new-time", "proposed_times": []}),
        ("meeting.response", {"response": "delegate", "proposed_times": [], "substitute_unit": None, "substitute_name": None}),
        ("meeting.rescheduled", {"supersedes": 2}),
        ("plan.revised", {"approved_by_individual": False}),
        ("plan.closed", {"reason": "because"}),
    ],
)
def test_what_contradicts_itself_is_refused(name: str, change: dict[str, Any]) -> None:
    """Given contents that say two things at once, or what cannot be said, then each is refused."""
    whole = document(name)
    assert isinstance(refused({**whole, "content": {**whole["content"], **change}}), Invalid)


def test_a_meeting_ends_after_it_starts() -> None:
    """Given a meeting that ends as it starts, then it is refused."""
    whole = document("meeting.summoned")
    whole["content"]["meeting"]["ends_at"] = whole["content"]["meeting"]["starts_at"]
    assert isinstance(refused(whole), Invalid)


@pytest.mark.parametrize("twice", ["goals", "activities"])
def test_a_plan_refers_to_itself_and_is_clear(twice: str) -> None:
    """Given a plan with two goals or activities of one id, or an activity towards a goal that is not there, then it is refused."""
    whole = document("plan.established")
    items = whole["content"]["plan"][twice]
    items.append(items[0])
    assert isinstance(refused(whole), Invalid)
    lost = document("plan.established")
    lost["content"]["plan"]["activities"][0]["goals"] = ["g9"]
    assert isinstance(refused(lost), Invalid)


texts = st.text(min_size=1, max_size=200).filter(lambda text: "\x00" not in text and bool(text.strip()))


@settings(deadline=None)
@given(texts)
def test_free_text_is_kept_code_point_for_code_point(text: str) -> None:
    """Given any free text that is not blank, when it travels, then each code point comes back, or it is refused as no text at all."""
    whole = document("plan.revised")
    whole["content"]["changes"] = text
    try:
        message = parse_message(json.dumps(whole).encode())
    except (BadBody, Invalid):
        assert any("\ud800" <= character <= "\udfff" for character in text)
    else:
        assert json.loads(message.to_json())["content"]["changes"] == text


def test_samples_are_the_same_every_time() -> None:
    """Given a sample, then it is one value, with an id of its own and the sample case's id."""
    ids = {sample(name, maximal=maximal).message_id for name in CATALOGUE for maximal in (False, True)}
    assert len(ids) == 2 * len(CATALOGUE)
    assert {sample(name).case_id for name in CATALOGUE} == {SAMPLE_CASE}
    assert sample("meeting.summoned") is sample("meeting.summoned")
    with pytest.raises(KeyError):
        sample("unheard.of")


def test_a_person_in_a_sample_is_a_test_person() -> None:
    """Given every sample, then whoever it is about is one of Skatteverket's test persons."""
    subjects = [sample(name, maximal=True).subject for name in CATALOGUE]
    assert all(subject.identity.value.is_test for subject in subjects if subject is not None)


@pytest.mark.parametrize("name", ["meeting.held", "followup.held"])
@pytest.mark.parametrize(
    ("change", "taken"),
    [
        ({"starts_at": "2026-11-23T08:00:00Z", "ends_at": None}, True),
        ({"starts_at": "2026-11-22T23:30:00Z", "ends_at": "2026-11-23T01:00:00Z"}, True),
        ({"starts_at": "2026-11-23T23:30:00Z", "ends_at": None}, False),
        ({"starts_at": "2026-11-24T08:00:00Z", "ends_at": None}, False),
        ({"starts_at": "2026-11-23T08:00:00Z", "ends_at": "2026-11-23T08:00:00Z"}, False),
        ({"starts_at": None, "ends_at": "2026-11-23T08:00:00Z"}, False),
        ({"starts_at": None, "ends_at": None}, True),
    ],
)
def test_a_meeting_is_held_on_the_day_it_starts(name: str, change: dict[str, Any], taken: bool) -> None:
    """The times of a meeting that was held are on its day as the clock in Sweden has it, in order, and there is no end without a start."""
    whole = document(name)
    content = {part: value for part, value in (whole["content"] | change).items() if value is not None}
    assert (judged({**whole, "content": content}) is None) == taken
