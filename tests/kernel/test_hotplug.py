"""A NIC that comes to a running pod, or leaves it, is nobody else's business: no operation of its plan names what is another's.

Said by the plan (each operation is about the NIC, the table or a sysctl of the whole pod), by the kernel (the others' links and
addresses before and after) and by what is asked of the pod at the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from converge.bindings.names import hashed
from converge.model import Nic, Operation, Outcome, Result
from tests.kernel.bridging import Wired, attached, secondary
from tests.kernel.driving import applied, apply, document, plan, told
from tests.kernel.inside import Pod, settle, shell
from tests.kernel.judge import Snapshot, differences, snapshot
from tests.kernel.matrix import IPV4, MASQUERADE, Nics, wish

MakePod = Callable[..., Pod]
NAMES = ("red", "blue", "green")
MADE = "\n".join(attached(hashed(name), f"192.168.{place}.9/24") for place, name in enumerate(NAMES))
THREE = tuple(
    replace(secondary(name), binding=binding) for name, binding in zip(NAMES, ("bridge", "managedTap", "macvtap"), strict=True)
)
POD_WIDE = ("table", "chain", "set", "element", "fact")


def parts(operations: Sequence[Operation]) -> Iterator[Operation]:
    for operation in operations:
        yield from operation.parts or (operation,)


def others(result: Result, name: str) -> list[str]:
    """Operations that are about a link of somebody else."""
    steps = [step.operation for step in result.plan.steps]
    about = [each for each in parts(steps) if each.key.kind not in POD_WIDE and each.key.owner]
    return [str(each) for each in about if not each.key.owner.endswith(f":{name}")]


def kept(netns: str, name: str) -> Snapshot:
    """Links, addresses and routes, but for those of one NIC. The far end of its pod link has the same end of a name."""
    stem, found = hashed(name)[-8:], snapshot(netns)
    links = {link: value for link, value in found["links"].items() if stem not in link}
    addresses, routes = ([each for each in found[part] if stem not in str(each)] for part in ("addresses", "routes"))
    return {"links": links, "addresses": addresses, "routes": routes}


def changed(here: Pod, nics: Nics, name: str) -> Result:
    settle(here.netns)
    before = kept(here.netns, name)
    result = applied(wish(here, nics))
    assert result.outcome is Outcome.APPLIED, told(result)
    assert others(result, name) == []
    settle(here.netns)
    assert not differences(before, kept(here.netns, name))
    again = plan(wish(here, nics))
    assert again.outcome is Outcome.UNCHANGED, told(again)
    return result


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=lambda order: "".join(map(str, order)))
def test_plugged_one_by_one_and_unplugged_again(pod: MakePod, order: tuple[int, ...]) -> None:
    """Each time at its place in the document, so the others' places move, too."""
    here = pod(**IPV4)
    shell(here.netns, MADE)
    settle(here.netns)
    before = snapshot(here.netns)
    applied(wish(here, MASQUERADE))
    present: set[int] = set()
    for number in order:
        present.add(number)
        changed(here, (*MASQUERADE, *(THREE[each] for each in sorted(present))), NAMES[number])
    for number in order:
        present.remove(number)
        changed(here, (*MASQUERADE, *(THREE[each] for each in sorted(present))), NAMES[number])
    applied(wish(here, ()))
    settle(here.netns)
    assert not differences(before, snapshot(here.netns))


# ----------------------------------------------------------------------------------- state: absent, down, and queues


def vmi(netns: str, interfaces: list[dict[str, Any]], status: Sequence[dict[str, Any]] = (), **devices: Any) -> str:
    names = [each["name"] for each in interfaces]
    networks = [{"name": n, **({"pod": {}} if n == "default" else {"multus": {"networkName": n}})} for n in names]
    return json.dumps(
        {
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachineInstance",
            "metadata": {"name": "web", "namespace": "shop", "annotations": {"net.converge/netns": netns}},
            "spec": {
                "domain": {"cpu": {"cores": 4}, "devices": {"interfaces": interfaces, **devices}},
                "networks": networks,
            },
            "status": {"interfaces": list(status), "migrationTransport": "Unix"},
        }
    )


DEFAULT: dict[str, Any] = {"name": "default", "masquerade": {}}
RED: dict[str, Any] = {"name": "red", "bridge": {}}
GREEN: dict[str, Any] = {"name": "green", "binding": {"name": "macvtap"}}
ABSENT = {**RED, "state": "absent"}


@pytest.mark.parametrize("beside", [[], [GREEN]], ids=["alone", "beside a macvtap"])
def test_unplugged_by_state_absent(pod: MakePod, beside: list[dict[str, Any]]) -> None:
    here = pod(**IPV4)
    shell(here.netns, MADE)
    settle(here.netns)
    before = snapshot(here.netns)
    applied(vmi(here.netns, [DEFAULT, RED, *beside]))
    settle(here.netns)
    others_before = kept(here.netns, "red")
    result = applied(vmi(here.netns, [DEFAULT, ABSENT, *beside]))
    assert others(result, "red") == []
    settle(here.netns)
    assert not differences(others_before, kept(here.netns, "red"))
    after = snapshot(here.netns)
    assert after["links"][hashed("red")] == before["links"][hashed("red")]
    assert plan(vmi(here.netns, [DEFAULT, ABSENT, *beside])).outcome is Outcome.UNCHANGED


def test_absent_from_the_start_leaves_the_cnis_link(pod: MakePod) -> None:
    """KubeVirt deletes it, since it has the name that a dummy would have (reference section 13, 2)."""
    here = pod(**IPV4)
    shell(here.netns, MADE)
    settle(here.netns)
    before = kept(here.netns, "default")
    result = applied(vmi(here.netns, [DEFAULT, ABSENT]))
    assert others(result, "default") == []
    settle(here.netns)
    after = kept(here.netns, "default")
    assert {name: after["links"][name] for name in before["links"]} == before["links"]
    assert [each for each in before["addresses"] if each not in after["addresses"]] == []
    assert after["links"].keys() - before["links"].keys() == {"k6t-eth0", "tap0"}


def test_two_absent_one_after_the_other_and_back(pod: MakePod) -> None:
    """Finished, then one absent, then both; the ones that stay are described as they were."""
    here = pod(**IPV4)
    shell(here.netns, MADE)
    both = [DEFAULT, RED, {**RED, "name": "blue"}]
    applied(vmi(here.netns, both))
    first = changed_document(here, vmi(here.netns, [DEFAULT, RED, {**both[2], "state": "absent"}]), "blue")
    assert first.plan.changes
    second = changed_document(here, vmi(here.netns, [DEFAULT, ABSENT, {**both[2], "state": "absent"}]), "red")
    assert second.plan.changes
    applied(vmi(here.netns, both))
    assert Wired(here.netns).links.keys() >= {f"k6t-{hashed(name)[3:]}" for name in ("red", "blue")}


def test_one_of_three_absent_from_the_start(pod: MakePod) -> None:
    here = pod(**IPV4)
    shell(here.netns, MADE)
    wanted = vmi(here.netns, [DEFAULT, ABSENT, {**RED, "name": "blue"}])
    applied(wanted)
    assert {f"k6t-{hashed(name)[3:]}" in Wired(here.netns).links for name in ("red",)} == {False}
    assert f"k6t-{hashed('blue')[3:]}" in Wired(here.netns).links
    assert apply(wanted).outcome is Outcome.UNCHANGED


def test_a_failed_one_can_be_marked_absent(pod: MakePod) -> None:
    """The third network's link is missing: nothing is done. Once it is marked absent, the others are wired."""
    here = pod(**IPV4)
    shell(here.netns, MADE)
    missing: dict[str, Any] = {"name": "white", "bridge": {}}
    settle(here.netns)
    before = snapshot(here.netns)
    result = apply(vmi(here.netns, [DEFAULT, RED, missing]))
    assert result.outcome is Outcome.REFUSED
    assert f"the pod has no link {hashed('white')}" in told(result)
    assert not differences(before, snapshot(here.netns))
    applied(vmi(here.netns, [DEFAULT, RED, {**missing, "state": "absent"}]))
    assert Wired(here.netns).link("tap" + hashed("red")[3:])["master"] == "k6t-" + hashed("red")[3:]


def changed_document(here: Pod, wanted: str, name: str) -> Result:
    settle(here.netns)
    before = kept(here.netns, name)
    result = applied(wanted)
    assert others(result, name) == []
    settle(here.netns)
    assert not differences(before, kept(here.netns, name))
    return result


@pytest.mark.parametrize(
    "interface", [RED, GREEN, {"name": "blue", "binding": {"name": "managedTap"}}], ids=lambda each: each["name"]
)
def test_down_is_as_up_in_the_pod(pod: MakePod, interface: dict[str, Any]) -> None:
    """The guest's cable is the domain's business: the tap stays up."""
    here = pod(**IPV4)
    shell(here.netns, MADE)
    applied(vmi(here.netns, [DEFAULT, interface]))
    down = vmi(here.netns, [{**DEFAULT, "state": "down"}, {**interface, "state": "down"}])
    assert plan(down).outcome is Outcome.UNCHANGED, told(plan(down))
    assert [nic.state for nic in document(down).nics] == ["down", "down"]
    assert [Wired(here.netns).up(name) for name in ("tap0", "tap" + hashed(interface["name"])[3:])] == [True, True]


def queues(netns: str, name: str) -> bool:
    return bool(Wired(netns).link(name)["linkinfo"]["info_data"]["multi_queue"])


@pytest.mark.parametrize(
    "interface",
    [DEFAULT, {"name": "default", "bridge": {}}, {"name": "default", "binding": {"name": "managedTap"}}],
    ids=["masquerade", "bridge", "managedTap"],
)
def test_a_running_guests_queues_come_first(pod: MakePod, interface: dict[str, Any]) -> None:
    """Four cores would make four; the guest that runs already has one, and its tap must fit."""
    here = pod(**IPV4)
    running = [{"name": "default", "infoSource": "domain", "queueCount": 1}]
    applied(vmi(here.netns, [interface], running, networkInterfaceMultiqueue=True))
    assert queues(here.netns, "tap0") is False
    elsewhere = [{"name": "default", "infoSource": "multus-status", "queueCount": 1}]
    result = applied(vmi(here.netns, [interface], elsewhere, networkInterfaceMultiqueue=True))
    assert queues(here.netns, "tap0") is True, told(result)
    four = [{"name": "default", "infoSource": "domain, guest-agent", "queueCount": 4}]
    assert plan(vmi(here.netns, [interface], four, networkInterfaceMultiqueue=True)).outcome is Outcome.UNCHANGED
    applied(vmi(here.netns, [{**interface, "model": "e1000"}], networkInterfaceMultiqueue=True))
    assert queues(here.netns, "tap0") is False


def test_a_macvtap_has_no_queues_to_be_made_for(pod: MakePod) -> None:
    """One macvtap serves any number: a VMM opens it as often as it wants."""
    here = pod(**IPV4)
    applied(vmi(here.netns, [{**GREEN, "name": "default"}]))
    assert plan(vmi(here.netns, [{**GREEN, "name": "default"}], networkInterfaceMultiqueue=True)).outcome is Outcome.UNCHANGED


def test_another_binding_for_one_leaves_the_others_alone(pod: MakePod) -> None:
    here = pod(**IPV4)
    shell(here.netns, MADE)
    applied(wish(here, (*MASQUERADE, *THREE)))
    for binding in ("macvtap", "bridge", "managedTap", "bridge"):
        other: Nic = replace(THREE[0], binding=binding)
        if binding != "bridge":
            changed(here, (*MASQUERADE, other, *THREE[1:]), "red")
        else:
            changed(here, (*MASQUERADE, *THREE), "red")
