# Written by tools/write_sync.py from the async client. Change the source, not this file.
from __future__ import annotations

from urllib.parse import quote

from ..types import (
    ConsentChange,
    ConsentsChanged,
    PrivacyPolicy,
    ReceiptKeys,
)
from .send import Send

_PATH = "/v1/privacy-policy"


class Privacy:
    """The privacy policy, and what shoppers agree to."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def policy(
        self,
        version: str | None = None,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> PrivacyPolicy:
        """A version of the privacy policy; without one the newest."""
        answer = self._send(
            "GET",
            _PATH if version is None else f"{_PATH}/{quote(version, safe='')}",
            is_public=True,
            timeout=timeout,
            retries=retries,
        )
        data: PrivacyPolicy = answer.data
        return data

    def receipt_keys(
        self,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> ReceiptKeys:
        """The public keys of receipts of consents."""
        answer = self._send(
            "GET",
            f"{_PATH}/receipt-keys",
            is_public=True,
            timeout=timeout,
            retries=retries,
        )
        data: ReceiptKeys = answer.data
        return data

    def change_consents(
        self,
        change: ConsentChange,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> ConsentsChanged:
        """Gives and withdraws consents of a customer; the answer has a receipt for the shopper."""
        answer = self._send(
            "POST",
            "/v1/customers/consents",
            body=change,
            idempotency_key=idempotency_key,
            timeout=timeout,
            retries=retries,
        )
        data: ConsentsChanged = answer.data
        return data
