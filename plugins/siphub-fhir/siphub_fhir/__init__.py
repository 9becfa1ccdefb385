"""SIP messages to and from FHIR servers: R4 (4.0.1) message Bundles to `$process-message`, transactions or single resources, over HTTPS.

    name        fhir
    kinds       activity.status, coordinator.changed, delivery.failed, followup.held, followup.summoned, inpatient.admitted, inpatient.discharge_ready, inpatient.discharge_ready.revoked, inpatient.discharged, lss.established, meeting.cancelled, meeting.held, meeting.invited, meeting.reminder, meeting.rescheduled, meeting.response, meeting.summoned, message.forwarded, message.misdirected, plan.closed, plan.commitment.confirmed, plan.commitment.rejected, plan.established, plan.proposed, plan.revised, process.interrupted, sip.initiated, sip.proposed, sip.request.answered, sip.requested, splptlrv.established, stop.notice
    media type  application/fhir+json
    receipts    immediate
    idempotent  yes
    ordered     yes
    recall      by a further message
    max bytes   8388608
    mapping     none
    settings    source, careplan_profile, timeout_seconds, clients
    receiver    named inside: MessageHeader.destination, or an extension of the resource; several units may have one address

The answer to the request is the receipt: an OperationOutcome in it is read, and none of its words is kept. A repeat has the same Bundle.id,
MessageHeader.id and `Idempotency-Key`, or finds what the first one made by its identifier. The plugin's reader takes such Bundles back, and foreign CarePlans and Appointments as drafts.
It must never send what R4 forbids, never fill in what a cut left out, and never take a Consent in a document for a grant.
"""

from siphub.contract import PluginContext, hookimpl
from siphub_fhir.deliver import Fhir
from siphub_fhir.door import FhirDoor
from siphub_fhir.reader import FhirReader

__all__ = ["Fhir", "FhirDoor", "FhirReader"]


@hookimpl
def siphub_adapters(context: PluginContext) -> list[Fhir]:
    """Give the hub the one adapter."""
    return [Fhir(context)]


@hookimpl
def siphub_readers(context: PluginContext) -> list[FhirReader]:
    """Give the hub the one reader, with its door."""
    return [FhirDoor(context)]
