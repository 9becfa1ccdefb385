"""From an HTTP answer, or the lack of one, to an outcome: the table every adapter over HTTP shares.

| what came | outcome |
|---|---|
| 200 201 204 | Delivered; Uncertain `partner.unexpected_body` where a page or another media type came instead of what was expected |
| 202 | Accepted where receipts come later, else Delivered; the same check of the body |
| 409 | Delivered where the partner recognises the key (it has it already), else Rejected |
| 401 403 | Retry `partner.unauthorised`: an administrator must act, the message is in order |
| 404 410 | Retry `partner.not_found`: the address is wrong or the service is not up; the message is in order |
| 301 302 307 308 | Retry `partner.redirected`: never followed, the address must be changed; 303 is Uncertain (the request was taken) |
| 408 425 429, 5xx | Retry `partner.http_<status>`, not before Retry-After |
| 502 504 | Uncertain `partner.gateway`, not before Retry-After: what stands in between does not know whether it arrived |
| other 4xx, 400 413 415 422 among them | Rejected `partner.http_<status>` |
| anything else | Uncertain `partner.unexpected_status` |
| no answer, nothing sent | Retry with the failure's code |
| no answer, something sent | Uncertain with the failure's code; Retry where the partner's TLS refused our certificate |

No outcome carries a word of the partner's answer: it may repeat what was sent.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from siphub.contract.http import HttpAnswer, HttpFailure
from siphub.contract.outcome import Accepted, Delivered, Outcome, Rejected, Retry, Uncertain

LONGEST_WAIT = timedelta(days=1)
"""No Retry-After counts for more."""

_LATER = {408, 425, 429}
_ADMINISTRATOR = {
    401: "partner.unauthorised",
    403: "partner.unauthorised",
    404: "partner.not_found",
    410: "partner.not_found",
    301: "partner.redirected",
    302: "partner.redirected",
    307: "partner.redirected",
    308: "partner.redirected",
}
_UNKNOWN = {303: "partner.redirected", 502: "partner.gateway", 504: "partner.gateway"}


def outcome_of(
    result: HttpAnswer | HttpFailure,
    *,
    now: datetime,
    expects: Collection[str] = (),
    receipts_later: bool = False,
    idempotent: bool = False,
    partner_id: str | None = None,
) -> Outcome:
    """Say what one attempt led to.

    Args:
        result: What `Http` returned.
        now: The time, aware, for a Retry-After that is a date.
        expects: The media types a body may have on success; empty means anything but a web page. No body is always in order.
        receipts_later: 202 means that a receipt will come.
        idempotent: The partner recognises the key, so that 409 means it has it already.
        partner_id: The partner's own name for it, where the adapter has read one from the answer.
    """
    if isinstance(result, HttpFailure):
        return Uncertain(result.code) if result.sent and result.code != "partner.tls_refused" else Retry(result.code)
    match result.status:
        case 200 | 201 | 202 | 204 if not _as_expected(result, expects):
            return Uncertain("partner.unexpected_body")
        case 202 if receipts_later:
            return Accepted(partner_id)
        case 200 | 201 | 202 | 204:
            return Delivered(partner_id)
        case 409 if idempotent:
            return Delivered(partner_id)
        case status:
            return _not_taken(status, result, now)


def _not_taken(status: int, answer: HttpAnswer, now: datetime) -> Outcome:
    if status in _UNKNOWN:
        return Uncertain(_UNKNOWN[status], retry_after(answer, now))
    if status in _ADMINISTRATOR:
        return Retry(_ADMINISTRATOR[status], retry_after(answer, now))
    if status in _LATER or 500 <= status <= 599:  # noqa: PLR2004 - the class of server errors
        return Retry(f"partner.http_{status}", retry_after(answer, now))
    if 400 <= status <= 499:  # noqa: PLR2004 - the class of client errors
        return Rejected(f"partner.http_{status}", f"the partner answered {status}")
    return Uncertain("partner.unexpected_status")


def retry_after(answer: HttpAnswer, now: datetime) -> timedelta | None:
    """Read Retry-After, in seconds or as an HTTP date; None where there is none or it makes no sense, at most a day."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:6])), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(at - now, timedelta()), LONGEST_WAIT)


def _as_expected(answer: HttpAnswer, expects: Collection[str]) -> bool:
    """Judge the body of a success: a login page or a proxy's apology is none, whatever it calls itself."""
    if not answer.body:
        return True
    if expects and answer.media_type not in expects:
        return False
    page = answer.body[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype html", b"<html"))
    return "text/html" in expects or not (page or answer.media_type in {"text/html", "application/xhtml+xml"})
