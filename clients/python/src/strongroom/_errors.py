from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from .types import InputError


class VaultProblem(Exception):
    """The vault, or a proxy before it, answered with an error.

    Decide by `code`. The message and all members are free of what was sent.
    """

    def __init__(self, status: int, headers: Mapping[str, str], document: Mapping[str, Any]) -> None:
        self.status = status
        #: Stable, unlike the title. `unknown-answer` when the answer was no problem document, as of a proxy.
        self.code: str = document.get("code", "unknown-answer")
        title = document.get("title", f"the answer has the status {status}")
        self.title: str = title
        self.detail: str | None = document.get("detail")
        #: What is wrong in the body of the request, with JSON pointers; empty if nothing is known.
        self.errors: list[InputError] = document.get("errors", [])
        #: The request that waits for a second person, with `approval-required`.
        self.approval: str | None = document.get("approval")
        #: The id under which the vault has this request in its log and its audit event.
        self.request_id: str | None = headers.get("request-id", document.get("request_id"))
        #: When it is worth asking again. The client has waited and retried already, as long as its time-out allowed.
        self.retry_after: float | None = _seconds_of(headers.get("retry-after"))
        #: Send the same call with this key to repeat it safely.
        self.idempotency_key: str | None = None
        #: How many requests were sent for this call.
        self.attempts = 1
        text = title if self.detail is None else f"{title}: {self.detail}"
        super().__init__(f"{text} ({status} {self.code})")


class VaultUnreachable(Exception):
    """No complete answer came.

    The vault may have done what was asked: a call with the same idempotency key finds out, and does nothing twice.
    """

    def __init__(self, reason: Literal["timeout", "connection", "certificate"], message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.idempotency_key: str | None = None
        self.attempts = 1


def _seconds_of(retry_after: str | None) -> float | None:
    """RFC 9110 section 10.2.3: seconds, or a date."""
    if retry_after is None:
        return None
    if retry_after.isdigit():
        return float(retry_after)
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (at - datetime.now(timezone.utc)).total_seconds())
