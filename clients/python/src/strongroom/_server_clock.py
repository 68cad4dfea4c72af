from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime

#: `Date` has whole seconds and is older than the answer's arrival, so a smaller difference says nothing.
TOLERANCE = 3.0


class ServerClock:
    """The time of the vault, for what is signed here and compared there. Corrected by the `Date` of its answers."""

    def __init__(self, local: Callable[[], float]) -> None:
        self.local = local
        self._offset = 0.0

    def now_seconds(self) -> int:
        return int(self.local() + self._offset)

    def correct(self, date: str | None) -> bool:
        """Answers whether the clock was wrong, so that something signed before may be refused for its time alone."""
        if date is None:
            return False
        try:
            offset = parsedate_to_datetime(date).timestamp() - self.local()
        except ValueError:
            return False
        if abs(offset - self._offset) <= TOLERANCE:
            return False
        self._offset = 0.0 if abs(offset) <= TOLERANCE else offset
        return True
