from __future__ import annotations

from urllib.parse import quote

from ..types import (
    ConsentChange,
    ConsentsChanged,
    PrivacyPolicy,
    ReceiptKeys,
)
from .send import AsyncSend

_PATH = "/v1/privacy-policy"


class AsyncPrivacy:
    """The privacy policy, and what shoppers agree to."""

    def __init__(self, send: AsyncSend) -> None:
        self._send = send

    async def policy(
        self,
        version: str | None = None,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> PrivacyPolicy:
        """A version of the privacy policy; without one the newest."""
        answer = await self._send(
            "GET",
            _PATH if version is None else f"{_PATH}/{quote(version, safe='')}",
            is_public=True,
            timeout=timeout,
            retries=retries,
        )
        data: PrivacyPolicy = answer.data
        return data

    async def receipt_keys(
        self,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> ReceiptKeys:
        """The public keys of receipts of consents."""
        answer = await self._send(
            "GET",
            f"{_PATH}/receipt-keys",
            is_public=True,
            timeout=timeout,
            retries=retries,
        )
        data: ReceiptKeys = answer.data
        return data

    async def change_consents(
        self,
        change: ConsentChange,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> ConsentsChanged:
        """Gives and withdraws consents of a customer; the answer has a receipt for the shopper."""
        answer = await self._send(
            "POST",
            "/v1/customers/consents",
            body=change,
            idempotency_key=idempotency_key,
            timeout=timeout,
            retries=retries,
        )
        data: ConsentsChanged = answer.data
        return data
