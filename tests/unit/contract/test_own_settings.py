"""A plugin's own settings: what it has not is refused, a time has bounds, and nothing that was set is repeated."""

from __future__ import annotations

from datetime import timedelta

import pytest

from siphub.contract import OwnSettings, SettingsError

NAMES = ("clients", "timeout_seconds")
TEN = timedelta(seconds=10)


def own(**given: str) -> OwnSettings:
    """Return the settings of a plugin."""
    return OwnSettings("norrby", given, NAMES)


def test_what_it_has_not_is_refused_by_name() -> None:
    """Given a setting that the plugin has not, then it is named with those it has, and its value is not repeated."""
    with pytest.raises(SettingsError) as refused:
        own(secret="hunter2")
    assert (refused.value.code, str(refused.value)) == ("settings.unknown", "norrby has no setting secret; it has clients, timeout_seconds")


def test_a_time_is_set_in_seconds() -> None:
    """Given a number, then it is the time; given nothing, then the standard is."""
    assert own().seconds("timeout_seconds", TEN) == TEN
    assert own(timeout_seconds="0.5").seconds("timeout_seconds", TEN) == timedelta(milliseconds=500)
    assert own(timeout_seconds="120").seconds("timeout_seconds", TEN) == timedelta(minutes=2)
    assert own(timeout_seconds="0").seconds("timeout_seconds", TEN, zero=True) == timedelta()


@pytest.mark.parametrize("text", ["", "0", "-1", "121", "nan", "inf", "ten", "1 s"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    """Given no number, or one that may not be, then the bounds are said and the text is not repeated."""
    with pytest.raises(SettingsError) as refused:
        own(timeout_seconds=text).seconds("timeout_seconds", TEN)
    assert str(refused.value) == "norrby: timeout_seconds must be a number above 0 and at most 120"


@pytest.mark.parametrize("text", ["-1", "nan", "13"])
def test_a_time_that_may_be_none_has_bounds_too(text: str) -> None:
    """Given a plugin's own bound, then it holds."""
    with pytest.raises(SettingsError, match="must be a number from 0 to 12"):
        own(timeout_seconds=text).seconds("timeout_seconds", TEN, most=timedelta(seconds=12), zero=True)


def test_a_semicolon_or_a_line_parts_two_entries() -> None:
    """Given several entries, then each is one, without the space around it; given none, then there is none."""
    assert own(clients=" a x ;; b y\n\nc z; ").entries("clients") == ["a x", "b y", "c z"]
    assert own().entries("clients") == []
