"""Foreign documents: what is taken from them, what is said to be missing, and what is refused where."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from siphub.contract import BadBody, Draft, Invalid, Refused, Submission, TooLarge
from siphub.model import sample
from siphub.testing.samples import whole_cut
from siphub_fhir import Fhir, FhirReader
from siphub_fhir.foreign import draft_of

Document = dict[str, Any]
PATIENT: Document = {
    "resourceType": "Patient",
    "id": "1",
    "identifier": [
        {"system": "https://journal.example/id", "value": "77"},
        {"system": "urn:oid:1.2.752.129.2.1.3.1", "value": "201001032380"},
    ],
    "name": [{"family": "Provsdotter", "given": ["Prov", "Anna"]}],
}
PLAN: Document = {
    "resourceType": "CarePlan",
    "id": "9b2f6f0e-8a39-4c43-8a45-6f4dd43cf001",
    "status": "active",
    "intent": "plan",
    "subject": {"reference": "Patient/1"},
    "created": "2026-11",
    "description": "Klara vardagen",
    "addresses": [{"display": "Diabetes"}],
    "author": {"reference": "PractitionerRole/r1"},
    "contributor": [{"display": "Doktor Glas"}, {"display": "Doktor Glas"}],
    "goal": [{"reference": "Goal/g1"}, {"display": "Sova"}],
    "activity": [
        {
            "id": "a1",
            "detail": {
                "status": "scheduled",
                "code": {"coding": [{"code": "1", "display": "Träning"}]},
                "scheduledTiming": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "wk", "boundsPeriod": {"end": "2027-06-30"}}},
                "goal": [{"reference": "Goal/g1"}],
                "performer": [{"reference": "RelatedPerson/2", "display": "Siv"}],
            },
        },
        {
            "detail": {
                "status": "scheduled",
                "description": "Lyfta tungt",
                "doNotPerform": True,
                "scheduledPeriod": {"start": "2026", "end": "2027-01"},
            }
        },
        {"reference": {"display": "Hemtjänst"}},
        {
            "detail": {
                "status": "scheduled",
                "description": "Promenad",
                "scheduledString": "varje dag",
                "performer": [{"reference": "Patient/1"}],
            }
        },
    ],
}
GOAL: Document = {
    "resourceType": "Goal",
    "id": "g1",
    "lifecycleStatus": "active",
    "description": {"text": "Orka mer"},
    "subject": {"reference": "Patient/1"},
}
ROLE: Document = {"resourceType": "PractitionerRole", "id": "r1", "practitioner": {"reference": "Practitioner/p1"}}
DOCTOR: Document = {"resourceType": "Practitioner", "id": "p1", "name": [{"family": "Läkare", "given": ["Lisa"]}]}
MEETING: Document = {
    "resourceType": "Appointment",
    "status": "booked",
    "start": "2026-12-07T11:00:00+01:00",
    "end": "2026-12-07T12:00:00+01:00",
    "participant": [
        {"status": "accepted", "actor": {"reference": "Patient/1"}},
        {"status": "needs-action", "actor": {"display": "Hemtjänsten"}, "type": [{"text": "deltagare"}]},
        {"status": "accepted", "actor": {"reference": "Location/2", "display": "Stadshuset"}},
    ],
}
CONSENT: Document = {
    "resourceType": "Consent",
    "status": "active",
    "scope": {"text": "x"},
    "category": [{"text": "x"}],
    "policyRule": {"text": "allt till alla"},
    "patient": {"reference": "Patient/1"},
}


def bundle(*resources: Document, **more: Any) -> Document:
    """Return a collection."""
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources], **more}


def read(reader: FhirReader, document: Any) -> Draft:
    """Read what must become a draft."""
    found = reader.read(Submission(json.dumps(document).encode(), "application/fhir+json"))
    assert isinstance(found, Draft)
    return found


def problems(reader: FhirReader, document: Any) -> list[tuple[str, str | None]]:
    """Return what a document is refused for."""
    with pytest.raises(Invalid) as caught:
        reader.read(Submission(json.dumps(document).encode(), "application/fhir+json"))
    return [(problem.code, problem.pointer) for problem in caught.value.problems]


def test_a_plan_is_read_as_far_as_it_is_a_sip(reader: FhirReader) -> None:
    """A foreign plan gives needs, goals, activities and participants as they stand, and says of the rest that it is missing."""
    draft = read(reader, bundle(PLAN, PATIENT, GOAL, ROLE, DOCTOR))
    assert draft.content["type"] == "plan.established"
    assert draft.content["subject"] == {
        "identity": {"kind": "personnummer", "value": "201001032380"},
        "given_name": "Prov Anna",
        "family_name": "Provsdotter",
    }
    content: Any = draft.content["content"]
    assert content["plan"] == {
        "id": "9b2f6f0e-8a39-4c43-8a45-6f4dd43cf001",
        "needs": ["Klara vardagen"],
        "goals": [{"id": "g1", "text": "Orka mer"}, {"text": "Sova"}],
        "activities": [
            {
                "id": "a1",
                "what": "Träning",
                "when": "2 gånger per vecka",
                "ends_on": "2027-06-30",
                "responsible": {"kind": "relative", "name": "Siv"},
                "goals": ["g1"],
            },
            {"what": "Utförs inte: Lyfta tungt", "when": "2026 – 2027-01"},
            {"what": "Hemtjänst"},
            {"what": "Promenad", "when": "varje dag", "responsible": {"kind": "individual"}},
        ],
    }
    assert [one.get("name") for one in content["participants"]] == ["Lisa Läkare", "Doktor Glas", "Siv"]
    assert {
        "/message_id",
        "/owner",
        "/sender",
        "/content/plan/version",
        "/content/plan/made_on",
        "/content/plan/goals/1/id",
        "/content/plan/activities/1/id",
        "/content/plan/activities/2/when",
        "/content/plan/activities/2/responsible",
        "/content/plan/overall_responsible",
    } <= set(draft.missing)


def test_an_appointment_is_neither_summons_nor_invitation(reader: FhirReader) -> None:
    """A foreign Appointment gives time, place and participants; which type of message it is depends on a duty nobody has told of."""
    draft = read(reader, bundle(MEETING, PATIENT))
    content: Any = draft.content["content"]
    assert content["meeting"] == {
        "starts_at": "2026-12-07T11:00:00+01:00",
        "ends_at": "2026-12-07T12:00:00+01:00",
        "place": {"text": "Stadshuset"},
    }
    assert len(content["participants"]) == 3
    assert content["participants"][1] == {"name": "Hemtjänsten", "role": "deltagare"}
    assert "type" not in draft.content
    assert {"/type", "/content/meeting/id", "/content/meeting/version", "/content/meeting/place/kind", "/content/convener"} <= set(
        draft.missing
    )


def test_a_consent_in_a_foreign_bundle_is_nothing_but_data(reader: FhirReader) -> None:
    """With a sweeping Consent beside it, a plan gives the very same draft: no basis, no recipient, no grant."""
    draft = read(reader, bundle(PLAN, PATIENT, CONSENT))
    without = read(reader, bundle(PLAN, PATIENT))
    assert (draft.content, draft.missing) == (without.content, without.missing)
    assert not {"basis", "recipients"} & set(draft.content)


def test_several_plans_stand_beside_each_other(reader: FhirReader) -> None:
    """The first plan is the draft's, and further ones are kept apart: two plans are never made into one."""
    other = {**PLAN, "id": "p2", "activity": PLAN["activity"][3:]}
    content: Any = read(reader, bundle(PLAN, other, PATIENT)).content["content"]
    assert len(content["plan"]["activities"]) == 4
    assert [len(plan["activities"]) for plan in content["further_plans"]] == [1]


def test_two_persons_are_never_mixed(reader: FhirReader) -> None:
    """Plans about different persons in one Bundle are refused."""
    other = {**PLAN, "id": "p2", "subject": {"reference": "Patient/2"}}
    assert problems(reader, bundle(PLAN, other)) == [("fhir.several_patients", "/entry")]


def test_a_number_that_is_none_is_missing(reader: FhirReader) -> None:
    """A person whose number has a wrong check digit keeps the name and lacks the number."""
    wrong = {**PATIENT, "identifier": [{"system": "urn:oid:1.2.752.129.2.1.3.1", "value": "201001032381"}]}
    draft = read(reader, bundle(PLAN, wrong))
    assert draft.content["subject"] == {"given_name": "Prov Anna", "family_name": "Provsdotter"}
    assert "/subject/identity" in draft.missing


def test_ids_that_stand_twice_are_missing(reader: FhirReader) -> None:
    """Two activities with one id keep their words, and the second lacks an id; an activity that was entered in error is no activity."""
    walk = {"id": "a1", "detail": {"status": "scheduled", "description": "Promenad", "scheduledString": "varje dag"}}
    wrong = {"detail": {"status": "entered-in-error", "description": "Bastu"}}
    goals = [{"reference": "Goal/g1"}, {"reference": "Goal/g1"}, {"reference": "Goal/" + "x" * 50, "display": "Sova"}]
    draft = read(reader, {**PLAN, "goal": goals, "activity": [walk, walk, wrong]})
    plan: Any = draft.content["content"]
    assert [one.get("id") for one in plan["plan"]["activities"]] == ["a1", None]
    assert [one.get("id") for one in plan["plan"]["goals"]] == ["g1", None, None]


def test_what_is_too_long_is_missing(reader: FhirReader) -> None:
    """A text beyond what a message takes is not cut off in the middle: it is missing, and said to be."""
    long = {**PLAN, "activity": [{"detail": {"status": "scheduled", "description": "x", "scheduledString": "y" * 300}}]}
    draft = read(reader, long)
    assert "/content/plan/activities/0/when" in draft.missing
    assert "y" * 200 not in json.dumps(draft.content)


@pytest.mark.parametrize(
    ("status", "intent", "kind"),
    [
        ("draft", "plan", "plan.proposed"),
        ("active", "proposal", "plan.proposed"),
        ("active", "plan", "plan.established"),
        ("completed", "plan", None),
        ("on-hold", "plan", None),
    ],
)
def test_the_status_says_which_message_it_could_be(reader: FhirReader, status: str, intent: str, kind: str | None) -> None:
    """A draft is a proposal, an active plan an established one; what has ended or rests is no message by itself."""
    draft = read(reader, {**PLAN, "status": status, "intent": intent})
    assert draft.content.get("type") == kind
    assert ("/type" in draft.missing) == (kind is None)


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({**PLAN, "status": "entered-in-error"}, [("fhir.entered_in_error", "/status")]),
        ({**PLAN, "implicitRules": "https://x.example/rules"}, [("fhir.modifier_unknown", "/implicitRules")]),
        (
            bundle(PATIENT, {**MEETING, "modifierExtension": [{"url": "https://x.example/n", "valueCode": "n"}]}),
            [("fhir.modifier_unknown", "/entry/1/resource/modifierExtension")],
        ),
        ({**PLAN, "status": "going"}, [("fhir.code_unknown", "/status")]),
        ({**PLAN, "status": 5}, [("fhir.wrong_value", "/status")]),
        ({**PLAN, "colour": "red"}, [("fhir.unknown_element", "/colour")]),
        ({name: value for name, value in PLAN.items() if name != "subject"}, [("fhir.required", "/subject")]),
        ({**PLAN, "addresses": [{"reference": "Goal/1"}]}, [("fhir.addresses_type", "/addresses/0")]),
        ({**MEETING, "end": "soon"}, [("fhir.wrong_value", "/end")]),
        (PATIENT, [("fhir.nothing_for_us", "/resourceType")]),
        (bundle(PATIENT), [("fhir.nothing_for_us", "/entry")]),
        (bundle(MEETING, MEETING), [("fhir.several_meetings", "/entry")]),
        ({"resourceType": "Plan"}, [("fhir.unknown_type", "/resourceType")]),
        (bundle({"resourceType": "CarePlan2"}), [("fhir.unknown_type", "/entry/0/resource/resourceType")]),
        ({"a": 1}, [("fhir.no_resource", "")]),
        ([PLAN], [("fhir.no_resource", "")]),
    ],
)
def test_what_cannot_be_read_is_refused_where_it_is(reader: FhirReader, document: Any, found: list[tuple[str, str]]) -> None:
    """Each defect has its code and the pointer to its place, and no value is repeated."""
    assert problems(reader, document) == found


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b"{", BadBody, "body.not_json"),
        (b"<Bundle xmlns='http://hl7.org/fhir'/>", BadBody, "body.not_json"),
        (b'{"resourceType":"Patient","resourceType":"Patient"}', BadBody, "body.duplicate_key"),
        (b'{"resourceType":"Patient","a":NaN}', BadBody, "body.not_json"),
        (b'{"resourceType":"Patient","a":-1e999}', BadBody, "body.not_json"),
        (b'{"resourceType":"Patient","a":' + b"1" * 5000 + b"}", BadBody, "body.not_json"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, BadBody, "body.not_json"),
        (b'{"a":' * 200 + b"1" + b"}" * 200, BadBody, "body.not_json"),
        (b" " * (8 * 1024 * 1024 + 1), TooLarge, None),
    ],
)
def test_broken_bytes_are_refused_with_a_position(reader: FhirReader, body: bytes, kind: type[Refused], code: str | None) -> None:
    """What is no JSON, or too much, or too deep, is refused before anything is made of it."""
    with pytest.raises(kind) as caught:
        reader.read(Submission(body, "application/fhir+json"))
    assert [problem.code for problem in caught.value.problems] == ([code] if code else [])
    assert all(problem.position for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("body", "detail", "position"),
    [
        (b"", "there is nothing in the body", "line 1 column 1"),
        (b" \r\n\t", "there is nothing in the body", "line 2 column 2"),
        (json.dumps(PLAN).encode("utf-8-sig"), "the body begins with a byte order mark: JSON is UTF-8 without one", "line 1 column 1"),
        (json.dumps(PLAN).encode("utf-16"), "the body is UTF-16 or UTF-32: JSON is UTF-8", "byte 0"),
        (json.dumps(PLAN).encode("utf-16-be"), "the body is UTF-16 or UTF-32: JSON is UTF-8", "line 1 column 1"),
        (json.dumps(PLAN).encode("utf-32-le"), "the body is UTF-16 or UTF-32: JSON is UTF-8", "line 1 column 2"),
        ('{"a": "å"}'.encode("latin-1"), "not JSON in UTF-8", "byte 7"),
    ],
)
def test_bytes_in_another_encoding_are_told_so(reader: FhirReader, body: bytes, detail: str, position: str) -> None:
    """What is empty, or no UTF-8, is FHIR by its media type, and is refused as what it is and where, as nobody could guess from `not JSON`."""
    assert reader.recognises(Submission(body, "application/fhir+json"))
    with pytest.raises(BadBody) as caught:
        reader.read(Submission(body, "application/fhir+json"))
    assert [(one.code, one.detail, one.position) for one in caught.value.problems] == [("body.not_json", detail, position)]


@pytest.mark.parametrize("kind", ["application/json", "application/xml", "text/html"])
def test_only_fhir_says_that_it_is_fhir(reader: FhirReader, kind: str) -> None:
    """FHIR is never guessed from content: another media type is left to others, and what has FHIR's is FHIR's to refuse."""
    assert not reader.recognises(Submission(json.dumps(PLAN).encode(), kind))
    assert reader.recognises(Submission(b"%PDF-1.7", "application/fhir+xml"))
    assert reader.recognises(Submission(json.dumps(PLAN).encode(), "application/fhir+json"))


def test_two_patients_in_a_message_of_ours_are_refused(reader: FhirReader, adapter: Any, recipient: Any) -> None:
    """A message is about one person: with a second Patient in the Bundle nobody can say which."""
    from siphub.model import sample
    from siphub.testing.samples import whole_cut

    ours = json.loads(adapter.translate(whole_cut(sample("meeting.summoned")), recipient()).body)
    ours["entry"].append({"fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000000", "resource": {**PATIENT, "id": "x"}})
    assert problems(reader, ours) == [("fhir.several_patients", f"/entry/{len(ours['entry']) - 1}")]


@pytest.mark.parametrize("name", ["modifierExtension", "implicitRules"])
@pytest.mark.parametrize("kind", ["CarePlan", "Goal", "Patient"])
def test_a_modifier_anywhere_in_what_is_taken_is_refused(reader: FhirReader, name: str, kind: str) -> None:
    """What may turn the meaning of a goal or a person round is refused where it stands, as on the plan itself."""
    value = [{"url": "https://x.example/not", "valueBoolean": True}] if name == "modifierExtension" else "https://x.example/rules"
    resources = [one | ({name: value} if one["resourceType"] == kind else {}) for one in (PLAN, PATIENT, GOAL)]
    number = next(number for number, one in enumerate(resources) if name in one)
    assert problems(reader, bundle(*resources)) == [("fhir.modifier_unknown", f"/entry/{number}/resource/{name}")]


def test_what_was_entered_in_error_is_left_out(reader: FhirReader) -> None:
    """A goal, a request and a team that were entered in error are left out of the plan like an activity that was."""
    request = {
        "resourceType": "ServiceRequest",
        "id": "s",
        "status": "entered-in-error",
        "intent": "order",
        "code": {"text": "Besök"},
        "subject": {"reference": "Patient/1"},
    }
    team = {"resourceType": "CareTeam", "id": "t", "status": "entered-in-error", "participant": [{"member": {"display": "Doktor Glas"}}]}
    plan = {name: value for name, value in PLAN.items() if name not in {"author", "contributor", "activity"}}
    plan |= {"careTeam": [{"reference": "CareTeam/t"}], "activity": [{"reference": {"reference": "ServiceRequest/s"}}]}
    content: Any = read(reader, bundle(plan, PATIENT, GOAL | {"lifecycleStatus": "entered-in-error"}, request, team)).content["content"]
    assert content["plan"]["goals"] == [{"text": "Sova"}]
    assert "activities" not in content["plan"]
    assert content["participants"] == []


def test_a_meeting_that_was_called_off_is_no_invitation(reader: FhirReader) -> None:
    """A cancelled Appointment becomes the draft of a cancellation, which has no time."""
    meeting = "9b2f6f0e-8a39-4c43-8a45-6f4dd43cf002"
    draft = read(reader, MEETING | {"status": "cancelled", "id": meeting})
    assert draft.content["type"] == "meeting.cancelled"
    content: Any = draft.content["content"]
    assert content["meeting_id"] == meeting
    assert "meeting" not in content
    assert "/content/meeting_version" in draft.missing


def test_a_modifier_in_a_message_of_ours_is_refused(reader: FhirReader, adapter: Fhir, recipient: Any) -> None:
    """Nothing of ours has one: whoever put it there means something that is not known here."""
    sent = json.loads(adapter.translate(whole_cut(sample("plan.established")), recipient()).body)
    sent["entry"][0]["resource"]["implicitRules"] = "https://x.example/rules"
    assert problems(reader, sent) == [("fhir.modifier_unknown", "/entry/0/resource/implicitRules")]


def test_what_is_contained_is_gone_through_once() -> None:
    """Given ten times as many goals contained, they are not gone through more often: the square of two mebibytes is a minute of the hub's."""

    class Counted(list[Any]):
        times = 0

        def __iter__(self) -> Iterator[Any]:
            self.times += 1
            return super().__iter__()

    def gone_through(many: int) -> int:
        goal = {"resourceType": "Goal", "lifecycleStatus": "active", "description": {"text": "x"}, "subject": {"display": "x"}}
        inside = Counted({**goal, "id": f"g{number}"} for number in range(many))
        plan = {"resourceType": "CarePlan", "status": "active", "intent": "plan", "subject": {"display": "x"}, "contained": inside}
        draft = draft_of({**plan, "goal": [{"reference": f"#g{number}"} for number in range(many)]})
        content: Any = draft.content["content"]
        assert len(content["plan"]["goals"]) == many
        return inside.times

    assert gone_through(40) == gone_through(4)
