"""SR-IOV functions: what the kernel says of them, in which words they are set, and what becomes of them then."""

from __future__ import annotations

from dataclasses import replace
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converge.engine import State, diff, plan
from converge.model import Change, Key, Operation, Resources, Value, Vlan
from converge.resources import KINDS, vf
from converge.resources.fact import VERSION, Fact
from converge.resources.link import Link
from converge.resources.vf import PROTOCOLS, Vf

PF = Key("link", "#7")
ONE = Key("vf", "#7", "1")
STATES = ("auto", "enable", "disable")

macs = st.binary(min_size=6, max_size=6).map(lambda octets: octets.hex(":"))
vlans = st.builds(Vlan, st.integers(0, 4095), st.integers(0, 7), st.sampled_from(sorted(PROTOCOLS))).map(vf.canonical)
switches = st.booleans()
nics = st.sampled_from(("fast", "other", "a-b_c"))
marks = st.lists(nics, max_size=2, unique=True).map(lambda names: tuple(sorted(names)))
whole = st.builds(Vf, macs, vlans, switches, switches, st.sampled_from(STATES), marks)
told = st.builds(
    Vf, macs, vlans, st.none() | switches, st.none() | switches, st.none() | st.sampled_from(STATES), marks
)  # what a driver may leave out


# -------------------------------------------------------------------------------------------------------- decoding


def attribute(kind: int, value: bytes) -> bytes:
    return pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def encoded(functions: dict[int, Vf], listed: bool = True) -> bytes:
    """As a kernel answers, written by hand. `listed`: with the VLAN's protocol, as kernels since 4.9."""
    infos = b"".join(attribute(1, _info(number, value, listed)) for number, value in functions.items())
    names = [f"converge:vf:{nic}:{number}" for number, value in functions.items() for nic in value.marks]
    properties = b"".join(attribute(53, name.encode() + b"\0") for name in names)
    payload = pack("=BxHiII", 0, 1, 7, 0, 0) + attribute(3, b"pf0\0") + attribute(22 | 0x8000, infos) + attribute(52, properties)
    return pack("=IHHII", 16 + len(payload), 16, 0, 1, 0) + payload


def _info(number: int, value: Vf, listed: bool) -> bytes:
    assert value.mac is not None
    assert value.vlan is not None
    tag = value.vlan
    data = attribute(1, pack("=I", number) + bytes.fromhex(value.mac.replace(":", "")) + bytes(26))
    data += attribute(2, pack("=III", number, tag.id, tag.qos))
    if listed:
        entry = pack("=III", number, tag.id, tag.qos) + PROTOCOLS[tag.protocol].to_bytes(2, "big") + bytes(2)
        data += attribute(12, attribute(1, entry))
    for kind, switch in ((4, value.spoofchk), (9, value.trust)):
        data += attribute(kind, pack("=II", number, 0xFFFFFFFF if switch is None else switch))
    return data + (attribute(5, pack("=II", number, STATES.index(value.state))) if value.state else b"")


@given(st.dictionaries(st.integers(0, 255), told, max_size=4))
def test_what_the_kernel_tells_is_read(functions: dict[int, Vf]) -> None:
    found = dict(vf.decode(encoded(functions)))
    assert found == {Key("vf", "#7", str(number)): value for number, value in functions.items()}
    assert all((value.parent, value.ifindex) == ("pf0", 7) for value in found.values())


def test_a_kernel_without_protocols_tells_the_vlan_all_the_same() -> None:
    value = Vf("02:00:00:00:00:01", Vlan(100, 3), False, False, "auto")
    assert dict(vf.decode(encoded({1: value}, listed=False))) == {ONE: value}


def test_a_tag_that_is_none_has_no_protocol() -> None:
    """netdevsim begins with protocol 0, and drivers keep the last one."""
    assert vf.canonical(Vlan(0, 0, "802.1ad")) == Vlan(0)
    assert vf.canonical(Vlan(0, 1, "802.1ad")) == Vlan(0, 1, "802.1ad")


@settings(deadline=None)  # the first one imports pyroute2
@given(whole)
def test_what_is_written_would_be_read_as_it_was_meant(value: Vf) -> None:
    """The message that pyroute2 makes of an operation, read by our own decoder; `lo` is there in any namespace."""
    from pyroute2 import IPBatch

    from converge.kernel.rtnetlink import _CALLS

    words: list[tuple[str, Value]] = [("dev", "lo"), ("vf", 3), *vf.words(vf.told(value))]
    encoder = IPBatch()
    _CALLS["link set"](encoder, dict(words))
    ((key, found),) = vf.decode(bytes(encoder.batch))
    encoder.close()
    assert (key.name, found) == ("3", replace(value, marks=()))


@pytest.mark.parametrize(
    ("altnames", "expected"),
    [
        (["converge:vf:fast:1", "alias", "converge:pod:default"], [("fast", 1)]),
        (["converge:vf:", "converge:vf:fast", "converge:vf:fast:x", "converge:vf::1", "converge:vf:fast:²"], []),
        (["converge:vf:a:b:12"], [("a:b", 12)]),
    ],
)
def test_marks(altnames: list[str], expected: list[tuple[str, int]]) -> None:
    assert vf.marked(altnames) == expected


# ----------------------------------------------------------------------------------------------------- operations


def universe(value: Vf) -> Resources:
    altnames = tuple(f"converge:vf:{nic}:1" for nic in value.marks)
    return {PF: Link("pf0", "", True, 1500, "02:00:00:00:00:00", index=7, altnames=altnames), ONE: value}


def texts(before: Vf, after: Vf) -> list[str]:
    state = State(universe(before), lambda key, each: KINDS[key.kind].within(key, each))
    return [str(each) for each in vf.operations(Change(ONE, before, after), state)]


def test_one_message_carries_what_differs_and_nothing_else() -> None:
    before = Vf("02:00:00:00:00:01", Vlan(0), False, False, "auto")
    after = Vf("02:00:00:00:00:02", Vlan(100, 3, "802.1ad"), True, True, "enable", ("fast",))
    mark = "dev pf0 altname converge:vf:fast:1"
    words = "mac 02:00:00:00:00:02 vlan 100 qos 3 proto 802.1ad spoofchk on trust on state enable"
    assert texts(before, after) == [f"link property add {mark}", f"link set dev pf0 vf 1 {words}"]
    assert texts(after, replace(after, vlan=Vlan(7))) == ["link set dev pf0 vf 1 vlan 7"]
    assert texts(after, replace(after, trust=False)) == ["link set dev pf0 vf 1 trust off"]
    assert texts(after, replace(after, marks=())) == [f"link property del {mark}"]


def test_what_the_driver_does_not_tell_is_not_set() -> None:
    before = Vf("02:00:00:00:00:01", Vlan(0))
    assert texts(before, replace(before, marks=("fast",))) == ["link property add dev pf0 altname converge:vf:fast:1"]


@settings(deadline=None)
@given(whole, whole)
def test_a_plan_leads_from_any_function_to_any_other(before: Vf, after: Vf) -> None:
    observed, desired = universe(before), {ONE: after}
    planned = plan(observed, desired, lambda key, _: key.kind == "fact", KINDS)
    assert not planned.stuck
    assert planned.empty == (before == after)
    state = State(observed, lambda key, each: KINDS[key.kind].within(key, each))
    for step in planned.steps:
        assert vf.effect(step.operation, state) is None
    assert not list(diff(state.resources, desired, lambda key, _: False))


def test_a_fact_is_written_before_and_deleted_after() -> None:
    free, held = Vf("02:00:00:00:00:01", Vlan(0)), Vf("02:00:00:00:00:02", Vlan(0), marks=("fast",))
    fact = {VERSION: Fact()}
    assert list(vf.after(ONE, held, fact)) == [VERSION]
    assert list(vf.after(ONE, free, fact)) == []


@pytest.mark.parametrize(
    ("operation", "refusal"),
    [
        (Operation("link set", ONE, (("dev", "gone"), ("vf", 1), ("mac", "02:00:00:00:00:02"))), 'Cannot find device "gone"'),
        (Operation("link set", Key("vf", "#7", "9"), (("dev", "pf0"), ("vf", 9), ("vlan", 7))), "Invalid argument"),
        (Operation("link property add", ONE, (("dev", "pf0"), ("altname", "converge:vf:fast:1"))), "File exists"),
        (Operation("link property del", ONE, (("dev", "pf0"), ("altname", "converge:vf:other:1"))), "Invalid argument"),
    ],
)
def test_what_the_kernel_would_refuse(operation: Operation, refusal: str) -> None:
    state = State(
        universe(Vf("02:00:00:00:00:01", Vlan(0), marks=("fast",))), lambda key, each: KINDS[key.kind].within(key, each)
    )
    assert vf.effect(operation, state) == refusal
