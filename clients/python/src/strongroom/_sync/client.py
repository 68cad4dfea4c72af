# Written by tools/write_sync.py from the async client. Change the source, not this file.
from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

import httpx

from .._request import ATTEMPT_TIMEOUT, RETRIES, TIMEOUT, Answer, AnswerForm, Credentials, GivenToken, Method, RepeatsBy
from .._server_clock import ServerClock
from .access_tokens import AccessTokens
from .approvals import Approvals
from .audit_log import AuditLog
from .checkouts import Checkouts
from .exchange import Exchange
from .privacy import Privacy
from .sender import Sender
from .server import Server
from .shoppers import Shoppers
from .tokens import Tokens

if TYPE_CHECKING:
    from .._signing import SigningKey


class VaultClient:
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
        transport: httpx.BaseTransport | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        if not url.startswith("https://"):
            raise ValueError("the url of the vault must begin with https:")
        base = url.rstrip("/")
        self._http = httpx.Client(verify=verify, transport=transport, follow_redirects=False)
        clock = ServerClock(now)
        exchange = Exchange(self._http, clock, dpop)
        tokens: AccessTokens | GivenToken | None
        if credentials is None or isinstance(credentials, GivenToken):
            tokens = credentials
        else:
            tokens = AccessTokens(credentials, exchange, clock, base, scope)
        self._sender = Sender(base, exchange, clock, tokens, timeout, attempt_timeout, retries)
        self.checkouts = Checkouts(self._sender.send)
        self.tokens = Tokens(self._sender.send)
        self.approvals = Approvals(self._sender.send)
        self.privacy = Privacy(self._sender.send)
        self.audit = AuditLog(self._sender.send)
        self.shoppers = Shoppers(self._sender.send)
        self.server = Server(self._sender.send)

    def request(
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
        return self._sender.send(
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

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def __enter__(self) -> VaultClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
