# Written by tools/write_sync.py from the async client. Change the source, not this file.
from __future__ import annotations

from urllib.parse import quote

from ..types import (
    AuditEvent,
    AuditEventPage,
    EventFilter,
    MinimumIndex,
    Receipt,
)
from .pages import Pages
from .send import Send


class AuditLog:
    """Reads the audit log and what proves it."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def receipt(
        self,
        event: str,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> Receipt:
        """What proves without the vault that an event is in the log."""
        answer = self._send(
            "GET",
            f"/v1/audit/events/{quote(event, safe='')}/receipt",
            timeout=timeout,
            retries=retries,
        )
        data: Receipt = answer.data
        return data

    def checkpoint(
        self,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> str:
        """The latest checkpoint, a signed note (C2SP tlog-checkpoint)."""
        answer = self._send(
            "GET",
            "/v1/audit/checkpoint",
            answer="text",
            timeout=timeout,
            retries=retries,
        )
        data: str = answer.data
        return data

    def minimum_index(
        self,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> MinimumIndex:
        """The first entry that is still published."""
        answer = self._send(
            "GET",
            "/v1/audit/minimum-index",
            timeout=timeout,
            retries=retries,
        )
        data: MinimumIndex = answer.data
        return data

    def tile(
        self,
        path: str,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> bytes:
        """A tile of hashes or of entries (C2SP tlog-tiles), by its path: `0/000`, `entries/000.p/12`."""
        answer = self._send(
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
    ) -> Pages[AuditEvent, AuditEventPage]:
        """Events in the order of time. Reading a page is an event too."""

        def read(after: str | None) -> AuditEventPage:
            query = {**(filter or {}), "after": after}
            answer = self._send("GET", "/v1/audit/events", query=query, timeout=timeout, retries=retries)
            data: AuditEventPage = answer.data
            return data

        return Pages(read, "events")
