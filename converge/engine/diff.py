"""The difference of two sets of resources. A dozen lines, because every kind spends its strangeness when it decodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from converge.model import Attributes, Change, Key

Scope = Callable[[Key, Attributes], bool]


def diff(observed: Mapping[Key, Attributes], desired: Mapping[Key, Attributes], in_scope: Scope) -> Iterator[Change]:
    """What must change so that `observed` becomes `desired`, in no particular order.

    `in_scope(key, attributes)` says whether an observed resource that nobody desires is ours to delete. What is desired is in
    scope by being desired.
    """
    for key, after in desired.items():
        before = observed.get(key)
        if before != after:
            yield Change(key, before, after)
    for key, before in observed.items():
        if key not in desired and in_scope(key, before):
            yield Change(key, before, None)
