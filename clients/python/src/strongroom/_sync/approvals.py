# Written by tools/write_sync.py from the async client. Change the source, not this file.
from __future__ import annotations

from urllib.parse import quote

from ..types import (
    Approval,
    ApprovalDecision,
    ApprovalFilter,
    ApprovalPage,
    ShownApproval,
)
from .pages import Pages
from .send import Send


class Approvals:
    """Releases that wait for a second person, or for a review."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def get(
        self,
        approval: str,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> ShownApproval:
        """One request: who asks for which fields of which record, why, and the record masked."""
        answer = self._send(
            "GET",
            _approval_path(approval),
            timeout=timeout,
            retries=retries,
        )
        data: ShownApproval = answer.data
        return data

    def approve(
        self,
        approval: str,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> ApprovalDecision:
        """The caller of the request may see the data once, within 15 minutes."""
        answer = self._send(
            "POST",
            f"{_approval_path(approval)}/approve",
            repeats_by="nothing",
            timeout=timeout,
            retries=retries,
        )
        data: ApprovalDecision = answer.data
        return data

    def refuse(
        self,
        approval: str,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> ApprovalDecision:
        """The caller of the request does not see the data."""
        answer = self._send(
            "POST",
            f"{_approval_path(approval)}/refuse",
            repeats_by="nothing",
            timeout=timeout,
            retries=retries,
        )
        data: ApprovalDecision = answer.data
        return data

    def review(
        self,
        approval: str,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> ApprovalDecision:
        """Records that a release that did not wait was reviewed."""
        answer = self._send(
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
    ) -> Pages[Approval, ApprovalPage]:
        """Those that the filter asks for; without one all open ones."""

        def read(after: str | None) -> ApprovalPage:
            query = {**(filter or {}), "after": after}
            answer = self._send("GET", "/v1/approvals", query=query, timeout=timeout, retries=retries)
            data: ApprovalPage = answer.data
            return data

        return Pages(read, "approvals")


def _approval_path(approval: str) -> str:
    return f"/v1/approvals/{quote(approval, safe='')}"
