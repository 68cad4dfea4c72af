from __future__ import annotations

import random

from ._errors import VaultProblem, VaultUnreachable

FIRST_PAUSE = 0.25
MAX_PAUSE = 4.0
#: Answers of a proxy, or of a vault that had not read the whole request.
LOST_ON_THE_WAY = (408, 502, 503, 504)


def pause_before_retry(error: VaultProblem | VaultUnreachable, attempts: int, is_repeatable: bool) -> float | None:
    """Seconds until the same request is sent again; None when that would not help, or might do something twice."""
    # Chance keeps many clients from coming back in the same moment.
    backoff = min(FIRST_PAUSE * 2.0 ** (attempts - 1), MAX_PAUSE) * random.uniform(0.5, 1)
    if isinstance(error, VaultUnreachable):
        return backoff if is_repeatable and error.reason != "certificate" else None
    # With its code and Retry-After the vault says that it has done nothing and can be asked again.
    is_invited = error.retry_after is not None and error.code != "unknown-answer"
    # The vault has lost nothing: the destination may have acted, and a repetition only says that this is unknown.
    is_of_destination = error.code == "destination-timeout"
    if is_invited or (is_repeatable and not is_of_destination and error.status in LOST_ON_THE_WAY):
        return max(error.retry_after or 0.0, backoff)
    return None
