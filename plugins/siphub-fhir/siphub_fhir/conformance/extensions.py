"""A StructureDefinition for every extension of ours: where it may stand, its type, its codes, its parts; with snapshot and differential."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from siphub_fhir.conformance.codes import OPEN
from siphub_fhir.conformance.heading import canonical, heading
from siphub_fhir.lens import Resource
from siphub_fhir.vocabulary import EXTENSIONS, Extension, extension

_SYSTEM_STRING: Final = "http://hl7.org/fhirpath/System.String"
_FHIR_TYPE: Final = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
_REFERENCE: Final = re.compile(r"Reference\((.+)\)")
_ATTRIBUTE: Final = {"representation": ["xmlAttr"]}
_HAS_VALUE: Final = {
    "key": "ele-1",
    "severity": "error",
    "human": "All FHIR elements must have a @value or children",
    "expression": "hasValue() or (children().count() > id.count())",
    "xpath": "@value|f:*|h:div",
    "source": "http://hl7.org/fhir/StructureDefinition/Element",
}
_VALUE_OR_PARTS: Final = {
    "key": "ext-1",
    "severity": "error",
    "human": "Must have either extensions or value[x], not both",
    "expression": "extension.exists() != value.exists()",
    "xpath": "exists(f:extension)!=exists(f:*[starts-with(local-name(.), 'value')])",
    "source": "http://hl7.org/fhir/StructureDefinition/Extension",
}


def structure_definitions() -> Iterator[Resource]:
    """Yield the StructureDefinitions, one for each extension; its parts stand in it."""
    for one in EXTENSIONS.values():
        if "/" not in one.name:
            yield _definition(one)


def _definition(one: Extension) -> Resource:
    elements = [_root(one), *_inside("Extension", "Extension", one, extension(one.name))]
    return heading("StructureDefinition", one.name, one.en, one.sv) | {
        "fhirVersion": "4.0.1",
        "kind": "complex-type",
        "abstract": False,
        "context": [{"type": "element", "expression": place} for place in one.on],
        "type": "Extension",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
        "derivation": "constraint",
        "snapshot": {"element": elements},
        "differential": {"element": [_changed(element) for element in elements if not element["id"].endswith(".id")]},
    }


def _root(one: Extension) -> Resource:
    base = {"path": "Extension", "min": 0, "max": "*"}
    words = {"short": one.en, "definition": f"{one.en}\n\n{one.sv}"}
    constraint = [_HAS_VALUE, _VALUE_OR_PARTS]
    return {"id": "Extension", "path": "Extension", **words, "min": 0, "max": one.most, "base": base, "constraint": constraint}


def _inside(path: str, identity: str, one: Extension, url: str) -> Iterator[Resource]:
    """Yield the elements of an extension, or of a part of one."""
    parts = [part for name, part in EXTENSIONS.items() if name.startswith(f"{one.name}/")]
    yield _element(path, identity, "id", "Identity of the element", _system("string"), most="1") | _ATTRIBUTE
    yield _element(path, identity, "extension", "Parts of the extension", [{"code": "Extension"}], most="*" if parts else "0") | {
        "slicing": {"discriminator": [{"type": "value", "path": "url"}], "ordered": False, "rules": "closed" if parts else "open"}
    }
    for part in parts:
        yield from _part(part)
    yield _element(path, identity, "url", "What it is", _system("uri"), least=1, most="1") | {**_ATTRIBUTE, "fixedUri": url}
    types = [{"code": "string"}] if parts else _types(one.kind)
    value = _element(path, identity, "value[x]", one.en, types, least=0 if parts else 1, most="0" if parts else "1")
    yield value | _binding(one)


def _part(part: Extension) -> Iterator[Resource]:
    name = part.name.partition("/")[2]
    path, identity = "Extension.extension", f"Extension.extension:{name}"
    base = {"path": "Element.extension", "min": 0, "max": "*"}
    words = {"sliceName": name, "short": part.en, "definition": f"{part.en}\n\n{part.sv}"}
    yield {"id": identity, "path": path, **words, "min": 0, "max": part.most, "base": base, "type": [{"code": "Extension"}]} | {
        "constraint": [_HAS_VALUE, _VALUE_OR_PARTS]
    }
    yield from _inside(path, identity, part, name)


_BASE: Final = {
    "id": ("Element.id", 0, "1"),
    "extension": ("Element.extension", 0, "*"),
    "url": ("Extension.url", 1, "1"),
    "value[x]": ("Extension.value[x]", 0, "1"),
}


def _element(path: str, identity: str, name: str, short: str, types: list[Any], *, least: int = 0, most: str) -> Resource:
    at, minimum, maximum = _BASE[name]
    return {
        "id": f"{identity}.{name}",
        "path": f"{path}.{name}",
        "short": short,
        "definition": short,
        "min": least,
        "max": most,
        "base": {"path": at, "min": minimum, "max": maximum},
        "type": types,
    }


def _system(kind: str) -> list[Resource]:
    return [{"extension": [{"url": _FHIR_TYPE, "valueUrl": kind}], "code": _SYSTEM_STRING}]


def _types(kind: str) -> list[Resource]:
    found = _REFERENCE.fullmatch(kind)
    if found is None:
        return [{"code": kind}]
    return [{"code": "Reference", "targetProfile": [f"http://hl7.org/fhir/StructureDefinition/{target}" for target in found[1].split()]}]


def _binding(one: Extension) -> Resource:
    if not one.codes:
        return {}
    return {"binding": {"strength": "example" if one.codes in OPEN else "required", "valueSet": canonical("ValueSet", one.codes)}}


def _changed(element: Resource) -> Resource:
    """Return what an element says that R4's own Extension does not."""
    left = {"base", "constraint", "representation"} | (
        {"type"} if element["id"].endswith((".extension", ".url")) or element["max"] == "0" else set()
    )
    return {name: value for name, value in element.items() if name not in left}
