"""What a document of SDK has to be before anybody reads it or hands it over: schema first, then the rules that Digg's schematrons state.

One module for each kind of document: `message` (messagePayload 3.0), `envelope` (XHE), `receipt` (ApplicationResponse). Each has its rules
as data: an id, and an XPath that finds what breaks it. A breach says which rule and where, in the terms in which SDK's receipts speak.
It must never say what stands there.
"""

from siphub_sdk.rules.breach import Breach, refuse_breaches
from siphub_sdk.rules.envelope import envelope_breaches
from siphub_sdk.rules.message import message_breaches
from siphub_sdk.rules.receipt import receipt_breaches

__all__ = ["Breach", "envelope_breaches", "message_breaches", "receipt_breaches", "refuse_breaches"]
