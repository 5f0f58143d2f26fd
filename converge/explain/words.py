"""Plain words for classes of traffic and for what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from converge.bindings.nat import MESH_SOURCE
from converge.explain.classes import LAST, Context, Outcome
from converge.explain.flow import Origin
from converge.explain.rules import OTHER
from converge.explain.walk import Receiver

Ranges = tuple[tuple[int, int], ...]
Traffic = tuple[tuple[str, Ranges], ...]
"""First and last ports by protocol, in the order of `classes.protocols`; ((0, 0),) for one without ports."""

MOST_RANGES = 20
"""Of one protocol in a sentence."""
_FULL: Ranges = ((1, LAST),)


def joined(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def traffic_words(traffic: Traffic, protocols: Iterable[str]) -> tuple[str, bool]:
    """And whether they are plural. `protocols`: all there are, so that everything can be called so."""
    held = dict(traffic)
    if OTHER not in held:
        words = list(_listed(held))
        return joined(words), len(words) > 1 or any(len(ranges) > 1 and not _but(ranges) for ranges in held.values())
    missing = {word: rest for word in protocols if (rest := _rest(word, held.get(word, ())))}
    only_other = set(held) == {OTHER}
    if only_other:
        return "every other protocol", False
    return ("everything" + (f" except {joined(list(_listed(missing, grouped=False)))}" if missing else "")), False


def _rest(protocol: str, ranges: Ranges) -> Ranges:
    if protocol not in _PORTED:
        return () if ranges else ((0, 0),)
    edges = [0, *(edge for first, last in ranges for edge in (first - 1, last)), LAST]
    return tuple((low + 1, high) for low, high in zip(edges[::2], edges[1::2], strict=True) if low < high)


_PORTED = ("tcp", "udp", "sctp", "33", "136")
_SPOKEN = {"33": "dccp", "136": "udplite", OTHER: "every other protocol"}


def _but(ranges: Ranges) -> bool:
    """Is it said in fewer words what it is not?"""
    return len(_rest("tcp", ranges)) < len(ranges)


def _listed(held: Mapping[str, Ranges], grouped: bool = True) -> Iterable[str]:
    """Not `grouped`: a protocol of which all ports are meant is said by its name alone."""
    full = [word for word, ranges in held.items() if ranges == _FULL]
    if full and grouped:
        yield f"every {joined([_spoken(word) for word in full])} port"
    else:
        yield from map(_spoken, full)
    for word, ranges in held.items():
        if word in full:
            continue
        if ranges == ((0, 0),):
            yield _spoken(word)
        elif _but(ranges):
            yield f"every {_spoken(word)} port except {_numbers(_rest(word, ranges))}"
        else:
            yield f"{_spoken(word)} {_numbers(ranges)}"


def _spoken(protocol: str) -> str:
    return _SPOKEN.get(protocol, f"protocol {protocol}" if protocol.isdigit() else protocol)


def _numbers(ranges: Ranges) -> str:
    words = [str(first) if first == last else f"{first}-{last}" for first, last in ranges]
    if len(words) > MOST_RANGES:
        words = [*words[:MOST_RANGES], f"{len(words) - MOST_RANGES} more"]
    return joined(words)


# ---------------------------------------------------------------------------------------------------- who asks whom


def context_words(context: Context, several: bool) -> str:
    """`several`: there is more than one NIC, so it must be said by which link a packet comes."""
    words = context.origin.value
    if context.destination:
        words = f"{words.partition(' to ')[0]} to {context.destination}"
    if context.source:
        rest = words.partition(" to ")[2]
        sender = f"{context.source} (a mesh's sidecar)" if context.source == str(MESH_SOURCE) else context.source
        words = f"from {sender}" + (f" to {_of_the_pod(rest)}" if rest else "")
    if context.device:
        words += f" (link {context.device})"
    if context.nic and (several or context.origin is Origin.GUEST):
        words += f" (NIC {context.nic})" if context.origin is Origin.GUEST else f" (link of NIC {context.nic})"
    return words


def _of_the_pod(target: str) -> str:
    return target.replace("its own", "the pod's own")


def change_words(before: Outcome, after: Outcome, plural: bool) -> str:
    """What has become different, as the rest of a sentence."""
    es, s = ("", "") if plural else ("es", "s")
    if (before.receiver, before.nic) == (after.receiver, after.nic):
        return f"still {_was(after, es, s)}, now showing {_shown(after)}"
    if after.receiver is Receiver.GUEST:
        other = f", no longer by NIC {before.nic}" if before.receiver is Receiver.GUEST else ""
        return f"now reach{es} the guest (NIC {after.nic}){other}"
    if after.receiver is Receiver.POD:
        if before.receiver is Receiver.GUEST:
            return f"no longer reach{es} the guest (NIC {before.nic}): the pod answers itself"
        return f"now reach{es} the pod itself"
    if after.receiver is Receiver.OUTSIDE:
        if before.receiver is Receiver.LOST:
            return f"now get{s} out" + (f", showing {_shown(after)}" if after.shows != "sender" else "")
        return f"now leave{s} the pod again, towards the outside"
    return f"no longer {_was(before, es, s)}: {after.reason}"


def _was(before: Outcome, es: str, s: str) -> str:
    if before.receiver is Receiver.GUEST:
        return f"reach{es} the guest (NIC {before.nic})"
    return f"reach{es} the pod" if before.receiver is Receiver.POD else f"get{s} out"


def _shown(after: Outcome) -> str:
    spoken = {"sender": "its sender's own address", "gateway": "the gateway's address", "pod": "the pod's address"}
    return spoken.get(after.shows, f"the address {after.shows}" if after.shows else "one of the pod's addresses")
