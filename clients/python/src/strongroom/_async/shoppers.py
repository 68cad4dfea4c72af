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
from .pages import AsyncPages
from .send import AsyncSend


class AsyncShoppers:
    """What shoppers ask, and the answers."""

    def __init__(self, send: AsyncSend) -> None:
        self._send = send

    async def open_request(
        self,
        request: NewPrivacyRequest,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> PrivacyRequest:
        """Opens the request of a shopper. The law that it names says until when it must be answered."""
        answer = await self._send(
            "POST",
            "/v1/requests",
            body=request,
            idempotency_key=idempotency_key,
            timeout=timeout,
            retries=retries,
        )
        data: PrivacyRequest = answer.data
        return data

    async def get_request(
        self,
        id: str,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> PrivacyRequest:
        """One request."""
        answer = await self._send(
            "GET",
            _request_path(id),
            timeout=timeout,
            retries=retries,
        )
        data: PrivacyRequest = answer.data
        return data

    async def change_request(
        self,
        id: str,
        change: PrivacyRequestChange,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> PrivacyRequest:
        """Records the proof of identity, who is in charge, and the outcome."""
        answer = await self._send(
            "PATCH",
            _request_path(id),
            body=change,
            repeats_by="nothing",
            timeout=timeout,
            retries=retries,
        )
        data: PrivacyRequest = answer.data
        return data

    async def report(
        self,
        request: CustomerReportRequest,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> bytes:
        """Everything that is held of a shopper and every disclosure of it: a zip with a page and with JSON."""
        answer = await self._send(
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

    async def erase(
        self,
        erasure: CustomerErasure,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> CustomerErased:
        """Erases all records of a customer; those that a hold keeps go once it is released."""
        answer = await self._send(
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
    ) -> AsyncPages[PrivacyRequest, PrivacyRequestPage]:
        """The requests that the caller may see, the oldest first."""

        async def read(after: str | None) -> PrivacyRequestPage:
            query = {**(filter or {}), "after": after}
            answer = await self._send("GET", "/v1/requests", query=query, timeout=timeout, retries=retries)
            data: PrivacyRequestPage = answer.data
            return data

        return AsyncPages(read, "requests")


def _request_path(id: str) -> str:
    return f"/v1/requests/{quote(id, safe='')}"
