# Written by tools/write_sync.py from the async client. Change the source, not this file.
from __future__ import annotations

from urllib.parse import quote

from ..types import (
    CustomerErased,
    CustomerErasure,
    CustomerReportRequest,
    NewPrivacyRequest,
    PrivacyRequest,
    PrivacyRequestChange,
    PrivacyRequestFilter,
    PrivacyRequestPage,
)
from .pages import Pages
from .send import Send


class Shoppers:
    """What shoppers ask, and the answers."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def open_request(
        self,
        request: NewPrivacyRequest,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> PrivacyRequest:
        """Opens the request of a shopper. The law that it names says until when it must be answered."""
        answer = self._send(
            "POST",
            "/v1/requests",
            body=request,
            idempotency_key=idempotency_key,
            timeout=timeout,
            retries=retries,
        )
        data: PrivacyRequest = answer.data
        return data

    def get_request(
        self,
        id: str,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> PrivacyRequest:
        """One request."""
        answer = self._send(
            "GET",
            _request_path(id),
            timeout=timeout,
            retries=retries,
        )
        data: PrivacyRequest = answer.data
        return data

    def change_request(
        self,
        id: str,
        change: PrivacyRequestChange,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> PrivacyRequest:
        """Records the proof of identity, who is in charge, and the outcome."""
        answer = self._send(
            "PATCH",
            _request_path(id),
            body=change,
            repeats_by="nothing",
            timeout=timeout,
            retries=retries,
        )
        data: PrivacyRequest = answer.data
        return data

    def report(
        self,
        request: CustomerReportRequest,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> bytes:
        """Everything that is held of a shopper and every disclosure of it: a zip with a page and with JSON."""
        answer = self._send(
            "POST",
            "/v1/customers/report",
            body=request,
            answer="bytes",
            repeats_by="nothing",
            timeout=timeout,
            retries=retries,
        )
        data: bytes = answer.data
        return data

    def erase(
        self,
        erasure: CustomerErasure,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> CustomerErased:
        """Erases all records of a customer; those that a hold keeps go once it is released."""
        answer = self._send(
            "POST",
            "/v1/customers/erase",
            body=erasure,
            idempotency_key=idempotency_key,
            timeout=timeout,
            retries=retries,
        )
        data: CustomerErased = answer.data
        return data

    def requests(
        self,
        filter: PrivacyRequestFilter | None = None,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> Pages[PrivacyRequest, PrivacyRequestPage]:
        """The requests that the caller may see, the oldest first."""

        def read(after: str | None) -> PrivacyRequestPage:
            query = {**(filter or {}), "after": after}
            answer = self._send("GET", "/v1/requests", query=query, timeout=timeout, retries=retries)
            data: PrivacyRequestPage = answer.data
            return data

        return Pages(read, "requests")


def _request_path(id: str) -> str:
    return f"/v1/requests/{quote(id, safe='')}"
