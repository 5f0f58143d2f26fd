"""How old a snapshot is, in words: whoever reads a plan made from one must know."""

from __future__ import annotations

from converge.report import Json

UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def snapshot(pod: Json) -> list[str]:
    """`snapshot of 2026-11-24T17:00:00Z, 3 days old`; nothing where the pod itself was looked at."""
    found = pod.get("snapshot")
    return [] if found is None else [f"snapshot of {found['taken']}, {old(found['age_seconds'])}"]


def old(seconds: int) -> str:
    """In the largest unit of which there are two, rounded down."""
    if seconds < 0:
        return "from the future"
    size, unit = next(((size, unit) for size, unit in UNITS if seconds >= 2 * size), UNITS[-1])
    number = seconds // size
    return f"{number} {unit}{'' if number == 1 else 's'} old"
