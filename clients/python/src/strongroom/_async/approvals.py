from __future__ import annotations

from urllib.parse import quote

from ..types import (
    Approval,
    ApprovalDecision,
    ApprovalFilter,
    ApprovalPage,
    ShownApproval,
)
from .pages import AsyncPages
from .send import AsyncSend


class AsyncApprovals:
    """Releases that wait for a second person, or for a review."""

    def __init__(self, send: AsyncSend) -> None:
        self._send = send

    async def get(
        self,
        approval: str,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> ShownApproval:
        """One request: who asks for which fields of which record, why, and the record masked."""
        answer = await self._send(
            "GET",
            _approval_path(approval),
            timeout=timeout,
            retries=retries,
        )
        data: ShownApproval = answer.data
        return data

    async def approve(
        self,
        approval: str,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> ApprovalDecision:
        """The caller of the request may see the data once, within 15 minutes."""
        answer = await self._send(
            "POST",
            f"{_approval_path(approval)}/approve",
            repeats_by="nothing",
            timeout=timeout,
            retries=retries,
        )
        data: ApprovalDecision = answer.data
        return data

    async def refuse(
        self,
        approval: str,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> ApprovalDecision:
        """The caller of the request does not see the data."""
        answer = await self._send(
            "POST",
            f"{_approval_path(approval)}/refuse",
            repeats_by="nothing",
            timeout=timeout,
            retries=retries,
        )
        data: ApprovalDecision = answer.data
        return data

    async def review(
        self,
        approval: str,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> ApprovalDecision:
        """Records that a release that did not wait was reviewed."""
        answer = await self._send(
            "POST",
            f"{_approval_path(approval)}/review",
            repeats_by="nothing",
            timeout=timeout,
            retries=retries,
        )
        data: ApprovalDecision = answer.data
        return data

    def list(
        self,
        filter: ApprovalFilter | None = None,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> AsyncPages[Approval, ApprovalPage]:
        """Those that the filter asks for; without one all open ones."""

        async def read(after: str | None) -> ApprovalPage:
            query = {**(filter or {}), "after": after}
            answer = await self._send("GET", "/v1/approvals", query=query, timeout=timeout, retries=retries)
            data: ApprovalPage = answer.data
            return data

        return AsyncPages(read, "approvals")


def _approval_path(approval: str) -> str:
    return f"/v1/approvals/{quote(approval, safe='')}"
