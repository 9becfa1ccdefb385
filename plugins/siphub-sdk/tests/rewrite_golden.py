"""Writes golden/*.json anew, what an agency gets of each kind: run it, read the difference, and only then keep it."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

from siphub.contract import Cut, Recipient
from siphub.model import people as p
from siphub.model import sample, sample_directory
from siphub.policy import disclosure
from siphub_sdk.settings import read_settings
from siphub_sdk.translate import translated
from siphub_sdk.wording import LABELS


def agency_cut(name: str, *, maximal: bool) -> Cut:
    """Return what policy lets FK see, as test_messages.py has it."""
    rule = disclosure.rule_for(name, ("agency",))
    assert rule is not None
    covered = disclosure.Covered(rule.bases[0], frozenset({"information_exchange"} if maximal else ()))
    message = sample(name, maximal=maximal)
    return disclosure.cut(message, rule, recipient=p.FK, covered=covered, directory=sample_directory(), consent=message.consent_statement)


if __name__ == "__main__":
    folder = Path(__file__).parent / "golden"
    settings = read_settings({"senders": f"{p.MUNICIPALITY} 0203:norrby.example sdk:sip:0203:norrby.example Norrby kommun"})
    options = {"participant": "0203:forsakringskassan.example"}
    address = "sdk:sip:0203:forsakringskassan.example"
    there = Recipient(p.FK, p.FORSAKRINGSKASSAN, "Försäkringskassan", "sdk", address, None, options)
    for name, maximal in product(LABELS, (False, True)):
        body = translated(agency_cut(name, maximal=maximal), there, settings).body
        file = folder / f"{name}.{'maximal' if maximal else 'minimal'}.json"
        file.write_text(json.dumps(json.loads(body), ensure_ascii=False, indent=2) + "\n", "utf-8")
