"""The traps of R4 that neither its schema nor fhir.resources sees: a mutant of a sound Bundle for each, refused going out and coming in."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from siphub.contract import Invalid, MappingError, Recipient, Submission
from siphub.model import sample
from siphub.testing.samples import whole_cut
from siphub_fhir import Fhir, FhirReader, checks
from siphub_fhir.checks import problems_of
from siphub_fhir.intake import _shape
from siphub_fhir.translate import written

Bundle = dict[str, Any]


def the(bundle: Bundle, kind: str) -> Bundle:
    """Return the first resource of a type."""
    found: Bundle = next(entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind)
    return found


def url_of(bundle: Bundle, kind: str) -> str:
    """Return the address of the first resource of a type."""
    return next(str(entry["fullUrl"]) for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind)


def organisation_as_actor(bundle: Bundle) -> None:
    """An Organization takes part in a meeting."""
    the(bundle, "Appointment")["participant"][1]["actor"]["reference"] = url_of(bundle, "Organization")


def unit_in_the_team(bundle: Bundle) -> None:
    """A HealthcareService is a member of a CareTeam."""
    the(bundle, "CareTeam")["participant"][0]["member"]["reference"] = url_of(bundle, "HealthcareService")


def unit_as_sender(bundle: Bundle) -> None:
    """A HealthcareService sends the message."""
    the(bundle, "MessageHeader")["sender"]["reference"] = url_of(bundle, "HealthcareService")


def pending_without_start(bundle: Bundle) -> None:
    """A pending Appointment has neither start nor end (app-3)."""
    appointment = the(bundle, "Appointment")
    del appointment["start"], appointment["end"]


def start_without_end(bundle: Bundle) -> None:
    """An Appointment has a start alone (app-2)."""
    appointment = the(bundle, "Appointment")
    appointment["status"] = "proposed"
    del appointment["end"]


def nobody_takes_part(bundle: Bundle) -> None:
    """A participant has neither type nor actor (app-1)."""
    participant = the(bundle, "Appointment")["participant"][1]
    del participant["actor"], participant["type"]


def reason_without_cancelling(bundle: Bundle) -> None:
    """A pending Appointment has a reason for cancelling (app-4)."""
    the(bundle, "Appointment")["cancelationReason"] = {"text": "x"}


def consent_without_policy(bundle: Bundle) -> None:
    """A Consent has neither policy nor policyRule (ppc-1)."""
    del the(bundle, "Consent")["policyRule"]


def goal_addressed(bundle: Bundle) -> None:
    """CarePlan.addresses leads to a Goal."""
    the(bundle, "CarePlan")["addresses"] = [{"reference": url_of(bundle, "Goal")}]


def detail_and_reference(bundle: Bundle) -> None:
    """An activity has a detail and a reference (cpl-3)."""
    the(bundle, "CarePlan")["activity"][0]["reference"] = {"reference": url_of(bundle, "Goal")}


def delegate(bundle: Bundle) -> None:
    """An answer says `delegate`, which R4 does not know."""
    the(bundle, "AppointmentResponse")["participantStatus"] = "delegate"


def nobody_answers(bundle: Bundle) -> None:
    """An answer has neither participantType nor actor (apr-1)."""
    response = the(bundle, "AppointmentResponse")
    del response["actor"], response["participantType"]


def wrong_status(bundle: Bundle) -> None:
    """An Appointment has a status that R4 does not know."""
    the(bundle, "Appointment")["status"] = "summoned"


def long_response_identifier(bundle: Bundle) -> None:
    """MessageHeader.response.identifier is no id of at most 64 characters."""
    the(bundle, "MessageHeader")["response"] = {"identifier": "urn:uuid:" + "a" * 60, "code": "ok"}


def endpoint_is_a_name(bundle: Bundle) -> None:
    """An endpoint is a name, not a URL."""
    the(bundle, "MessageHeader")["destination"][0]["endpoint"] = "SE2120009994-1002"


def header_last(bundle: Bundle) -> None:
    """The message does not begin with its header."""
    bundle["entry"].append(bundle["entry"].pop(0))


def twice_the_same_address(bundle: Bundle) -> None:
    """Two entries have one fullUrl."""
    bundle["entry"].append(copy.deepcopy(bundle["entry"][-1]))


def leads_nowhere(bundle: Bundle) -> None:
    """A reference leads to no entry."""
    the(bundle, "MessageHeader")["focus"][0]["reference"] = "urn:uuid:00000000-0000-4000-8000-000000000000"


def empty_text(bundle: Bundle) -> None:
    """A text holds nothing but white space."""
    the(bundle, "Appointment")["description"] = "  "


def control_character(bundle: Bundle) -> None:
    """A text holds a control character."""
    the(bundle, "Appointment")["description"] = "a\x07b"


def noncharacter(bundle: Bundle) -> None:
    """A text holds what Unicode has set aside and XML has no place for: its narrative would be no XHTML."""
    the(bundle, "Appointment")["description"] = "a\ufffeb"


Mutate = Callable[[Bundle], None]
TRAPS: list[tuple[Mutate, str, str, bool]] = [
    (organisation_as_actor, "meeting.summoned", "fhir.actor_type", True),
    (unit_in_the_team, "plan.established", "fhir.actor_type", True),
    (unit_as_sender, "meeting.summoned", "fhir.actor_type", True),
    (pending_without_start, "meeting.summoned", "fhir.appointment_times", True),
    (start_without_end, "meeting.summoned", "fhir.appointment_times", True),
    (nobody_takes_part, "meeting.summoned", "fhir.appointment_actor", True),
    (reason_without_cancelling, "meeting.summoned", "fhir.cancelled_reason", True),
    (consent_without_policy, "meeting.summoned", "fhir.consent_policy", True),
    (goal_addressed, "plan.established", "fhir.addresses_type", True),
    (detail_and_reference, "plan.established", "fhir.activity_twice", True),
    (delegate, "meeting.response", "fhir.code_unknown", True),
    (nobody_answers, "meeting.response", "fhir.appointment_actor", True),
    (wrong_status, "meeting.summoned", "fhir.code_unknown", True),
    (long_response_identifier, "meeting.summoned", "fhir.id", False),
    (endpoint_is_a_name, "meeting.summoned", "fhir.endpoint", False),
    (header_last, "meeting.summoned", "fhir.header_first", True),
    (twice_the_same_address, "meeting.summoned", "fhir.full_url", True),
    (leads_nowhere, "meeting.summoned", "fhir.dangling", True),
    (empty_text, "meeting.summoned", "fhir.empty", False),
    (control_character, "meeting.summoned", "fhir.text", False),
    (noncharacter, "meeting.summoned", "fhir.text", True),
]
"""A mutant, the sample it is made of, the code, and whether fhir.resources lets it pass."""


@pytest.fixture
def sound(adapter: Fhir, recipient: Callable[..., Recipient]) -> Callable[[str], Bundle]:
    """Give what makes a sound Bundle of a maximal sample."""

    def make(name: str) -> Bundle:
        found: Bundle = json.loads(adapter.translate(whole_cut(sample(name, maximal=True)), recipient()).body)
        assert list(problems_of(found, whole=True)) == []
        return found

    return make


@pytest.mark.parametrize(("mutate", "name", "code", "unseen"), TRAPS, ids=[row[0].__name__ for row in TRAPS])
def test_each_trap_is_refused(
    sound: Callable[[str], Bundle], reader: FhirReader, mutate: Mutate, name: str, code: str, unseen: bool
) -> None:
    """A Bundle with one such defect is found by its code and place, never leaves, and is refused when it comes."""
    bundle = sound(name)
    mutate(bundle)
    found = list(problems_of(bundle, whole=True))
    assert {problem.code for problem in found} == {code}
    assert all((problem.pointer or "").startswith("/entry/") for problem in found)
    if unseen:
        assert _shape(bundle) == ()
    with pytest.raises(MappingError):
        written(bundle)
    with pytest.raises(Invalid) as caught:
        reader.read(Submission(json.dumps(bundle).encode(), "application/fhir+json"))
    assert caught.value.problems


UNSOUND: list[Any] = [
    "a\ufffe",
    "\uffff",
    "",
    " ",
    "\n \t",
    "\u00a0",
    "\u3000\r",
    "a\x00",
    "a\x08b",
    "a\x0cb",
    "a\x1f",
    "a\ud800",
    [],
    {},
    [{}],
    ["a", []],
    ["a", {}],
]
ODD: list[str] = [
    ' "quoted" ',
    '""',
    "[]",
    "{}",
    "\nfirst",
    "a\\b",
    "a\\u0007",
    '\\"',
    "\u00a0a",
    '"reference":"urn:uuid:no"',
    "å – 😀\u2028\x7f",
]


@pytest.mark.parametrize("value", UNSOUND, ids=ascii)
def test_what_fhir_cannot_carry_never_leaves(sound: Callable[[str], Bundle], value: Any) -> None:
    """Given an empty value or a character FHIR cannot carry, at any place, when the Bundle is written, then it is refused, as by the slow look."""
    for path in (("comment",), ("note", "text"), ("extension", "valueString")):
        bundle = sound("meeting.summoned")
        place(the(bundle, "Appointment"), path, value)
        found = {problem.code for problem in problems_of(bundle, whole=True)}
        assert found <= {"fhir.empty", "fhir.text"}
        assert found
        with pytest.raises(MappingError):
            written(bundle)


@pytest.mark.parametrize("text", ODD, ids=ascii)
def test_what_only_looks_so_is_written_as_it_is(sound: Callable[[str], Bundle], text: str) -> None:
    """Given a text that has in it what stands around texts in JSON, when the Bundle is written, then it stands there unchanged."""
    bundle = sound("meeting.summoned")
    place(the(bundle, "Appointment"), ("comment",), text)
    assert json.loads(written(bundle)) == bundle


def test_it_is_written_as_json_is_elsewhere(sound: Callable[[str], Bundle]) -> None:
    """Given a Bundle with every sort of value, when it is written, then to the bytes that Python's own compact JSON would have."""
    bundle = sound("plan.established")
    place(the(bundle, "CarePlan"), ("extension", "valueString"), "".join(map(chr, (9, 10, 13, *range(32, 0x250), 0x2028, 0x1F600))))
    assert written(bundle) == json.dumps(bundle, ensure_ascii=False, separators=(",", ":")).encode()


def place(resource: Bundle, path: tuple[str, ...], value: Any) -> None:
    """Put a value into a resource, in the last of a list where there are two steps."""
    if len(path) == 1:
        resource[path[0]] = value
    else:
        resource[path[0]] = [*resource.get(path[0], []), {path[1]: value}]


def test_every_check_has_a_mutant_and_a_line() -> None:
    """Each code in the module's own list has a mutant here, and each mutant's code stands in that list."""
    listed = {line.split()[0] for line in (checks.__doc__ or "").splitlines() if line.startswith("    fhir.")}
    assert {row[2] for row in TRAPS} == listed
