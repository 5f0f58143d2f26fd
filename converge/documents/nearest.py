"""The known word nearest to a mistyped one."""

from __future__ import annotations

from collections.abc import Iterable

MAX_LENGTH = 64


def nearest(word: str, known: Iterable[str]) -> str | None:
    """None where nothing is near. Case counts little: `macaddress` is `macAddress`."""
    if len(word) > MAX_LENGTH:
        return None
    from difflib import get_close_matches  # only mistakes need it

    by_lower = {each.lower(): each for each in known}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None
