"""What is printed of a pod's `status.interfaces`, and that wiring a pod does not change what it shows."""

from __future__ import annotations

from dataclasses import replace

import yaml
from hypothesis import assume, given

from converge.model import Desired, Key, Outcome, Plan, Resources, Result
from converge.report import vmi
from converge.report.vmi_status import Seen
from converge.resources.address import Address
from converge.resources.link import Link
from tests.unit.report.results import document, made, refused
from tests.unit.universe import Pod, Wish, look, pods, wired, wishes
from tests.unit.universe_tampering import tampered, tamperings

POD_LINK = Key("link", "pod:default")


def pod_of(*addresses: str) -> Result:
    resources: Resources = {POD_LINK: Link("eth0", "veth", True, 1500, "0a:58:0a:f4:01:05")}
    resources |= {Key("address", "pod:default", address): Address() for address in addresses}
    return made(look(Wish(), {}).plan(), resources, {}, Outcome.UNCHANGED)


def test_the_first_global_address_of_each_family_counts() -> None:
    found = vmi.seen(pod_of("169.254.1.1/16", "fe80::1/64", "100.64.0.7/10", "10.244.1.5/24", "fd00::5/64", "fd00::4/64"))
    assert found["default"].ips == ("100.64.0.7", "fd00::5")
    assert (found["default"].link, found["default"].mac) == ("eth0", "0a:58:0a:f4:01:05")


def test_a_pod_without_its_link_shows_nothing_of_it() -> None:
    empty = made(look(Wish(), {}).plan(), {Key("link", "#1"): Link("lo", "", True, 65536)}, {}, Outcome.UNCHANGED)
    (shown,) = vmi.described([empty])["pods"]
    assert shown["interfaces"] == [{"name": "default", "podInterfaceName": "eth0"}]


def test_a_pod_that_cannot_be_looked_at_has_none_and_no_yaml() -> None:
    found = vmi.described([refused("db"), pod_of("10.244.1.5/24"), pod_of()])
    assert [each["interfaces"] is None for each in found["pods"]] == [True, False, False]
    assert [each["document"] for each in found["diagnostics"]] == ["shop/db"]
    text = "\n".join(vmi.lines(found))
    assert text.count("---") == 1
    assert [each["metadata"]["name"] for each in yaml.safe_load_all(text)] == [document().name] * 2
    assert "kind" not in text  # else it would be a state file


def shown(wish: Wish, state: Resources) -> dict[str, Seen]:
    found = look(wish, state)
    return vmi.seen(Result(wish.document(), Outcome.PLANNED, Plan((), (), 0), Desired(found.desired), found.observed))


@given(wishes, pods)
def test_a_pod_shows_the_same_before_and_after_it_is_wired(wish: Wish, pod: Pod) -> None:
    """But for what router advertisements taught, which no stand-in can have."""
    fresh = pod.resources()
    assume(not look(wish, fresh).refusals)
    assume(not any(key.kind == "address" and value.dynamic and ":" in key.name for key, value in fresh.items()))
    assert shown(wish, fresh) == shown(wish, wired(wish, pod))
    assert set(shown(wish, fresh)) == {nic.name for nic in wish.document().nics}


@given(wishes, pods, tamperings)
def test_what_a_pod_shows_outlives_all_but_its_facts(wish: Wish, pod: Pod, choices: list[tuple[str, int]]) -> None:
    """Whatever somebody does to the links of a wired pod, its stand-in deleted or given other addresses: facts say how it was."""
    assume(not look(wish, pod.resources()).refusals)
    before = wired(wish, pod)
    after = tampered(before, choices)
    assume(facts(after) == facts(before) and not look(wish, after).refusals)
    assert shown(wish, after) == shown(wish, before)


def facts(state: Resources) -> set[Key]:
    return {key for key in state if key.kind == "fact"}


def test_an_address_that_was_advertised_is_told_until_the_link_is_taken_over() -> None:
    wish, pod = Wish(binding="managedTap"), Pod()
    taught = {
        key: replace(value, dynamic=True) if key.kind == "address" and key.name.startswith("fd10:") else value
        for key, value in pod.resources().items()
    }
    assert shown(wish, taught)["default"].ips == ("10.244.1.5", "fd10:244:1::5")
