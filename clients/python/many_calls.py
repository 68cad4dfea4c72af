"""Stores many contacts at the same time, and prints the token of each.

`python clients/python/many_calls.py URL CA_FILE CLIENT_ID CLIENT_SECRET NAME COUNT [--async]`
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor

from strongroom import AsyncVaultClient, ClientSecret, VaultClient

AT_ONCE = 10
ATTEMPT_TIMEOUT = 5.0
TIMEOUT = 250.0
RETRIES = 1000


async def main() -> None:
    url, ca_file, client_id, client_secret, name, count = sys.argv[1:7]
    credentials = ClientSecret(client_id, client_secret)
    verify = ssl.create_default_context(cafile=ca_file)
    emails = [f"{name}-{number}@example.com" for number in range(int(count))]
    if "--async" in sys.argv:
        turns = asyncio.Semaphore(AT_ONCE)
        async with AsyncVaultClient(
            url, credentials, verify=verify, timeout=TIMEOUT, attempt_timeout=ATTEMPT_TIMEOUT, retries=RETRIES
        ) as vault:

            async def store_later(email: str) -> str:
                async with turns:
                    return (await vault.checkouts.tokenize({"contact": {"email": email}}))["contact"]["token"]

            tokens = await asyncio.gather(*map(store_later, emails))
    else:
        with (
            VaultClient(
                url, credentials, verify=verify, timeout=TIMEOUT, attempt_timeout=ATTEMPT_TIMEOUT, retries=RETRIES
            ) as sync,
            ThreadPoolExecutor(AT_ONCE) as threads,
        ):

            def store(email: str) -> str:
                return sync.checkouts.tokenize({"contact": {"email": email}})["contact"]["token"]

            tokens = list(threads.map(store, emails))
    print("\n".join(tokens))


if __name__ == "__main__":
    asyncio.run(main())
