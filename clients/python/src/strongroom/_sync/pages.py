# Written by tools/write_sync.py from the async client. Change the source, not this file.
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Page = TypeVar("Page")


class Pages(Generic[Item, Page]):
    """Everything that a call gives in pages, one item after the other."""

    def __init__(self, read: Callable[[str | None], Any], member: str) -> None:
        self._read = read
        self._member = member

    def page(self, after: str | None = None) -> Page:
        """The first page, or the one that `after` asks for. Its `next` is the `after` of the one behind it."""
        page: Page = self._read(after)
        return page

    def pages(self) -> Iterator[Page]:
        """Page by page. A page may have no items and still have a next one."""
        after: str | None = None
        while True:
            page = self._read(after)
            yield page
            after = page["next"]
            if after is None:
                return

    def __iter__(self) -> Iterator[Item]:
        for page in self.pages():
            items: list[Item] = page[self._member]  # type: ignore[index]
            for item in items:
                yield item
