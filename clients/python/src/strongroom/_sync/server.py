# Written by tools/write_sync.py from the async client. Change the source, not this file.
from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ..types import (
    AuthorizationServerMetadata,
    Health,
    JwkSet,
    MessageKeyDirectory,
    ProtectedResourceMetadata,
)
from .send import Send


class Server:
    """What the vault says of itself to everybody."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def health(
        self,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> Health:
        """Whether the process answers."""
        answer = self._send(
            "GET",
            "/healthz",
            is_public=True,
            timeout=timeout,
            retries=retries,
        )
        data: Health = answer.data
        return data

    def ready(
        self,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> Health:
        """Whether the vault can serve. It waits for a vault that cannot yet, as long as its time-out allows."""
        answer = self._send(
            "GET",
            "/readyz",
            is_public=True,
            timeout=timeout,
            retries=retries,
        )
        data: Health = answer.data
        return data

    def openapi(
        self,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> dict[str, Any]:
        """The OpenAPI document."""
        answer = self._send(
            "GET",
            "/openapi.json",
            is_public=True,
            timeout=timeout,
            retries=retries,
        )
        data: dict[str, Any] = answer.data
        return data

    def keys(
        self,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> JwkSet:
        """The public keys of access tokens."""
        answer = self._send(
            "GET",
            "/.well-known/jwks.json",
            is_public=True,
            timeout=timeout,
            retries=retries,
        )
        data: JwkSet = answer.data
        return data

    def message_keys(
        self,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> MessageKeyDirectory:
        """The public keys of requests that the vault signs for third parties."""
        answer = self._send(
            "GET",
            "/.well-known/http-message-signatures-directory",
            is_public=True,
            timeout=timeout,
            retries=retries,
        )
        data: MessageKeyDirectory = answer.data
        return data

    def authorization_server(
        self,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> AuthorizationServerMetadata:
        """How to get access tokens (RFC 8414)."""
        answer = self._send(
            "GET",
            "/.well-known/oauth-authorization-server",
            is_public=True,
            timeout=timeout,
            retries=retries,
        )
        data: AuthorizationServerMetadata = answer.data
        return data

    def protected_resource(
        self,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> ProtectedResourceMetadata:
        """What the vault takes as a resource (RFC 9728)."""
        answer = self._send(
            "GET",
            "/.well-known/oauth-protected-resource",
            is_public=True,
            timeout=timeout,
            retries=retries,
        )
        data: ProtectedResourceMetadata = answer.data
        return data

    def problem(
        self,
        code: str,
        *,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> str:
        """What the code of a problem means and what to do, as text."""
        answer = self._send(
            "GET",
            f"/problems/{quote(code, safe='')}",
            answer="text",
            is_public=True,
            timeout=timeout,
            retries=retries,
        )
        data: str = answer.data
        return data
