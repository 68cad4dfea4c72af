# Written by tools/write_sync.py from the async client. Change the source, not this file.
from __future__ import annotations

import base64
import threading
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from .._errors import VaultProblem, VaultUnreachable
from .._request import ClientCertificate, ClientKey, ClientSecret, Outgoing, problem_of
from .._server_clock import ServerClock
from .._signing import sign_assertion
from .exchange import Exchange

#: A token is renewed so long before its end that none ends on its way.
RENEW_BEFORE = 30.0
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True)
class _Token:
    value: str
    renew_at: float
    ends_at: float


class AccessTokens:
    """The access tokens of one client, renewed before they end; calls at the same time share a renewal."""

    def __init__(
        self,
        credentials: ClientSecret | ClientKey | ClientCertificate,
        exchange: Exchange,
        clock: ServerClock,
        url: str,
        scope: list[str] | None,
    ) -> None:
        self._credentials = credentials
        self._exchange = exchange
        self._clock = clock
        self._endpoint = f"{url}/oauth/token"
        self._scope = scope
        self._lock = threading.Lock()
        self._token: _Token | None = None

    def current(self, timeout: float) -> str:
        """Raises VaultProblem when the vault gives no token, VaultUnreachable when it does not answer."""
        token = self._token
        if token is not None and self._clock.local() < token.renew_at:
            return token.value
        with self._lock:
            # Another call may have renewed it meanwhile.
            token = self._token
            if token is not None and self._clock.local() < token.renew_at:
                return token.value
            try:
                return self._renew(timeout)
            except (VaultProblem, VaultUnreachable):
                if token is not None and self._clock.local() < token.ends_at:
                    return token.value
                raise

    def discard(self, value: str) -> None:
        """The vault has refused this token before its end."""
        if self._token is not None and self._token.value == value:
            self._token = None

    def _renew(self, timeout: float) -> str:
        response = self._exchange.send(self._request, timeout, is_signed=True)
        if response.status_code != 200:
            raise problem_of(response)
        answer = response.json()
        life = float(answer["expires_in"])
        ends_at = self._clock.local() + life
        # A token with a short life is used for half of it.
        self._token = _Token(answer["access_token"], max(ends_at - RENEW_BEFORE, ends_at - life / 2), ends_at)
        return self._token.value

    def _request(self) -> Outgoing:
        credentials = self._credentials
        form = {"grant_type": "client_credentials"}
        headers = {"content-type": "application/x-www-form-urlencoded"}
        if self._scope is not None:
            form["scope"] = " ".join(self._scope)
        if isinstance(credentials, ClientSecret):
            pair = f"{quote(credentials.client_id, safe='')}:{quote(credentials.client_secret, safe='')}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        elif isinstance(credentials, ClientKey):
            audience = credentials.audience or self._endpoint
            form["client_assertion_type"] = ASSERTION_TYPE
            form["client_assertion"] = sign_assertion(
                credentials.private_key,
                credentials.client_id,
                audience,
                credentials.key_id,
                self._clock.now_seconds(),
            )
        else:
            form["client_id"] = credentials.client_id
        return Outgoing("POST", self._endpoint, headers, urlencode(form).encode())
