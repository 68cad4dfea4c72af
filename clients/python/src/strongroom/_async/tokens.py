from __future__ import annotations

from urllib.parse import quote

from ..types import (
    Correction,
    Erasure,
    ForwardAnswer,
    ForwardPreview,
    ForwardRequest,
    MaskedRecord,
    MatchAnswer,
    MatchRequest,
    PartnerRelease,
    PartnerReleaseRequest,
    Release,
    RevealManyRequest,
    RevealRequest,
    RevealResults,
    SearchRequest,
    SearchResults,
)
from .send import AsyncSend


class AsyncTokens:
    """Works with stored records by their tokens."""

    def __init__(self, send: AsyncSend) -> None:
        self._send = send

    async def get(
        self,
        token: str,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> MaskedRecord:
        """The masked view of a record."""
        answer = await self._send(
            "GET",
            _token_path(token),
            timeout=timeout,
            retries=retries,
        )
        data: MaskedRecord = answer.data
        return data

    async def reveal(
        self,
        token: str,
        request: RevealRequest,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> Release:
        """Releases the granted fields of a record for a purpose."""
        answer = await self._send(
            "POST",
            f"{_token_path(token)}/reveal",
            body=request,
            idempotency_key=idempotency_key,
            timeout=timeout,
            retries=retries,
        )
        data: Release = answer.data
        return data

    async def release(
        self,
        token: str,
        request: PartnerReleaseRequest,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> PartnerRelease:
        """Releases the granted fields of a record to the key of a partner: the answer has them as a JWE."""
        answer = await self._send(
            "POST",
            f"{_token_path(token)}/release",
            body=request,
            idempotency_key=idempotency_key,
            timeout=timeout,
            retries=retries,
        )
        data: PartnerRelease = answer.data
        return data

    async def reveal_many(
        self,
        request: RevealManyRequest,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> RevealResults:
        """Releases up to 100 records for one purpose, each with its own status."""
        answer = await self._send(
            "POST",
            "/v1/reveal",
            body=request,
            idempotency_key=idempotency_key,
            timeout=timeout,
            retries=retries,
        )
        data: RevealResults = answer.data
        return data

    async def forward(
        self,
        request: ForwardRequest,
        *,
        idempotency_key: str,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> ForwardAnswer:
        """Sends records to a destination of the vault, and gives what it answered.

        The key is that of the payment, such as the id of the order: after an answer that was lost the same key sends
        nothing again. `resend` in the request does.
        """
        answer = await self._send(
            "POST",
            "/v1/forward",
            body=request,
            idempotency_key=idempotency_key,
            timeout=timeout,
            retries=retries,
        )
        data: ForwardAnswer = answer.data
        return data

    async def preview_forward(
        self,
        request: ForwardRequest,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> ForwardPreview:
        """The request that `forward` would send, with its values masked. Nothing is sent."""
        answer = await self._send(
            "POST",
            "/v1/forward",
            body={**request, "dry_run": True},
            timeout=timeout,
            retries=retries,
        )
        data: ForwardPreview = answer.data
        return data

    async def match(
        self,
        token: str,
        comparison: MatchRequest,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> MatchAnswer:
        """Says whether a record equals values or another record, without releasing either."""
        answer = await self._send(
            "POST",
            f"{_token_path(token)}/match",
            body=comparison,
            idempotency_key=idempotency_key,
            timeout=timeout,
            retries=retries,
        )
        data: MatchAnswer = answer.data
        return data

    async def search(
        self,
        search: SearchRequest,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> SearchResults:
        """Finds records by the exact customer, e-mail address, telephone number or card number."""
        answer = await self._send(
            "POST",
            "/v1/search",
            body=search,
            idempotency_key=idempotency_key,
            timeout=timeout,
            retries=retries,
        )
        data: SearchResults = answer.data
        return data

    async def correct(
        self,
        token: str,
        correction: Correction,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> MaskedRecord:
        """Corrects an address, a contact or the expiry of a card; None removes an optional field.

        It takes no idempotency key, so it is not sent again when its answer is lost.
        """
        answer = await self._send(
            "PATCH",
            _token_path(token),
            body=correction,
            timeout=timeout,
            retries=retries,
        )
        data: MaskedRecord = answer.data
        return data

    async def erase(
        self,
        token: str,
        reason: Erasure | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> None:
        """Erases a record with all its versions, and says why."""
        await self._send(
            "POST",
            f"{_token_path(token)}/erase",
            body=reason or {},
            answer="nothing",
            idempotency_key=idempotency_key,
            timeout=timeout,
            retries=retries,
        )

    async def delete(
        self,
        token: str,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> None:
        """The same without a reason, as a DELETE. It is not sent again when its answer is lost: prefer `erase`."""
        await self._send(
            "DELETE",
            _token_path(token),
            answer="nothing",
            timeout=timeout,
            retries=retries,
        )


def _token_path(token: str) -> str:
    return f"/v1/tokens/{quote(token, safe='')}"
