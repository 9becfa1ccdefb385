"""The SIP in types: everything a message can say, frozen and strict. Imports nothing of siphub but the errors."""

from siphub.model.base import Instant, Line, Phone, Text, Value
from siphub.model.caller import Caller
from siphub.model.directory import Address, Agreement, Directory, Organisation, Unit
from siphub.model.envelope import BasisClaim, Content, Message, MessageType, Sender
from siphub.model.messages import CATALOGUE
from siphub.model.person import Author, Person, StaffMember, UnitContact
from siphub.model.reading import model_of, parse_message, read_stored
from siphub.model.samples import sample, sample_directory

__all__ = [
    "CATALOGUE",
    "Address",
    "Agreement",
    "Author",
    "BasisClaim",
    "Caller",
    "Content",
    "Directory",
    "Instant",
    "Line",
    "Message",
    "MessageType",
    "Organisation",
    "Person",
    "Phone",
    "Sender",
    "StaffMember",
    "Text",
    "Unit",
    "UnitContact",
    "Value",
    "model_of",
    "parse_message",
    "read_stored",
    "sample",
    "sample_directory",
]
