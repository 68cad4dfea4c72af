"""Signatures of the client's keys. They need the extra `keys`: `pip install strongroom-client[keys]`."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    SigningKey = EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey

#: An assertion is for one request.
ASSERTION_SECONDS = 60


def create_proof_key() -> EllipticCurvePrivateKey:
    """A new key for P-256, which stays in the memory of this process."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def sign_proof(
    key: SigningKey, method: str, url: str, at_seconds: int, access_token: str | None, nonce: str | None
) -> str:
    """One proof for one request (RFC 9449 section 4.2). The vault takes a proof once."""
    address = urlsplit(url)
    claims: dict[str, Any] = {
        "jti": str(uuid.uuid4()),
        "htm": method,
        "htu": f"{address.scheme}://{address.netloc}{address.path}",
        "iat": at_seconds,
    }
    if access_token is not None:
        claims["ath"] = _base64url(hashlib.sha256(access_token.encode()).digest())
    if nonce is not None:
        claims["nonce"] = nonce
    return _sign_jws(key, {"typ": "dpop+jwt", "jwk": _public_jwk(key)}, claims)


def sign_assertion(key: SigningKey, client_id: str, audience: str, key_id: str | None, at_seconds: int) -> str:
    """What proves the client to the token endpoint (RFC 7523)."""
    header: dict[str, Any] = {"typ": "JWT"} if key_id is None else {"typ": "JWT", "kid": key_id}
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "jti": str(uuid.uuid4()),
        "iat": at_seconds,
        "exp": at_seconds + ASSERTION_SECONDS,
    }
    return _sign_jws(key, header, claims)


def _sign_jws(key: SigningKey, header: dict[str, Any], claims: dict[str, Any]) -> str:
    alg = _algorithm_of(key)
    parts = [json.dumps(part).encode() for part in ({"alg": alg, **header}, claims)]
    text = ".".join(_base64url(part) for part in parts)
    return f"{text}.{_base64url(_signature(key, text.encode()))}"


def _algorithm_of(key: SigningKey) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    if isinstance(key, ec.EllipticCurvePrivateKey):
        return "ES256"
    return "EdDSA" if isinstance(key, ed25519.Ed25519PrivateKey) else "PS256"


def _signature(key: SigningKey, text: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, utils

    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = utils.decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(text)
    return key.sign(text, padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH), hashes.SHA256())


def _public_jwk(key: SigningKey) -> dict[str, str]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    if isinstance(key, ec.EllipticCurvePrivateKey):
        point = key.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": _number(point.x, 32), "y": _number(point.y, 32)}
    if isinstance(key, ed25519.Ed25519PrivateKey):
        raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": _base64url(raw)}
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}


def _number(value: int, length: int | None = None) -> str:
    return _base64url(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
