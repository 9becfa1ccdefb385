"""From a cut to the municipality's bytes: neutral XML, the pack's stylesheet and code tables, then the pack's own schema.

Pure: no network and no clock of its own; a pack is read when it is first used, and kept. It must never return bytes that its schema refuses.
"""

from __future__ import annotations

from typing import Final

from siphub.contract import Cut, MappingError, MappingPack, Mappings, Payload, Recipient, Render
from siphub.contract.neutral import forms_wanted, written
from siphub_municipal_xml.settings import MunicipalXmlSettings

MEDIA_TYPE: Final = "application/xml"
MAX_BYTES: Final = 8 * 1024 * 1024
PLUGIN: Final = "siphub-municipal-xml@0.1.0"
"""What a payload says it was made by; a test keeps it at the distribution's version."""


def pack_for(recipient: Recipient, mappings: Mappings, settings: MunicipalXmlSettings) -> MappingPack:
    """Return the pack a recipient uses: `version` or `pack@version` in its directory entry, else what the settings say.

    Raises:
        MappingError: There is no such pack.
    """
    if not recipient.mapping:
        return mappings.load(settings.pack, settings.version)
    pack, at, version = recipient.mapping.rpartition("@")
    if not at and not version[:1].isdigit():
        raise MappingError(f"a mapping is a version or PACK@VERSION, such as {version}@1.0", code="mapping.not_found")
    return mappings.load(pack if at else settings.pack, version)


def translated(cut: Cut, pack: MappingPack, render: Render) -> Payload:
    """Return the payload for a cut; `render` makes the document for people, where the pack wants one.

    Raises:
        MappingError: `mapping.unrepresentable`, `mapping.too_large`, `mapping.invalid_output`, or what the pack says.
    """
    made = written(pack, cut.document, {form: render(cut, form) for form in sorted(forms_wanted(pack))})
    if made.problems:
        raise MappingError(
            f"the XML that {pack.id}@{pack.version} makes of a {cut.message_type} does not hold to its own schema: {made.problems[0]}",
            code="mapping.invalid_output",
        )
    if len(made.body) > MAX_BYTES:
        raise MappingError(f"the XML made from this message is larger than {MAX_BYTES} bytes", code="mapping.too_large")
    return Payload(made.body, MEDIA_TYPE, plugin=PLUGIN, mapping=f"{pack.id}@{pack.version}")
