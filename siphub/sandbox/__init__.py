"""Partner municipalities to try the hub against: TLS on loopback, each with a ledger of its own, and faults on request.

They validate what they receive with the mapping pack's schema and refuse what does not hold, as a real partner should. A ledger holds
what the partner saw, in its own words: it is what demo and tests compare the hub's view with.
The sandbox must never know the hub: it is a partner, not a part of it.
"""

from siphub.sandbox.certificate import Certificates, make_certificates
from siphub.sandbox.faults import Fault, Faults
from siphub.sandbox.ledger import Entry, Ledger
from siphub.sandbox.mail_room import Letter, MailRoom
from siphub.sandbox.partner import Partner
from siphub.sandbox.server import Sandbox

__all__ = ["Certificates", "Entry", "Fault", "Faults", "Ledger", "Letter", "MailRoom", "Partner", "Sandbox", "make_certificates"]
