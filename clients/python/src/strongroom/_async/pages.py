from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Page = TypeVar("Page")


class AsyncPages(Generic[Item, Page]):
    """Everything that a call gives in pages, one item after the other."""

    def __init__(self, read: Callable[[str | None], Awaitable[Any]], member: str) -> None:
        self._read = read
        self._member = member

    async def page(self, after: str | None = None) -> Page:
        """The first page, or the one that `after` asks for. Its `next` is the `after` of the one behind it."""
        page: Page = await self._read(after)
        return page

    async def pages(self) -> AsyncIterator[Page]:
        """Page by page. A page may have no items and still have a next one."""
        after: str | None = None
        while True:
            page = await self._read(after)
            yield page
            after = page["next"]
            if after is None:
                return

    async def __aiter__(self) -> AsyncIterator[Item]:
        async for page in self.pages():
            items: list[Item] = page[self._member]  # type: ignore[index]
            for item in items:
                yield item
