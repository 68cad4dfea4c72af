from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from ..types import (
    Checkout,
    CheckoutSession,
    CheckoutSessionRequest,
    KeptSecurityCode,
    OpenedCheckoutSession,
    SecurityCode,
    TokenizedBatch,
    TokenizedCheckout,
)
from .send import AsyncSend


class AsyncCheckouts:
    """Stores what a shopper entered."""

    def __init__(self, send: AsyncSend) -> None:
        self._send = send

    async def tokenize(
        self,
        checkout: Checkout,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> TokenizedCheckout:
        """Stores the parts of a checkout, all or none, and gives their tokens and masked views."""
        answer = await self._send(
            "POST",
            "/v1/tokenize",
            body=checkout,
            idempotency_key=idempotency_key,
            timeout=timeout,
            retries=retries,
        )
        data: TokenizedCheckout = answer.data
        return data

    async def tokenize_many(
        self,
        checkouts: Sequence[Checkout],
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> TokenizedBatch:
        """Stores up to 1,000 checkouts. Each succeeds or fails by itself, with its own status."""
        answer = await self._send(
            "POST",
            "/v1/tokenize/batch",
            body={"items": list(checkouts)},
            idempotency_key=idempotency_key,
            timeout=timeout,
            retries=retries,
        )
        data: TokenizedBatch = answer.data
        return data

    async def open_session(
        self,
        session: CheckoutSessionRequest,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> OpenedCheckoutSession:
        """Opens a session in which the shopper's browser stores one checkout.

        It is repeated only when the vault says that it has opened none.
        """
        answer = await self._send(
            "POST",
            "/v1/checkout-sessions",
            body=session,
            repeats_by="nothing",
            timeout=timeout,
            retries=retries,
        )
        data: OpenedCheckoutSession = answer.data
        return data

    async def get_session(
        self,
        id: str,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> CheckoutSession:
        """The state of a session, with the tokens of what the shopper stored."""
        answer = await self._send(
            "GET",
            f"/v1/checkout-sessions/{quote(id, safe='')}",
            timeout=timeout,
            retries=retries,
        )
        data: CheckoutSession = answer.data
        return data

    async def keep_security_code(
        self,
        code: SecurityCode,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> KeptSecurityCode:
        """Keeps the security code of a card for one forward.

        It is repeated only when the vault says that it has kept none.
        """
        answer = await self._send(
            "POST",
            "/v1/security-codes",
            body=code,
            repeats_by="nothing",
            timeout=timeout,
            retries=retries,
        )
        data: KeptSecurityCode = answer.data
        return data
