"""What /openapi.json says beyond the routes: the schemas of messages, answers and problems, the codes each status may carry, and the key.

Made once, when first asked for; the schemas of messages come from the model itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from siphub.model import CATALOGUE, model_of

_REF: Final = "#/components/schemas/{model}"


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _REF.format(model=name)}


def _refused(what: str, *codes: str, retry: bool = False) -> dict[str, Any]:
    said = f"{what} Codes: {', '.join(f'`{code}`' for code in codes)}."
    headers = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}} if retry else {}
    return {"description": said, "headers": headers, "content": {"application/problem+json": {"schema": _ref("Problem")}}}


_KEY: Final[dict[int | str, dict[str, Any]]] = {
    "401": _refused("No API key, or one that nobody has. Nothing of the body was read.", "caller.unauthenticated"),
    "403": _refused("A known caller who may not do this.", "caller.role", "sender.not_yours", "sender.role", "plan.not_coordinator"),
}
_BROKEN: Final[dict[int | str, dict[str, Any]]] = {
    "500": _refused("Something in the hub is broken.", "hub.failed"),
    "503": _refused(
        "Not just now; nothing was accepted. The same request may be made again.",
        "hub.too_much_open",
        "hub.low_disk",
        "store.busy",
        retry=True,
    ),
}
CODES: Final[Mapping[str, dict[int | str, dict[str, Any]]]] = {
    "hand_in": {
        "202": {
            "description": "Stored. One entry for each recipient says what happens for it; the same message again gets the same answer, byte for byte.",
            "headers": {
                "X-Siphub-Repeated": {"description": "`yes` where this is the answer to an earlier request.", "schema": {"type": "string"}}
            },
            "content": {"application/json": {"schema": _ref("Accepted")}},
        },
        "400": _refused(
            "The body could not be read; a problem carries the position.",
            "body.not_json",
            "body.duplicate_key",
            "xml.doctype",
            "xml.not_well_formed",
        ),
        **_KEY,
        "404": _refused("There is no such case, or it is not yours: the same answer.", "case.not_there"),
        "409": _refused(
            "Another body under a used id, a version out of order, or not in this state.",
            "message.id_reused",
            "message.out_of_order",
            "case.wrong_state",
        ),
        "413": _refused("Larger than this hub takes.", "body.too_large"),
        "415": _refused(
            "No reader for this media type, or for these bytes under it.", "body.unsupported_media", "body.encoded", "body.ambiguous"
        ),
        "422": _refused(
            "Readable, but no valid message; each problem has a pointer.", "message.invalid", "message.incomplete", "message.unknown_type"
        ),
        **_BROKEN,
    },
    "ring": {
        "202": {"description": "Heard. The hub asks soon, whatever it then finds; nothing of the body was read."},
        **_KEY,
        "404": _refused("No adapter of that name has a bell.", "adapter.no_bell"),
        **_BROKEN,
    },
    "read": {
        **_KEY,
        "404": _refused("Not there, or not yours: the same answer.", "message.not_there", "case.not_there", "message.erased"),
        **_BROKEN,
    },
}

_UUID: Final = {"type": "string", "format": "uuid"}
_TEXT: Final = {"type": "string"}
_MAYBE: Final = {"type": ["string", "null"]}


def _object(description: str, **fields: object) -> dict[str, Any]:
    return {"type": "object", "description": description, "properties": fields, "required": list(fields)}


def _answer(status: str, description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"responses": {status: {"description": description, "content": {"application/json": {"schema": schema}}}}}


_HANDED_IN: Final = {"required": True, "content": {"application/json": {"schema": _ref("Message")}, "application/xml": {"schema": _TEXT}}}
_DOOR: Final = {
    "name": "X-Siphub-Door",
    "in": "header",
    "required": False,
    "description": "`submit` names the channel in the audit. No right depends on it.",
    "schema": {"type": "string"},
}
HAND_IN: Final = {"requestBody": _HANDED_IN, "parameters": [_DOOR]}
MESSAGE: Final = _answer(
    "200", "The message as it was sent, or this organisation's cut of it.", {"oneOf": [_ref("SentMessage"), _ref("ReceivedMessage")]}
)
CASE: Final = _answer("200", "This organisation's own mailbox of the case.", _ref("Mailbox"))
HEALTH: Final = _answer("200", "It answers.", _object("Alive.", live={"type": "boolean"}))
READY: Final = _answer("200", "Everything stands.", _ref("Ready"))
READY_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    "503": {"description": "Something does not stand; the body says what.", "content": {"application/json": {"schema": _ref("Ready")}}}
}
METRICS: Final = {"responses": {"200": {"description": "Prometheus text.", "content": {"text/plain": {"schema": _TEXT}}}}}

_IN_SWEDISH: Final = {"type": "string", "description": "The same sentence in Swedish, where the code is one of docs/reasons.md."}
_RECEIVED: Final = _object(
    "What one unit of this organisation was sent: its own cut, frozen as sent.",
    delivery=_UUID,
    recipient=_TEXT,
    state=_ref("State"),
    basis=_MAYBE,
    payload_sha256={**_MAYBE, "description": "SHA-256 of the bytes that were sent, hexadecimal."},
    message={"type": ["object", "null"]},
)
_LINE: Final = _object(
    "One delivery.",
    delivery=_UUID,
    recipient=_TEXT,
    adapter=_TEXT,
    state=_ref("State"),
    reason=_MAYBE,
    text=_MAYBE,
    text_sv=_MAYBE,
    payload_sha256=_MAYBE,
)
_SENT: Final = _object(
    "A message this organisation sent.",
    message_id=_UUID,
    type=_TEXT,
    message=_ref("Message"),
    recipients={"type": "array", "items": _LINE},
    received_at={"type": "string", "format": "date-time"},
)


def _meeting() -> dict[str, Any]:
    from siphub.policy.lifecycle import PARTICIPANT

    states = sorted({state for steps in PARTICIPANT.values() for state in steps.values()})
    place = _object("One participant.", unit=_TEXT, duty={"type": "boolean"}, state={"type": "string", "enum": states})
    return _object(
        "Where the participants of a meeting stand; told to the unit that convenes it alone.",
        meeting_id=_UUID,
        version={"type": "integer"},
        state={"type": "string", "enum": ["planned", "held", "cancelled"]},
        participants={"type": "array", "items": place},
    )


def _shapes() -> dict[str, Any]:
    from siphub.policy.lifecycle import DELIVERY

    recipient = _object(
        "What happens for one recipient.",
        recipient=_TEXT,
        delivery={**_MAYBE, "format": "uuid"},
        state=_ref("State"),
        reason=_MAYBE,
        text=_MAYBE,
        text_sv=_MAYBE,
    )
    caution = _object("One thing to look at, though the message was accepted.", code=_TEXT, text=_TEXT, text_sv=_TEXT)
    entry = _object("One thing that is wrong.", code=_TEXT, detail=_TEXT)
    entry["properties"] |= {
        "detail_sv": _IN_SWEDISH,
        "pointer": {"type": "string", "description": "JSON pointer (RFC 6901) into the message."},
        "position": {"type": "string", "description": "`line L column C` or `byte N`, for bytes that could not be read."},
    }
    problem = _object(
        "RFC 9457, with a stable code: docs/errors.md lists them all.",
        type={"type": "string", "format": "uri"},
        title=_TEXT,
        status={"type": "integer"},
        detail=_TEXT,
        code=_TEXT,
        problems={"type": "array", "items": entry},
    )
    problem["properties"]["detail_sv"] = _IN_SWEDISH
    return {
        "State": {"type": "string", "enum": sorted({state for steps in DELIVERY.values() for state in steps.values()})},
        "Accepted": _object(
            "The answer to an accepted message.",
            message_id=_UUID,
            case_id=_UUID,
            recipients={"type": "array", "items": recipient},
            cautions={"type": "array", "items": caution},
        ),
        "Problem": problem,
        "SentMessage": _SENT,
        "ReceivedMessage": _object(
            "A message this organisation was sent.", message_id=_UUID, type=_TEXT, deliveries={"type": "array", "items": _RECEIVED}
        ),
        "Mailbox": _object(
            "One organisation's mailbox of a case.",
            case_id=_UUID,
            sent={"type": "array", "items": _SENT},
            received={"type": "array", "items": _RECEIVED},
            meetings={"type": "array", "items": _meeting()},
        ),
        "Ready": {
            "type": "object",
            "additionalProperties": {"type": "boolean"},
            "required": ["ready"],
            "properties": {"ready": {"type": "boolean"}},
        },
    }


def message_schemas() -> dict[str, Any]:
    """Return the JSON Schemas of all message types with everything they refer to, and `Message`, which is one of them."""
    from pydantic.json_schema import models_json_schema

    models = {name: model_of(name) for name in CATALOGUE}
    by_model, found = models_json_schema([(model, "validation") for model in models.values()], ref_template=_REF)
    refs = {name: by_model[(model, "validation")]["$ref"] for name, model in models.items()}
    message = {"oneOf": [{"$ref": ref} for ref in refs.values()], "discriminator": {"propertyName": "type", "mapping": refs}}
    return {**found["$defs"], "Message": message}


def described(plain: dict[str, Any]) -> dict[str, Any]:
    """Return the description of the routes with schemas and the key added."""
    schemas = {**message_schemas(), **_shapes()}
    plain["components"] = {
        "schemas": schemas,
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key."}},
    }
    for path, methods in plain["paths"].items():
        for operation in methods.values():
            if path.startswith("/v1/"):
                operation["security"] = [{"key": []}]
            if "{" in path:
                # FastAPI promises a 422 for every parameter in a path; here an id that is none is not there, like any other.
                operation["responses"].pop("422", None)
    return plain
