"""What an intruder may do to a universe, by the same effects that a plan is made of, so that what is left is consistent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from hypothesis import strategies as st

from converge.engine import State, effect
from converge.model import Attributes, Key, Operation, Resources
from converge.resources import KINDS, chain, element, link, nftset, rule, table
from converge.resources.address import Address
from converge.resources.link import Bridge, Port
from converge.resources.route import Route
from converge.resources.sysctl import Sysctl
from tests.unit.universe import do, state_of

Tampering = Callable[[State, int], None]


def tampered(resources: Resources, choices: Sequence[tuple[str, int]]) -> Resources:
    state = state_of(resources)
    for name, number in choices:
        TAMPERINGS[name](state, number)
    return state.resources


def _ours(state: State, kind: str = "link") -> list[tuple[Key, Attributes]]:
    """What is on links with a role; a pod link only where a binding has taken it over, since else it is the CNI's."""
    roles = [(key.owner, value) for key, value in state.of("link") if not key.owner.startswith("#")]
    ours = {role for role, value in roles if value.master or not role.startswith("pod:")}
    return [item for item in sorted(state.of(kind), key=lambda found: found[0]) if item[0].owner in ours]


def _pick(items: Sequence[tuple[Key, Attributes]], number: int) -> tuple[Key, Attributes] | None:
    return items[number % len(items)] if items else None


def _on_link(call: str, *words: tuple[str, str | int]) -> Tampering:
    def act(state: State, number: int) -> None:
        found = _pick([item for item in _ours(state) if call != "link del" or not item[0].owner.startswith("pod:")], number)
        if found is not None:
            effect(Operation(call, found[0], (("dev", found[1].name), *words)), state, KINDS)

    return act


def _new_mac(state: State, number: int) -> None:
    """Of all but taps, whose MAC nobody reads."""
    found = _pick([item for item in _ours(state) if item[1].tap is None], number)
    if found is not None:
        do(state, Operation("link set", found[0], (("dev", found[1].name), ("address", "02:00:00:00:00:99"))))


def _rename(state: State, key: Key, name: str) -> None:
    effect(Operation("link set", key, (("dev", state.resources[key].name), ("name", name))), state, KINDS)


def _swap(state: State, number: int) -> None:
    """Two, or with three links three, names in a ring."""
    marked = [key for key, value in _ours(state) if value.mark is not None]
    if len(marked) < 2:
        return
    ring = marked[: 2 + number % 2] if len(marked) > 2 else marked
    names = [state.resources[key].name for key in ring]
    for place, key in enumerate(ring):
        _rename(state, key, f"ring{place}")
    for place, key in enumerate(ring):
        _rename(state, key, names[(place + 1) % len(ring)])


def _unmark(state: State, number: int) -> None:
    found = _pick([item for item in _ours(state) if item[1].mark is not None], number)
    if found is not None:
        words = (("dev", found[1].name), ("altname", link.MARK + str(found[1].mark)))
        do(state, Operation("link property del", found[0], words))


def _options(state: State, number: int) -> None:
    found = _pick([item for item in _ours(state) if item[1].port or item[1].bridge], number)
    if found is None:
        return
    key, value = found
    flags = [bool(number & bit) for bit in (2, 4, 8)]
    state.put(key, replace(value, port=Port(*flags)) if value.port else replace(value, bridge=Bridge(*flags[:2])))


def _replugged(state: State, number: int) -> None:
    """A macvtap of the same name and mark, made on another link or in another mode."""
    found = _pick([item for item in _ours(state) if item[1].lower is not None], number)
    if found is not None:
        key, value = found
        state.put(key, replace(value, mode="private") if number & 1 else replace(value, lower=f"#{number}"))


def _drop(kind: str) -> Tampering:
    """Addresses and routes as the kernel deletes them; what is in our table with all that is in it."""

    def act(state: State, number: int) -> None:
        in_table = kind in ("table", "set", "chain", "element")
        found = _pick(sorted(state.of(kind), key=lambda item: item[0]) if in_table else _ours(state, kind), number)
        if found is None:
            return
        if not in_table:
            effect(Operation(f"{kind} del", found[0], ()), state, KINDS)
            return
        if kind == "set":
            _free(state, found[0].name)
        state.remove(found[0])

    return act


def _free(state: State, name: str) -> None:
    """The kernel deletes no set that a rule looks into."""
    for key, value in state.of("chain"):
        kept = tuple(each for each in value.rules if not any(s.verb == "lookup" and s.value == name for s in each.statements))
        if kept != value.rules:
            state.put(key, replace(value, rules=kept))


def _add_address(state: State, number: int) -> None:
    found = _pick([item for item in _ours(state) if not item[0].owner.startswith("pod:")], number)
    text = ("10.0.2.77/24", "10.66.0.1/16", "fd66::1/64", "fd10:0:2::77/120", "10.77.0.2/30")[number % 5]
    if found is not None:
        order = 1 + max((value.order for _, value in state.on("address", found[0].owner)), default=0)
        effect(Operation("address replace", Key("address", found[0].owner, text), (), Address(order=order)), state, KINDS)


def _alter_address(state: State, number: int) -> None:
    found = _pick(_ours(state, "address"), number)
    if found is not None:
        key, value = found
        state.put(key, replace(value, dynamic=True, valid=99, preferred=99) if number & 1 else replace(value, scope=253))


def _add_route(state: State, number: int) -> None:
    found = _pick([item for item in _ours(state) if not item[0].owner.startswith("pod:")], number)
    name = ("10.55.0.0/16", "10.55.0.0/16 metric 5", "fd55::/64 metric 1024")[number % 3]
    if found is not None and found[1].up:
        scope = "link" if ":" not in name else "global"
        effect(Operation("route replace", Key("route", found[0].owner, name), (), Route(scope=scope)), state, KINDS)


def _alter_sysctl(state: State, number: int) -> None:
    wide = [item for item in state.of("sysctl") if not item[0].owner]
    found = _pick(sorted([*_ours(state, "sysctl"), *wide], key=lambda item: item[0]), number)
    if found is not None and "disable_ipv6" not in found[0].name:
        do(state, Operation("sysctl", found[0], (), Sysctl(str(number % 3 if "accept" in found[0].name else number % 2))))


def _alter_chain(state: State, number: int) -> None:
    found = _pick([item for item in state.of("chain") if item[0].name != chain.CAPTURED], number)
    if found is not None:
        key, value = found
        more = rule.Rule((rule.Statement("return"),))
        state.put(key, replace(value, rules=value.rules[1:] if number & 1 and value.rules else (more, *value.rules)))


def _add_to_table(state: State, number: int) -> None:
    if state.get(table.KEY) is None:
        return
    if number & 1:
        state.put(Key("chain", "", f"foreign{number % 4}"), chain.Chain())
        return
    name = f"foreign{number % 4}"
    state.put(Key("set", "", name), nftset.NftSet("inet_service"))
    state.put(Key("element", name, str(number)), element.Element())


def _add_port(state: State, number: int) -> None:
    if state.get(Key("set", "", "ports")) is not None:
        state.put(Key("element", "ports", f"tcp . {1 + number}"), element.Element())


def _function(state: State, number: int) -> None:
    """Any of the functions: what of it nobody asked for stays as it is."""
    found = _pick(sorted(state.of("vf"), key=lambda item: item[0]), number)
    words = (("mac", "02:00:00:00:00:99"), ("vlan", 7), ("spoofchk", "on"), ("trust", "on"), ("state", "enable"))
    if found is not None:
        key, value = found
        do(state, Operation("link set", key, (("dev", value.parent), ("vf", int(key.name)), words[number % len(words)])))


def _unmark_function(state: State, number: int) -> None:
    found = _pick([item for item in sorted(state.of("vf"), key=lambda item: item[0]) if item[1].marks], number)
    if found is not None:
        key, value = found
        altname = f"{link.VF_MARKS}{value.marks[0]}:{key.name}"
        do(state, Operation("link property del", key, (("dev", value.parent), ("altname", altname))))


TAMPERINGS: dict[str, Tampering] = {
    "link deleted": _on_link("link del"),
    "link down": _on_link("link set", ("down", "")),
    "link MTU": _on_link("link set", ("mtu", 1400)),
    "link MTU too small for IPv6": _on_link("link set", ("mtu", 1000)),
    "link MAC": _new_mac,
    "link freed": _on_link("link set", ("nomaster", "")),
    "link renamed": _on_link("link set", ("name", "stolen")),
    "names swapped": _swap,
    "mark deleted": _unmark,
    "mark added": _on_link("link property add", ("altname", "converge:stray")),
    "options": _options,
    "macvtap elsewhere": _replugged,
    "address deleted": _drop("address"),
    "address added": _add_address,
    "address altered": _alter_address,
    "route deleted": _drop("route"),
    "route added": _add_route,
    "sysctl altered": _alter_sysctl,
    "table deleted": _drop("table"),
    "set deleted": _drop("set"),
    "element deleted": _drop("element"),
    "element added": _add_port,
    "chain deleted": _drop("chain"),
    "chain altered": _alter_chain,
    "table filled": _add_to_table,
    "function altered": _function,
    "function's mark deleted": _unmark_function,
}
tamperings = st.lists(st.tuples(st.sampled_from(sorted(TAMPERINGS)), st.integers(0, 63)), min_size=1, max_size=6)
