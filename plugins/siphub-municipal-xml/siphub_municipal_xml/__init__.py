"""SIP messages to and from municipal systems: XML by a mapping pack, one POST over HTTPS, or one file in a folder or on a server over SFTP.

    name        municipal-xml
    kinds       all
    media type  application/xml
    receipts    by address: immediate, or later where the entry owes a receipt file or message
    idempotent  yes
    ordered     yes
    recall      by a further message
    max bytes   8388608
    mapping     municipal-sip
    settings    pack, version, timeout_seconds, root, clients, logins

The answer to the POST is the receipt, and a file that is there counts as delivered; where the entry's option `receipt` says so, a file or a
message of the partner's is waited for instead. The partner recognises the header `Idempotency-Key`, so a repeat does no harm, and answers
`GET <endpoint>/<key>` when it is asked whether a key arrived; a file has the same name each time. Answers are fetched from where the entry's
option `answers` says, and believed as that organisation's. The plugin's reader takes the same XML the other way.
It must never send what its own schema refuses, and never fill in what a cut left out.
"""

from siphub.contract import PluginContext, hookimpl
from siphub_municipal_xml.deliver import MunicipalXml
from siphub_municipal_xml.reader import MunicipalXmlReader

__all__ = ["MunicipalXml", "MunicipalXmlReader"]


@hookimpl
def siphub_adapters(context: PluginContext) -> list[MunicipalXml]:
    """Give the hub the one adapter."""
    return [MunicipalXml(context)]


@hookimpl
def siphub_readers(context: PluginContext) -> list[MunicipalXmlReader]:
    """Give the hub the one reader."""
    return [MunicipalXmlReader(context)]
