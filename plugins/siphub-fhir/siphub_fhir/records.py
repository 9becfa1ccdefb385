"""A transaction or a resource of ours back as the message Bundle it was made of: the inverse of `rest`.

What is contained becomes an entry again, who is named by a number gets one, and the envelope on the resource becomes a MessageHeader. Its
author's label, like that of everybody contained, comes back from an extension; the person's own from the whole resource's.
It must never take for ours what does not say which message it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from siphub_fhir.lens import Resource
from siphub_fhir.message import FORMS, MESSAGE_TYPES
from siphub_fhir.rest import BESIDE, REPLACED
from siphub_fhir.vocabulary import (
    BASE,
    EXTENSIONS,
    HSA_ID,
    ORGANISATION_NUMBER,
    PERSON_SYSTEMS,
    PROTECTION,
    SECURITY_LABEL,
    extension,
    numbering,
)

_NUMBERS: Final = frozenset({HSA_ID, ORGANISATION_NUMBER, numbering("unit"), *PERSON_SYSTEMS.values()})
_DESTINATION: Final = frozenset({extension("receiver-unit"), extension("receiver-person")})
_SENT_AT: Final = extension("sent-at")
_ASKING: Final = frozenset({"sip.requested", "sip.proposed", "sip.initiated"})
"""What is answered by giving its own Task another status: such a Task is no message of ours any more, but the answer to one."""
_NOT_ABOUT: Final = frozenset({"Patient", "Provenance"})
_NAMED: Final = {extension("message-author"): "author", extension("sender-organisation"): "sender"}
_SPACE: Final = uuid5(NAMESPACE_URL, f"{BASE}/named")


def tag_of(resource: Resource) -> Resource | None:
    """Return the tag that says which type of message of ours a resource stands for, or None."""
    tags = (resource.get("meta") or {}).get("tag") or []
    return next((one for one in tags if one.get("system") == MESSAGE_TYPES), None)


def is_record(document: Resource) -> bool:
    """Say whether a transaction Bundle or a single resource is one of this plugin's."""
    return main_in(document) is not None


def main_in(document: Resource) -> Resource | None:
    """Return the resource that carries a message of ours: this one, or one of a transaction; None where there is none."""
    if document.get("resourceType") == "Bundle":
        if document.get("type") != "transaction":
            return None
        return next((document["entry"][number]["resource"] for number in mains_in(document)), None)
    identifiers = document.get("identifier")
    if not isinstance(identifiers, list):  # R4 gives some types one at most, and none of these is what a message is written as
        return None
    message, tag = any(one.get("system") == numbering("message") for one in identifiers), tag_of(document)
    answered = tag is not None and tag.get("code") in _ASKING and document.get("status") != "requested"
    return document if message and tag is not None and not answered else None


def mains_in(transaction: Resource) -> list[int]:
    """Return the numbers of the entries of a transaction that carry a message of ours each."""
    entries = enumerate(transaction.get("entry") or [])
    return [number for number, one in entries if isinstance(one.get("resource"), dict) and main_in(one["resource"]) is not None]


def message_of(document: Resource) -> Resource:
    """Return the message Bundle for a transaction or a resource of this plugin's; what the form leaves out is not in it."""
    main = main_in(document)
    return document if main is None else _Unfolded(document, main).bundle()


class _Unfolded:
    def __init__(self, document: Resource, main: Resource) -> None:
        alone: list[Resource] = [{"fullUrl": _urn("main"), "resource": document}]
        given: list[Resource] = document.get("entry") or [] if document["resourceType"] == "Bundle" else alone
        self._given: dict[str, Resource] = {}
        for number, one in enumerate(given):
            if isinstance(one.get("resource"), dict):  # an entry that nothing refers to may do without an address
                known = one.get("fullUrl") not in {None, *self._given}
                self._given[one["fullUrl"] if known else _urn(f"entry/{number}")] = one["resource"]
        self._main, self._event = main, tag_of(main) or {}
        self._url = next(url for url, resource in self._given.items() if resource is main)
        self._entries: dict[str, Resource] = {}
        self._labels = list((main.get("meta") or {}).get("security") or [])

    def bundle(self) -> Resource:
        """Return the message Bundle."""
        for url, resource in self._given.items():
            self._unfold(url, resource)
        about = [
            self._url,
            *self._beside(),
            *(url for url, one in self._given.items() if one["resourceType"] not in _NOT_ABOUT and url != self._url),
        ]
        form = FORMS.get(str(self._event.get("code")))
        about.sort(key=lambda url: form is not None and self._entries[url]["resourceType"] != form.resource)
        header = self._header() | {"focus": [{"reference": url} for url in about]}
        message = next(one for one in self._main["identifier"] if one.get("system") == numbering("message"))
        said = {"identifier": message, **({"timestamp": header.pop("timestamp")} if "timestamp" in header else {})}
        entries = ({_urn("header"): header} | self._entries).items()
        return {"resourceType": "Bundle", "type": "message", **said, "entry": [{"fullUrl": url, "resource": one} for url, one in entries]}

    def _unfold(self, url: str, resource: Resource) -> None:
        inside = {f"#{one.get('id')}": f"urn:uuid:{one.get('id')}" for one in resource.get("contained") or []} | {"#": url}
        for one in resource.get("contained") or []:
            self._entries[f"urn:uuid:{one.get('id')}"] = self._labelled(self._led(one, inside))
        self._entries[url] = self._led({name: value for name, value in resource.items() if name != "contained"}, inside)
        self._versioned(self._entries[url])

    def _labelled(self, resource: Resource) -> Resource:
        """Give back the security label that an extension says, and count it off those of the whole."""
        marks = [one for one in resource.get("extension") or [] if one.get("url") == extension("protection")]
        if not marks:
            return resource
        labels = [{"system": SECURITY_LABEL, "code": PROTECTION.get(one.get("valueCode"), "")} for one in marks]
        rest = [one for one in resource["extension"] if one not in marks]
        bare = {name: value for name, value in resource.items() if name != "extension"}
        return {**bare, **({"extension": rest} if rest else {}), "meta": {"security": labels}}

    def _led(self, node: Any, inside: Mapping[str, str]) -> Any:
        """Return a part with its references leading to entries."""
        if isinstance(node, list):
            return [self._led(one, inside) for one in node]
        if not isinstance(node, dict):
            return node
        if isinstance(node.get("reference"), str):
            return {**node, "reference": inside.get(node["reference"], node["reference"])}
        if isinstance(node.get("type"), str) and isinstance(node.get("identifier"), dict) and node["identifier"].get("system") in _NUMBERS:
            return {"reference": self._named(node["type"], node["identifier"])}
        return {name: self._led(value, inside) for name, value in node.items()}

    def _named(self, kind: str, identifier: Resource) -> str:
        url = _urn(f"{kind}/{identifier.get('system')}/{identifier.get('value')}")
        if url not in self._entries:
            person = {"meta": {"security": self._labels}} if kind == "Patient" and self._labels else {}
            self._entries[url] = {"resourceType": kind, "id": url.removeprefix("urn:uuid:"), **person, "identifier": [identifier]}
        return url

    def _versioned(self, resource: Resource) -> None:
        """Let our version be the resource's again."""
        kind = resource["resourceType"]
        if kind in REPLACED:
            url = extension(REPLACED[kind])
            for one in [one for one in resource.get("extension") or [] if one.get("url") == url]:
                resource["meta"] = {**(resource.get("meta") or {}), "versionId": str(one.get("valuePositiveInt"))}
                resource["extension"] = [other for other in resource["extension"] if other is not one]

    def _beside(self) -> list[str]:
        """Return what else the message is about, where a single resource contains it, and take the references to it away."""
        main = self._entries[self._url]
        place = BESIDE.get(main["resourceType"], "")
        found = [one["reference"] for one in main.get(place) or [] if one.get("reference") in self._entries]
        rest = [one for one in main.get(place) or [] if one.get("reference") not in self._entries]
        if found:
            main.pop(place)
            main |= {place: rest} if rest else {}
        return found

    def _header(self) -> Resource:
        """Move the envelope from the resource to a header, with the time of sending beside it."""
        main = self._entries[self._url]
        header: Resource = {"resourceType": "MessageHeader", "eventCoding": self._event, "source": {"endpoint": BASE}}
        kept: list[Resource] = []
        for one in main.pop("extension", []):
            where = one.get("url")
            if where in _DESTINATION:
                header.setdefault("destination", []).append({"extension": [one], "endpoint": BASE})
            elif where in _NAMED:
                header[_NAMED[where]] = one.get("valueReference")
            elif where == _SENT_AT:
                header["timestamp"] = one.get("valueInstant")
            elif where in _ENVELOPE:
                header.setdefault("extension", []).append(one)
            else:
                kept.append(one)
        main |= {"extension": kept} if kept else {}
        return header


_ENVELOPE: Final = frozenset(extension(name) for name, one in EXTENSIONS.items() if "MessageHeader" in one.on)


def _urn(name: str) -> str:
    return f"urn:uuid:{uuid5(_SPACE, name)}"
