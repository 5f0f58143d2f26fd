"""Processes that serve a NIC, such as dnsmasq. A process is a resource like any other: it is there with its configuration, or
it is not.

A server that answers everybody must be alone with the guest: it holds its bridge, as a port that leads elsewhere does, so that
it has ended before such a port joins, and begins only when that has left. Else the pod's neighbours would hear it.

Its mark is the file that its command line names, under a directory of its namespace and its NIC. What it was started with is
known by digest, and the bridge it was started on by ifindex: one that serves a bridge of former times is of no use to
anybody. A change of configuration is a new process; no signal makes dnsmasq read its file again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from converge.engine import State
from converge.model import Change, Key, Operation, ProcessDump, Resources

TRANSACTION: str | None = None
KNOWN_ONLY = "dhcp-ignore=tag:!known"
"""The line of a configuration (dnsmasq's) that serves listed MACs and nobody else."""


@dataclass(frozen=True, slots=True)
class Process:
    """`digest` is that of its configuration. `serving`: the link it was started on is still there. `config` is the text
    itself; `pid` is known of what runs.
    """

    digest: str
    serving: bool = True
    config: str = field(default="", compare=False)
    pid: int = field(default=0, compare=False)

    @property
    def answers_everybody(self) -> bool:
        return KNOWN_ONLY not in self.config.splitlines()


def of(config: str) -> Process:
    from hashlib import sha256  # 1 ms, and most runs have no use for it

    return Process(sha256(config.encode()).hexdigest()[:16], config=config)


def decode(dumps: Iterable[ProcessDump], links: Iterable[int]) -> Iterator[tuple[Key, Process]]:
    """Those that are alive. `links`: the ifindexes that exist."""
    present = set(links)
    for dump in dumps:
        yield Key("process", dump.owner, dump.program), Process(dump.digest, dump.link in present, dump.config, dump.pid)


# ------------------------------------------------------------------------------------------- the contract of a kind


def after(key: Key, _value: Process, among: Resources) -> Iterator[Key]:
    """The link that it serves, and that one's ports. Being the last of the kinds, it is started when addresses and sysctls are
    there.
    """
    yield Key("link", key.owner)
    yield from (other for other, link in among.items() if other.kind == "link" and link.master == key.owner)


def within(_key: Key, _value: Process) -> Key | None:
    """In nothing: a process outlives its link, so it must be stopped."""
    return None


def claims(key: Key, value: Process) -> Iterable[str]:
    return (alone_on(key.owner),) if value.answers_everybody else ()


def alone_on(bridge: str) -> str:
    """The claim of whoever has a bridge's guest to himself: such a server, or a port that leads out of the pod."""
    return f"alone on {bridge}"


def park(change: Change, state: State) -> Operation | None:
    """It ends now, and what replaces it is started in its turn."""
    return None if state.get(change.key) is None else _stop(change.key)


def _stop(key: Key) -> Operation:
    return Operation("process stop", key, (("", key.name), ("owner", key.owner)))


def address(key: Key, _value: Process, names: Mapping[str, str]) -> str:
    return f"{key.name}/{names.get(key.owner, key.owner)}"


def operations(change: Change, state: State) -> Sequence[Operation]:
    wanted: Process | None = change.after
    if wanted is None:
        return (_stop(change.key),)
    link = state.get(Key("link", change.key.owner))
    if link is None:
        return ()
    words = (("", change.key.name), ("owner", change.key.owner), ("dev", link.name), ("config", wanted.digest))
    start = Operation("process start", change.key, words, value=wanted)
    return (start,) if change.before is None else (_stop(change.key), start)


# ---------------------------------------------------------------------------------------------------------- effects


def effect(operation: Operation, state: State) -> str | None:
    if operation.call == "process stop":
        if state.get(operation.key) is None:
            return "No such process"
        state.remove(operation.key)
        return None
    if state.get(operation.key) is not None:
        return "Address already in use"
    link = state.get(Key("link", operation.key.owner))
    if link is None or not link.up:
        return "Network is down"
    state.put(operation.key, operation.value)
    return None


def left_behind(owner: str, state: State) -> None:
    """Its link is gone: the process lives on and serves nobody."""
    for key, value in state.on("process", owner):
        state.put(key, replace(value, serving=False))
