"""Reading canonical JSON: what is no JSON has a position, what is no message has pointers, and nothing handed in is said again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siphub.errors import BadBody, Invalid, Refused
from siphub.model import CATALOGUE, Message, model_of, parse_message, sample

CANARY = "Kanariefågel"
GOOD = sample("meeting.summoned").to_json()


def bad(body: bytes) -> BadBody:
    """Return the error for bytes that cannot be read."""
    with pytest.raises(BadBody) as raised:
        parse_message(body)
    return raised.value


@pytest.mark.parametrize(
    ("body", "position"),
    [
        (b"", "line 1 column 0"),
        (b"{", "line 1 column 1"),
        (b'{"type": }', "line 1 column 10"),
        (b'{\n  "type": "x",\n}', "line 3 column 1"),
        (b"<message/>", "line 1 column 1"),
        (b'{"a": NaN}', "line 1 column 7"),
        (b'{"a": Infinity}', "line 1 column 7"),
        (b"\xff\xfe{", "line 1 column 1"),
        (b'{"a": "\xff"}', "line 1 column 8"),
        (b'{"a": "\\ud800"}', "line 1 column 14"),
        (GOOD + b"x", f"line 1 column {len(GOOD) + 1}"),
        (b'{"a": 01}', "line 1 column 8"),
    ],
)
def test_what_is_no_json_has_its_position(body: bytes, position: str) -> None:
    """Given bytes that are no JSON, then the error says where reading ended, and is a 400."""
    error = bad(body)
    assert (error.status, [problem.code for problem in error.problems]) == (400, ["body.not_json"])
    assert [problem.position for problem in error.problems] == [position]


@pytest.mark.parametrize(
    "body", [b'{"a": 1, "a": 2}', b'{"a": {"b": [{"c": 1, "c": 1}]}}', GOOD.replace(b"{", b'{"type":"need.assessed",', 1)]
)
def test_a_key_that_stands_twice_is_refused(body: bytes) -> None:
    """Given an object with one key twice, at any depth, then it is refused: two readers could read two messages."""
    error = bad(body)
    assert (error.code, [problem.code for problem in error.problems]) == ("body.duplicate_key", ["body.duplicate_key"])
    assert all(problem.position for problem in error.problems)


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"meeting.summoned"', b"true"])
def test_json_that_is_no_object_is_no_message(body: bytes) -> None:
    """Given JSON that is no object, then it is refused as no message."""
    with pytest.raises(Invalid) as raised:
        parse_message(body)
    assert [(problem.code, problem.pointer) for problem in raised.value.problems] == [("message.not_an_object", "")]


@pytest.mark.parametrize("given_type", [None, 7, "unheard.of", "", ["meeting.summoned"], CANARY])
def test_an_unknown_type_is_pointed_at(given_type: object) -> None:
    """Given an object without a type of ours, then the problem points at the type and does not repeat it."""
    with pytest.raises(Invalid) as raised:
        parse_message(json.dumps({"type": given_type}).encode())
    assert [(problem.code, problem.pointer) for problem in raised.value.problems] == [("message.unknown_type", "/type")]
    assert CANARY not in repr(raised.value.problems)


def test_depth_and_size_end_in_an_answer() -> None:
    """Given a hundred thousand brackets, or a number of ten thousand digits, then there is an answer and no crash."""
    for body in (b"[" * 100_000, b'{"a":' * 100_000, b'{"type": ' + b"9" * 10_000 + b"}", b'{"type": 1e99999}'):
        with pytest.raises(Refused):
            parse_message(body)


def test_many_problems_are_told_up_to_a_limit() -> None:
    """Given two hundred wrong recipients, then fifty problems are told, each with its own pointer."""
    document = json.loads(GOOD) | {"recipients": ["x"] * 200}
    with pytest.raises(Invalid) as raised:
        parse_message(json.dumps(document).encode())
    assert [problem.pointer for problem in raised.value.problems] == [f"/recipients/{index}" for index in range(50)]


def test_a_pointer_escapes_what_it_must() -> None:
    """Given a field whose name has a slash and a tilde, then the pointer to it is one (RFC 6901)."""
    document = json.loads(GOOD) | {"a/b~c": 1}
    with pytest.raises(Invalid) as raised:
        parse_message(json.dumps(document).encode())
    assert [problem.pointer for problem in raised.value.problems] == ["/a~1b~0c"]


def test_a_type_that_is_not_there_has_no_model() -> None:
    """Given a name, then its model is made once, and an unknown name is an error."""
    assert model_of("meeting.summoned") is model_of("meeting.summoned")
    assert issubclass(model_of("meeting.summoned"), Message)
    with pytest.raises(KeyError):
        model_of("unheard.of")


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_get_an_answer(body: bytes) -> None:
    """Given any bytes, then they are a message or are refused, and never anything else."""
    try:
        parse_message(body)
    except Refused as error:
        told = bool(error.problems)
    else:
        told = False
    assert told


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.sampled_from(sorted(CATALOGUE)), st.data())
def test_any_value_in_any_place_gets_an_answer(name: str, data: st.DataObject) -> None:
    """Given a sample with any JSON value in place of any field, then it is a message or is refused with pointers."""
    document = json.loads(sample(name, maximal=True).to_json())
    place = document if data.draw(st.booleans()) else document["content"]
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(json_values)
    try:
        message = parse_message(json.dumps(document).encode())
    except Invalid as error:
        assert all(problem.pointer is not None for problem in error.problems)  # noqa: PT017 - the other way is tried just below
    except BadBody as error:
        assert all(problem.position for problem in error.problems)  # noqa: PT017 - the same
    else:
        assert parse_message(message.to_json()) == message
