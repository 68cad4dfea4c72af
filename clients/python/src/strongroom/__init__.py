"""Calls a Strongroom vault: typed, sync and async, with safe retries."""

from ._async.client import AsyncVaultClient
from ._async.pages import AsyncPages
from ._errors import VaultProblem, VaultUnreachable
from ._request import Answer, ClientCertificate, ClientKey, ClientSecret, Credentials, GivenToken
from ._sync.client import VaultClient
from ._sync.pages import Pages

__all__ = [
    "Answer",
    "AsyncPages",
    "AsyncVaultClient",
    "ClientCertificate",
    "ClientKey",
    "ClientSecret",
    "Credentials",
    "GivenToken",
    "Pages",
    "VaultClient",
    "VaultProblem",
    "VaultUnreachable",
]
