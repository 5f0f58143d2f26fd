"""`state: absent`, and further NICs in a pod whose links have ordinal names: where KubeVirt loses a CNI's link or a guest's MAC.

KubeVirt deletes an absent NIC's links by name, the one that bears the pod link's name included. If the NIC was never wired,
that one is the CNI's own. Here nothing is deleted but what carries our mark or is known from facts (reference section 13.2).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from converge.bindings.names import hashed
from converge.model import Outcome, Result
from tests.kernel.bridging import Wired, attached, secondary
from tests.kernel.driving import applied, apply, document, plan, told
from tests.kernel.inside import Pod, settle, shell
from tests.kernel.judge import differences, snapshot
from tests.kernel.matrix import MASQUERADE, NOTHING, wish

RED = hashed("red")
ADDRESS, MAC = "192.168.1.9/24", "02:aa:00:00:00:07"


def machine(netns: str, state: str) -> str:
    return f"""\
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata: {{name: web, namespace: shop, annotations: {{net.converge/netns: {netns}}}}}
spec:
  template:
    spec:
      domain:
        devices:
          interfaces:
            - {{name: default, masquerade: {{}}}}
            - {{name: red, bridge: {{}}, state: {state}}}
      networks:
        - {{name: default, pod: {{}}}}
        - {{name: red, multus: {{networkName: red}}}}
"""


def with_red(pod: Callable[..., Pod], name: str = RED) -> Pod:
    made = pod()
    shell(made.netns, attached(name, ADDRESS, MAC))
    settle(made.netns)
    return made


def test_an_absent_nic_that_was_never_wired_leaves_the_link_of_the_cni(pod: Callable[..., Pod]) -> None:
    made = with_red(pod)
    applied(machine(made.netns, "absent"))
    found = Wired(made.netns)
    assert found.kind(RED) == "veth"
    assert found.link(RED)["address"] == MAC
    assert ADDRESS in found.addresses(RED)
    assert not {"k6t-" + RED[3:], RED[3:] + "-nic", "tap" + RED[3:]} & found.links.keys()


def test_a_nic_that_becomes_absent_is_unplugged_and_its_link_given_back(pod: Callable[..., Pod]) -> None:
    made = with_red(pod)
    applied(machine(made.netns, "absent"))
    before = snapshot(made.netns)
    applied(machine(made.netns, "up"))
    assert "tap" + RED[3:] in Wired(made.netns).links
    applied(machine(made.netns, "absent"))
    assert not differences(before, snapshot(made.netns))
    assert plan(machine(made.netns, "absent")).outcome is Outcome.UNCHANGED


def test_a_wired_nic_whose_marks_are_gone_costs_no_link_of_the_cni(pod: Callable[..., Pod]) -> None:
    """Nobody knows then that the NIC was wired: what has our names but no mark is left where it is."""
    made = with_red(pod)
    applied(machine(made.netns, "up"))
    stem = RED[3:]
    roles = {RED: "standin", f"{stem}-nic": "pod", f"k6t-{stem}": "bridge", f"tap{stem}": "tap"}
    lines = [f"ip link property del dev {link} altname converge:{role}:red" for link, role in roles.items()]
    shell(made.netns, "\n".join([*lines, "nft flush chain inet converge captured"]))
    before = Wired(made.netns).links
    apply(machine(made.netns, "absent"))
    assert roles.keys() <= Wired(made.netns).links.keys()
    assert Wired(made.netns).link(f"{stem}-nic")["ifindex"] == before[f"{stem}-nic"]["ifindex"]


# ----------------------------------------------------------------------------------------------------- ordinal names


def concerned(result: Result) -> set[str]:
    """NICs whose links a plan changes."""
    assert result.outcome is Outcome.PLANNED, told(result)
    return {change.key.owner.partition(":")[2] for change in result.plan.changes if change.key.kind == "link"}


def test_a_network_that_is_added_last_gets_the_next_ordinal(pod: Callable[..., Pod]) -> None:
    """As Multus numbers it. KubeVirt begins anew with `net1` and takes the MAC of the NIC that is there."""
    made = with_red(pod, "net1")
    applied(wish(made, (*MASQUERADE, secondary("red"))))
    shell(made.netns, attached("net2", "192.168.2.9/24"))
    settle(made.netns)
    both = (*MASQUERADE, secondary("red"), secondary("blue"))
    assert concerned(plan(wish(made, both))) == {"blue"}
    applied(wish(made, both))
    found = Wired(made.netns)
    assert found.link("net1")["address"] == MAC
    assert ADDRESS in found.addresses("net1")
    assert found.link("tap2")["master"] == "k6t-net2"


@pytest.mark.parametrize("wanted", [("blue", "red"), ("blue",)])
def test_a_network_whose_ordinal_is_taken_is_refused(pod: Callable[..., Pod], wanted: tuple[str, ...]) -> None:
    made = with_red(pod, "net1")
    applied(wish(made, (*MASQUERADE, secondary("red"))))
    shell(made.netns, attached("net2", "192.168.2.9/24"))
    settle(made.netns)
    before = snapshot(made.netns)
    result = apply(wish(made, (*MASQUERADE, *map(secondary, wanted))))
    assert result.outcome is Outcome.REFUSED, told(result)
    assert "blue" in {each.nic for each in result.diagnostics}, told(result)
    assert not differences(before, snapshot(made.netns))
    named = secondary("red", "net1"), secondary("blue", "net2")
    assert concerned(plan(wish(made, (*MASQUERADE, *reversed(named))))) == {"blue"}


def test_unplugging_the_first_of_two_ordinals_leaves_the_second_alone(pod: Callable[..., Pod]) -> None:
    made = with_red(pod, "net1")
    shell(made.netns, attached("net2", "192.168.2.9/24"))
    settle(made.netns)
    before = snapshot(made.netns)
    both = (*MASQUERADE, secondary("red"), secondary("blue"))
    applied(wish(made, both))
    assert plan(wish(made, (*MASQUERADE, secondary("blue"), secondary("red")))).outcome is Outcome.UNCHANGED
    left = wish(made, (*MASQUERADE, secondary("blue")))
    assert concerned(plan(left)) == {"red"}
    applied(left)
    assert plan(left).outcome is Outcome.UNCHANGED
    assert Wired(made.netns).link("tap2")["master"] == "k6t-net2"
    applied(wish(made, NOTHING))
    assert not differences(before, snapshot(made.netns))


def test_a_document_says_what_is_absent(pod: Callable[..., Pod]) -> None:
    made = pod()
    assert [nic.name for nic in document(machine(made.netns, "absent")).nics] == ["default"]
