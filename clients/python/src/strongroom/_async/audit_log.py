from __future__ import annotations

from urllib.parse import quote

from ..types import (
    AuditEvent,
    AuditEventPage,
    EventFilter,
    MinimumIndex,
    Receipt,
)
from .pages import AsyncPages
from .send import AsyncSend


class AsyncAuditLog:
    """Reads the audit log and what proves it."""

    def __init__(self, send: AsyncSend) -> None:
        self._send = send

    async def receipt(
        self,
        event: str,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> Receipt:
        """What proves without the vault that an event is in the log."""
        answer = await self._send(
            "GET",
            f"/v1/audit/events/{quote(event, safe='')}/receipt",
            timeout=timeout,
            retries=retries,
        )
        data: Receipt = answer.data
        return data

    async def checkpoint(
        self,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> str:
        """The latest checkpoint, a signed note (C2SP tlog-checkpoint)."""
        answer = await self._send(
            "GET",
            "/v1/audit/checkpoint",
            answer="text",
            timeout=timeout,
            retries=retries,
        )
        data: str = answer.data
        return data

    async def minimum_index(
        self,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> MinimumIndex:
        """The first entry that is still published."""
        answer = await self._send(
            "GET",
            "/v1/audit/minimum-index",
            timeout=timeout,
            retries=retries,
        )
        data: MinimumIndex = answer.data
        return data

    async def tile(
        self,
        path: str,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> bytes:
        """A tile of hashes or of entries (C2SP tlog-tiles), by its path: `0/000`, `entries/000.p/12`."""
        answer = await self._send(
            "GET",
            f"/v1/audit/tile/{quote(path)}",
            answer="bytes",
            timeout=timeout,
            retries=retries,
        )
        data: bytes = answer.data
        return data

    def events(
        self,
        filter: EventFilter | None = None,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> AsyncPages[AuditEvent, AuditEventPage]:
        """Events in the order of time. Reading a page is an event too."""

        async def read(after: str | None) -> AuditEventPage:
            query = {**(filter or {}), "after": after}
            answer = await self._send("GET", "/v1/audit/events", query=query, timeout=timeout, retries=retries)
            data: AuditEventPage = answer.data
            return data

        return AsyncPages(read, "events")
