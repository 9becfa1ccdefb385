"""R4's table, `r4.json`, is what HL7's own definitions make: nobody has changed it by hand, and what makes it has not moved away from it."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest


def maker() -> ModuleType:
    """Return the program that writes the table."""
    spec = spec_from_file_location("make_r4_table", Path(__file__).with_name("make_r4_table.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.node
@pytest.mark.reference
def test_the_table_is_what_the_definitions_make(reference: Path, fhir_definitions: Path) -> None:
    """Made anew from the definitions and R4's schema, the table is the file, line by line."""
    make = maker()
    made = make.table(fhir_definitions, reference / "data/fhir/r4-schema/fhir-single.xsd")
    assert made.splitlines() == make.TABLE.read_text("utf-8").splitlines()
