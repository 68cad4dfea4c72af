# Written by tools/write_sync.py from the async client. Change the source, not this file.
from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx

from .._errors import VaultProblem, VaultUnreachable
from .._request import Answer, AnswerForm, GivenToken, Method, Outgoing, RepeatsBy, problem_of, read_body
from .._retry import pause_before_retry
from .._server_clock import ServerClock
from .access_tokens import AccessTokens
from .exchange import Exchange

REPEATS: Mapping[str, RepeatsBy] = {"GET": "method", "POST": "key", "PATCH": "nothing", "DELETE": "nothing"}


class Sender:
    """Sends calls with access tokens, and repeats them where that is safe and helps."""

    def __init__(
        self,
        url: str,
        exchange: Exchange,
        clock: ServerClock,
        tokens: AccessTokens | GivenToken | None,
        timeout: float,
        attempt_timeout: float,
        retries: int,
    ) -> None:
        self._url = url
        self._exchange = exchange
        self._clock = clock
        self._tokens = tokens
        self._timeout = timeout
        self._attempt_timeout = attempt_timeout
        self._retries = retries

    def send(
        self,
        method: Method,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        answer: AnswerForm = "json",
        is_public: bool = False,
        repeats_by: RepeatsBy | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> Answer[Any]:
        repeats = repeats_by or REPEATS[method]
        key = (idempotency_key or str(uuid.uuid4())) if repeats == "key" else None
        outgoing = self._outgoing(method, path, query, body, key)
        deadline = self._clock.local() + (self._timeout if timeout is None else timeout)
        most = self._retries if retries is None else retries
        attempts = 0
        while True:
            attempts += 1
            progress = _Progress()
            try:
                limit = max(0.001, min(self._attempt_timeout, deadline - self._clock.local()))
                response = self._attempt(outgoing, is_public, limit, progress)
                return Answer(
                    data=read_body(response, answer),
                    status=response.status_code,
                    headers=response.headers,
                    request_id=response.headers.get("request-id"),
                    idempotency_key=key,
                    replayed="idempotent-replayed" in response.headers,
                    attempts=attempts,
                )
            except (VaultProblem, VaultUnreachable) as error:
                error.idempotency_key = key
                error.attempts = attempts
                is_repeatable = repeats != "nothing" or not progress.is_sent
                pause = pause_before_retry(error, attempts, is_repeatable)
                if pause is None or attempts > most or self._clock.local() + pause > deadline:
                    raise
            time.sleep(pause)

    def _attempt(self, outgoing: Outgoing, is_public: bool, limit: float, progress: _Progress) -> httpx.Response:
        for sends in (1, 2):
            access_token = None if is_public else self._access_token(limit)
            progress.is_sent = True
            response = self._exchange.send(lambda: outgoing, limit, access_token)
            if response.is_success:
                return response
            problem = problem_of(response)
            # A token can end early, as when the vault's signing key changes. A new one is tried once.
            tokens = self._tokens
            if problem.code != "unauthenticated" or sends == 2 or not isinstance(tokens, AccessTokens):
                raise problem
            tokens.discard(access_token or "")
        raise AssertionError("the second request returns or raises")

    def _access_token(self, limit: float) -> str | None:
        if isinstance(self._tokens, AccessTokens):
            return self._tokens.current(limit)
        return None if self._tokens is None else self._tokens.access_token

    def _outgoing(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: Any, key: str | None
    ) -> Outgoing:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        headers: dict[str, str] = {}
        if body is not None:
            headers["content-type"] = "application/json"
        if key is not None:
            headers["idempotency-key"] = key
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        return Outgoing(method, f"{self._url}{path}{'?' + urlencode(given) if given else ''}", headers, content)


class _Progress:
    is_sent = False
