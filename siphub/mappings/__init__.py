"""Mapping packs: how a partner's words and structures relate to ours, as data that is reviewed like code.

A pack lies in `<folder>/<id>/<version>/`: `mapping.toml` (the manifest), `*.xsl` (structure), `schema/*.xsd`, `codes.csv`, `golden/`. Every file
is read once and compared with the checksum in the manifest, and what was compared is what is used. A code without a row is an error, never a
default. Sheets and schemas open nothing: no file, no network, no DTD, no clock. No error repeats a word of the document under translation.
"""

from siphub.mappings.approval import REMEDY, Approvals, Standing
from siphub.mappings.comparison import Comparison, compared
from siphub.mappings.drafting import approve, begin, confirm, write_golden
from siphub.mappings.manifest import MANIFEST, Manifest, checksums, shipped
from siphub.mappings.pack import CODES, Pack, compiled
from siphub.mappings.schema_page import schema_page
from siphub.mappings.shelf import Mappings, Shelved, changed, load_folder
from siphub.mappings.trial import Finding, Loss, Trial, findings, neutral, readable, tried

__all__ = [
    "CODES",
    "MANIFEST",
    "REMEDY",
    "Approvals",
    "Comparison",
    "Finding",
    "Loss",
    "Manifest",
    "Mappings",
    "Pack",
    "Shelved",
    "Standing",
    "Trial",
    "approve",
    "begin",
    "changed",
    "checksums",
    "compared",
    "compiled",
    "confirm",
    "findings",
    "load_folder",
    "neutral",
    "readable",
    "schema_page",
    "shipped",
    "tried",
    "write_golden",
]
