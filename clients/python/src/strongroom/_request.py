from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import httpx

from ._errors import VaultProblem, VaultUnreachable

if TYPE_CHECKING:
    from ._signing import SigningKey

T = TypeVar("T")

#: How often and how long calls are tried, in seconds, unless the client or the call says otherwise.
TIMEOUT = 30.0
ATTEMPT_TIMEOUT = 10.0
RETRIES = 5

Method = Literal["GET", "POST", "PATCH", "DELETE"]
AnswerForm = Literal["json", "text", "bytes", "nothing"]
RepeatsBy = Literal["key", "method", "nothing"]


@dataclass(frozen=True)
class ClientSecret:
    """A client that proves itself by a secret."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True)
class ClientKey:
    """A client that signs assertions (RFC 7523).

    `audience` is the vault's issuer or token endpoint, if it is not the one of the client's `url`.
    """

    client_id: str
    private_key: SigningKey = field(repr=False)
    key_id: str | None = None
    audience: str | None = None


@dataclass(frozen=True)
class ClientCertificate:
    """A client that proves itself by the certificate of the connection (RFC 8705): give it as `verify`."""

    client_id: str


@dataclass(frozen=True)
class GivenToken:
    """An access token from elsewhere, as of `strongroom staff token`."""

    access_token: str = field(repr=False)


Credentials = ClientSecret | ClientKey | ClientCertificate | GivenToken


@dataclass(frozen=True)
class Answer(Generic[T]):
    """The data of an answer, and what the answer says beside it."""

    data: T
    status: int
    headers: httpx.Headers
    #: The id under which the vault has this request in its log and its audit event.
    request_id: str | None
    #: The key that was sent, for calls that take one.
    idempotency_key: str | None
    #: Whether the vault did this before and repeated its answer.
    replayed: bool
    #: How many requests were sent for this call.
    attempts: int


@dataclass
class Outgoing:
    """One request, without its credentials."""

    method: str
    url: str
    headers: dict[str, str]
    content: bytes | None = None


def read_body(response: httpx.Response, form: AnswerForm) -> Any:
    if form == "bytes":
        return response.content
    if form == "nothing" or not response.content:
        return None
    if form == "text":
        return response.text
    try:
        return response.json()
    except ValueError:
        raise VaultProblem(response.status_code, response.headers, {}) from None


def problem_of(response: httpx.Response) -> VaultProblem:
    """The error that an answer stands for, whether it comes from the vault or from something before it."""
    document: Mapping[str, Any] = {}
    if "json" in response.headers.get("content-type", ""):
        try:
            read = response.json()
        except ValueError:
            read = None
        if isinstance(read, dict) and isinstance(read.get("code"), str):
            document = read
    return VaultProblem(response.status_code, response.headers, document)


def unreachable(error: httpx.HTTPError) -> VaultUnreachable:
    """Why no answer came, in words that say what to do."""
    if isinstance(error, httpx.TimeoutException):
        return VaultUnreachable("timeout", "the vault gave no answer in time")
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return VaultUnreachable("connection", f"the vault gave no answer: {error}")
    return VaultUnreachable(
        "certificate",
        f"the certificate of the vault is not trusted ({cause.verify_message}): "
        "give the client an ssl.SSLContext that knows its authority as verify",
    )


def asks_for_nonce(response: httpx.Response) -> bool:
    """RFC 9449 sections 8 and 9: the token endpoint says it in the body, a resource in its challenge."""
    challenge = response.headers.get("www-authenticate", "")
    return "use_dpop_nonce" in challenge or b'"use_dpop_nonce"' in response.content
