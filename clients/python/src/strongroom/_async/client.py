from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

import httpx

from .._request import ATTEMPT_TIMEOUT, RETRIES, TIMEOUT, Answer, AnswerForm, Credentials, GivenToken, Method, RepeatsBy
from .._server_clock import ServerClock
from .access_tokens import AsyncAccessTokens
from .approvals import AsyncApprovals
from .audit_log import AsyncAuditLog
from .checkouts import AsyncCheckouts
from .exchange import AsyncExchange
from .privacy import AsyncPrivacy
from .sender import AsyncSender
from .server import AsyncServer
from .shoppers import AsyncShoppers
from .tokens import AsyncTokens

if TYPE_CHECKING:
    from .._signing import SigningKey


class AsyncVaultClient:
    """Calls a vault as one client or person. One object serves all calls of a process, at the same time as well.

    `url`: where the vault is, `https://vault.example.com`.
    `credentials`: who the client is. Without them only public calls can be made.
    `dpop`: binds access tokens to a key, so that a stolen token is worth nothing (RFC 9449). True makes a key.
    `scope`: asks for fewer scopes than the client has.
    `verify`: an `ssl.SSLContext` that knows the authority of the vault, and a certificate of the client if it has one.
    `timeout`: seconds that a call may take with all its attempts; `attempt_timeout`: that a step of one may take.
    `retries`: how often a call is repeated at most.
    `transport`: sends the requests, in the place of httpx's own.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials | None = None,
        *,
        dpop: bool | SigningKey = False,
        scope: list[str] | None = None,
        verify: ssl.SSLContext | bool = True,
        timeout: float = TIMEOUT,
        attempt_timeout: float = ATTEMPT_TIMEOUT,
        retries: int = RETRIES,
        transport: httpx.AsyncBaseTransport | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        if not url.startswith("https://"):
            raise ValueError("the url of the vault must begin with https:")
        base = url.rstrip("/")
        self._http = httpx.AsyncClient(verify=verify, transport=transport, follow_redirects=False)
        clock = ServerClock(now)
        exchange = AsyncExchange(self._http, clock, dpop)
        tokens: AsyncAccessTokens | GivenToken | None
        if credentials is None or isinstance(credentials, GivenToken):
            tokens = credentials
        else:
            tokens = AsyncAccessTokens(credentials, exchange, clock, base, scope)
        self._sender = AsyncSender(base, exchange, clock, tokens, timeout, attempt_timeout, retries)
        self.checkouts = AsyncCheckouts(self._sender.send)
        self.tokens = AsyncTokens(self._sender.send)
        self.approvals = AsyncApprovals(self._sender.send)
        self.privacy = AsyncPrivacy(self._sender.send)
        self.audit = AsyncAuditLog(self._sender.send)
        self.shoppers = AsyncShoppers(self._sender.send)
        self.server = AsyncServer(self._sender.send)

    async def request(
        self,
        method: Method,
        path: str,
        *,
        query: dict[str, Any] | None = None,
        body: Any = None,
        answer: AnswerForm = "json",
        is_public: bool = False,
        repeats_by: RepeatsBy | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> Answer[Any]:
        """Any call, with the same access token, retries and errors; answers with the status and headers as well."""
        return await self._sender.send(
            method,
            path,
            query=query,
            body=body,
            answer=answer,
            is_public=is_public,
            repeats_by=repeats_by,
            idempotency_key=idempotency_key,
            timeout=timeout,
            retries=retries,
        )

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncVaultClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
