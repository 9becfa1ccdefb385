"""A refusal becomes the right error at a door: its kind, its code, its sentence, and where in the message."""

from __future__ import annotations

from typing import Literal

import pytest

from siphub.errors import Conflict, Forbidden, Invalid, NotThere, Problem, Refused
from siphub.policy.reasons import REASONS
from siphub.policy.refusal import Refusal


@pytest.mark.parametrize(
    ("kind", "error", "status"),
    [("invalid", Invalid, 422), ("forbidden", Forbidden, 403), ("not_there", NotThere, 404), ("conflict", Conflict, 409)],
)
def test_each_kind_is_its_error(kind: Literal["invalid", "forbidden", "not_there", "conflict"], error: type[Refused], status: int) -> None:
    """Given a refusal of each kind, when it is thrown, then it is that error with the reason's code and sentence, and points where it was told."""
    with pytest.raises(error) as raised:
        Refusal("case.wrong_state", kind, "/type").throw()
    assert (raised.value.status, raised.value.code, raised.value.detail) == (status, "case.wrong_state", REASONS["case.wrong_state"].en)
    assert raised.value.problems == (Problem("case.wrong_state", REASONS["case.wrong_state"].en, pointer="/type"),)


def test_without_a_place_there_is_no_problem_to_point_at() -> None:
    """Given a refusal that names no place, then the error carries no problem: "not there" says nothing more."""
    with pytest.raises(NotThere) as raised:
        Refusal("case.not_there", "not_there").throw()
    assert raised.value.problems == ()
