"""Writes golden/*.json anew, one for each sample: run it, read the difference, and only then keep it."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

from siphub.contract import Recipient
from siphub.model import people as p
from siphub.model import sample
from siphub.testing.samples import whole_cut
from siphub_fhir.message import FORMS
from siphub_fhir.settings import FhirSettings
from siphub_fhir.translate import translated

if __name__ == "__main__":
    folder = Path(__file__).parent / "golden"
    folder.mkdir(exist_ok=True)
    there = Recipient(p.HOME_CARE, p.MUNICIPALITY, "Norrby kommun", "fhir", "https://region.example/fhir/$process-message")
    for name, maximal in product(FORMS, (False, True)):
        body = translated(whole_cut(sample(name, maximal=maximal)), there, FhirSettings()).body
        file = folder / f"{name}.{'maximal' if maximal else 'minimal'}.json"
        file.write_text(json.dumps(json.loads(body), ensure_ascii=False, indent=1) + "\n", "utf-8")
