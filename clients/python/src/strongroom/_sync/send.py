# Written by tools/write_sync.py from the async client. Change the source, not this file.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from .._request import Answer, AnswerForm, Method, RepeatsBy


class Send(Protocol):
    """What the groups of calls are made of."""

    def __call__(
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
    ) -> Answer[Any]: ...
