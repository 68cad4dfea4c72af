# Written by tools/write_sync.py from the async client. Change the source, not this file.
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx

from .._request import Outgoing, asks_for_nonce, unreachable
from .._server_clock import ServerClock
from .._signing import create_proof_key, sign_proof

if TYPE_CHECKING:
    from .._signing import SigningKey

#: A nonce and a corrected clock can both be needed before a request counts.
MAX_SENDS = 3


class Exchange:
    """Sends single requests: with proofs of the client's key, the nonce that the server wants, and its time."""

    def __init__(self, http: httpx.Client, clock: ServerClock, dpop: bool | SigningKey) -> None:
        self._http = http
        self._clock = clock
        self._key: SigningKey | None = create_proof_key() if dpop is True else dpop or None
        self._nonce: str | None = None

    def send(
        self,
        make: Callable[[], Outgoing],
        timeout: float,
        access_token: str | None = None,
        is_signed: bool = False,
    ) -> httpx.Response:
        """Gives answers of every status. `make` is called for each request that is sent.

        Raises VaultUnreachable.
        """
        has_proof = self._key is not None and (access_token is not None or is_signed)
        for sends in range(1, MAX_SENDS + 1):
            nonce_before = self._nonce
            response = self._send_once(make(), timeout, access_token, has_proof)
            was_clock_wrong = self._clock.correct(response.headers.get("date"))
            self._nonce = response.headers.get("dpop-nonce", nonce_before)
            is_mended = was_clock_wrong or (asks_for_nonce(response) and self._nonce != nonce_before)
            is_refused = response.status_code in (400, 401)
            if not ((has_proof or is_signed) and is_refused and is_mended) or sends == MAX_SENDS:
                break
        return response

    def _send_once(
        self, outgoing: Outgoing, timeout: float, access_token: str | None, has_proof: bool
    ) -> httpx.Response:
        headers = dict(outgoing.headers)
        if has_proof and self._key is not None:
            at = self._clock.now_seconds()
            headers["dpop"] = sign_proof(self._key, outgoing.method, outgoing.url, at, access_token, self._nonce)
        if access_token is not None:
            headers["authorization"] = f"{'DPoP' if has_proof else 'Bearer'} {access_token}"
        try:
            return self._http.request(
                outgoing.method, outgoing.url, headers=headers, content=outgoing.content, timeout=timeout
            )
        except httpx.HTTPError as error:
            raise unreachable(error) from error
