"""Makes the calls of clients/conformance.json of a vault, and says of each whether it was as it should be.

`python clients/python/conformance.py URL CA_FILE CALLERS_FILE RUN [--async]` prints a line of JSON for each case.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx

from strongroom import AsyncPages, AsyncVaultClient, ClientSecret, Pages, VaultClient, VaultProblem

CASES = Path(__file__).parent.parent / "conformance.json"


class Run:
    """One run of all cases, by one kind of client."""

    def __init__(self, url: str, ca_file: str, callers_file: str, run: str, is_async: bool) -> None:
        self._url = url
        self._verify = ssl.create_default_context(cafile=ca_file)
        callers = json.loads(Path(callers_file).read_text())
        self._callers = {one["role"]: ClientSecret(one["client_id"], one["client_secret"]) for one in callers}
        self._saved = {"run": run}
        self._is_async = is_async
        self._sent: list[tuple[httpx.Request, httpx.Response]] = []

    async def check(self, case: dict[str, Any]) -> list[str]:
        """What is not as it should be."""
        self._sent.clear()
        given: Any = None
        failure: VaultProblem | None = None
        try:
            given = await self._call(case)
        except VaultProblem as problem:
            failure = problem
        request, response = self._sent[-1]
        found = self._differences("request", self._filled(case["request"]), _described(request))
        if "error" in case:
            errors = [] if failure is None else [error["pointer"] for error in failure.errors]
            error = failure and {"status": failure.status, "code": failure.code, "errors": errors}
            return found + self._differences("error", case["error"], error)
        if failure is not None:
            return [*found, f"it failed: {failure}"]
        if "replayed" in case and case["replayed"] != ("idempotent-replayed" in response.headers):
            found.append(f"replayed is not {case['replayed']}")
        for name, place in case.get("save", {}).items():
            value = given
            for member in place.split("."):
                value = value[member]
            self._saved[name] = str(value)
        seen = {"bytes": len(given)} if isinstance(given, bytes) else given
        return found + self._differences("answer", self._filled(case["answer"]), seen)

    async def _call(self, case: dict[str, Any]) -> Any:
        group, method = re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", case["call"]).split(".")
        arguments, options = self._filled(case["arguments"]), self._filled(case.get("options", {}))
        credentials = self._callers.get(case["as"])
        dpop = case.get("dpop", False)
        if self._is_async:
            async with AsyncVaultClient(self._url, credentials, dpop=dpop, verify=self._verify) as vault:

                async def note_later(response: httpx.Response) -> None:
                    self._sent.append((response.request, response))

                vault._http.event_hooks["response"].append(note_later)
                result = getattr(getattr(vault, group), method)(*arguments, **options)
                return await (result.page() if isinstance(result, AsyncPages) else result)
        with VaultClient(self._url, credentials, dpop=dpop, verify=self._verify) as sync:
            sync._http.event_hooks["response"].append(lambda response: self._sent.append((response.request, response)))
            result = getattr(getattr(sync, group), method)(*arguments, **options)
            return result.page() if isinstance(result, Pages) else result

    def _filled(self, value: Any) -> Any:
        if isinstance(value, str):
            return re.sub(r"\{(\w+)\}", lambda found: self._saved.get(found[1], found[0]), value)
        if isinstance(value, list):
            return [self._filled(one) for one in value]
        return {name: self._filled(one) for name, one in value.items()} if isinstance(value, dict) else value

    def _differences(self, place: str, wanted: Any, given: Any) -> list[str]:
        if isinstance(wanted, dict) and isinstance(given, dict):
            return [
                difference
                for name, one in wanted.items()
                for difference in self._differences(f"{place}.{name}", one, given.get(name))
            ]
        if isinstance(wanted, list) and isinstance(given, list) and len(wanted) == len(given):
            pairs = enumerate(zip(wanted, given, strict=True))
            return [one for at, pair in pairs for one in self._differences(f"{place}.{at}", *pair)]
        if isinstance(wanted, str) and wanted.startswith("~"):
            is_equal = isinstance(given, str) and re.search(wanted[1:], given) is not None
        else:
            is_equal = wanted == given
        return [] if is_equal else [f"{place} is {given!r}, and should be {wanted!r}"]


def _described(request: httpx.Request) -> dict[str, Any]:
    path, _, query = request.url.raw_path.decode().partition("?")
    described: dict[str, Any] = {"method": request.method, "path": path}
    if query:
        described["query"] = dict(parse_qsl(query))
    if request.content:
        described["body"] = json.loads(request.content)
    if "idempotency-key" in request.headers:
        described["idempotency_key"] = request.headers["idempotency-key"]
    return described


async def main() -> None:
    url, ca_file, callers_file, name = sys.argv[1:5]
    run = Run(url, ca_file, callers_file, name, "--async" in sys.argv)
    for case in json.loads(CASES.read_text())["cases"]:
        try:
            differences = await run.check(case)
        except Exception as error:
            differences = [f"{type(error).__name__}: {error}"]
        print(json.dumps({"name": case["name"], "differences": differences}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
