from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from .._request import Answer, AnswerForm, Method, RepeatsBy


class AsyncSend(Protocol):
    """What the groups of calls are made of."""

    async def __call__(
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
