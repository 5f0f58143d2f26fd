"""One pod, five NICs of five bindings: wired, changed, unplugged one by one, unwired. `pytest -s` shows each plan as it is made.

    default  masquerade    red  bridge    blue  managedTap    green  macvtap    white  sriov

Each plan between the first and the last is about one NIC, and may say nothing of another's: checked on every change and every
operation, and by the other NICs' links before and after. The fifth NIC wants a card: netdevsim is one, where the kernel has it.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from converge.bindings import REGISTRY
from converge.bindings.names import hashed
from converge.model import Key, Outcome, Result
from tests.kernel.bridging import Wired, attached
from tests.kernel.driving import applied, plan, told
from tests.kernel.inside import OUTSIDE4, GuestSpec, Pod, guest_on, serving, settle, shell, tcp
from tests.kernel.judge import differences, snapshot
from tests.kernel.stepping import stepped
from tests.kernel.test_hotplug import kept, parts

Interface = dict[str, Any]
NICS: dict[str, Interface] = {
    "default": {"masquerade": {}, "ports": [{"port": 80}]},
    "red": {"bridge": {}},
    "blue": {"binding": {"name": "managedTap"}},
    "green": {"binding": {"name": "macvtap"}},
    "white": {"sriov": {}, "virtualFunction": {"parent": "pf0", "index": 1, "vlan": {"id": 100}}},
}
CHANGED: dict[str, Interface] = {
    "default": {"masquerade": {}, "ports": [{"port": 80}, {"port": 443}]},
    "red": {"bridge": {}, "guest": {"mtu": 1400}},
    "blue": {"bridge": {}},
    "green": {"binding": {"name": "macvtap"}, "macAddress": "02:00:00:00:00:67"},
    "white": {"sriov": {}, "virtualFunction": {"parent": "pf0", "index": 1, "vlan": {"id": 200}, "trust": True}},
}
LINKS = "\n".join(
    attached(hashed(name), f"192.168.{place}.9/24", f"02:11:22:33:44:0{place}")
    for place, name in enumerate(("red", "blue", "green"))
)


def no_card() -> str:
    """Why there cannot be a fifth NIC here."""
    if "sriov" not in REGISTRY or importlib.util.find_spec("tests.kernel.cards") is None:
        return "this version has no sriov binding"
    return str(importlib.import_module("tests.kernel.cards").missing)


def card(netns: str) -> AbstractContextManager[None]:
    made: AbstractContextManager[None] = importlib.import_module("tests.kernel.cards").card(netns)
    return made


@dataclass(frozen=True)
class Story:
    """One pod, and a document of it that is written anew for each chapter."""

    here: Pod
    folder: Path

    def document(self, interfaces: dict[str, Interface]) -> str:
        networks = [{"name": n, **({"pod": {}} if n == "default" else {"multus": {"networkName": n}})} for n in interfaces]
        return json.dumps(
            {
                "apiVersion": "net.converge/v1alpha1",
                "kind": "GuestNetwork",
                "metadata": {"name": "web", "namespace": "shop"},
                "spec": {
                    "target": {"netns": self.here.netns},
                    "networks": networks,
                    "interfaces": [{"name": name, **interface} for name, interface in interfaces.items()],
                },
            }
        )

    def tell(self, about: str, interfaces: dict[str, Interface]) -> None:
        """The plan, as its reader sees it."""
        path = self.folder / "web.yaml"
        path.write_text(self.document(interfaces))
        command = [sys.executable, "-m", "converge", "plan", "--no-color", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        print(f"\n# {about}\n{done.stdout}{done.stderr}")
        assert done.returncode == 0, done.stdout + done.stderr

    def chapter(self, about: str, interfaces: dict[str, Interface]) -> Result:
        self.tell(about, interfaces)
        result = applied(self.document(interfaces))
        assert result.outcome is Outcome.APPLIED, told(result)
        again = plan(self.document(interfaces))
        assert again.outcome is Outcome.UNCHANGED, told(again)
        settle(self.here.netns)
        return result

    def about_one(self, what: str, name: str, interfaces: dict[str, Interface]) -> None:
        before = self.others(name)
        result = self.chapter(f"{name} {what}", interfaces)
        strange = [str(key) for key in touched(result) if not concerns(key, name)]
        assert strange == []
        assert not differences(before, self.others(name))

    def others(self, name: str) -> dict[str, Any]:
        """What the kernel shows of the other NICs, and of the pod itself."""
        if name != "default":
            found = kept(self.here.netns, name)
            return {**found, "links": {link: value for link, value in found["links"].items() if name != "white" or link != "pf0"}}
        found = snapshot(self.here.netns)
        own = ("k6t-eth0", "tap0", "eth0")
        links = {link: value for link, value in found["links"].items() if link not in own}
        rest = {part: [each for each in found[part] if each.get("dev") not in own] for part in ("addresses", "routes")}
        return {"links": links, **rest}


def touched(result: Result) -> Iterator[Key]:
    yield from (change.key for change in result.plan.changes)
    yield from (each.key for each in parts([step.operation for step in result.plan.steps]))


def concerns(key: Key, name: str) -> bool:
    """Is it about this NIC, or about the pod as a whole? A fact says whose it is; sets and elements are masquerade's."""
    if key.kind in ("table", "chain", "set", "element"):
        return name == "default" or key.kind in ("table", "chain")
    if key.kind == "vf":
        return name == "white"
    if key.kind == "fact":
        return key.owner in ("", "pod", name)
    return not key.owner or name in key.owner.split(":")


@contextmanager
def story(pod: Callable[..., Pod], folder: Path, number: int) -> Iterator[Story]:
    here = pod(addresses6=(), gateway6="")
    shell(here.netns, LINKS)
    with card(here.netns) if number == 5 else nullcontext():
        settle(here.netns)
        yield Story(here, folder)


@pytest.mark.parametrize(
    "number", [4, pytest.param(5, marks=pytest.mark.skipif(bool(no_card()), reason=f"four NICs only: {no_card()}"))]
)
def test_nics_of_as_many_bindings(pod: Callable[..., Pod], tmp_path: Path, number: int) -> None:
    wanted = dict(list(NICS.items())[:number])
    with story(pod, tmp_path, number) as told_:
        before = snapshot(told_.here.netns)
        told_.chapter(f"{number} NICs", wanted)
        each_has_its_own(told_.here)
        for name in wanted:
            wanted[name] = CHANGED[name]
            told_.about_one("changes", name, wanted)
        for name in list(wanted):
            del wanted[name]
            if wanted:
                told_.about_one("leaves", name, wanted)
        told_.chapter("the last one leaves", {})
        assert not differences(before, snapshot(told_.here.netns))


@pytest.mark.parametrize(
    "number", [4, pytest.param(5, marks=pytest.mark.skipif(bool(no_card()), reason=f"four NICs only: {no_card()}"))]
)
def test_all_at_once_and_each_step_as_predicted(pod: Callable[..., Pod], tmp_path: Path, number: int) -> None:
    wanted = dict(list(NICS.items())[:number])
    with story(pod, tmp_path, number) as told_:
        before = snapshot(told_.here.netns)
        for interfaces in (wanted, {name: CHANGED[name] for name in wanted}, {}):
            document = told_.document(interfaces)
            assert not stepped(plan(document).document)
            assert plan(document).outcome is Outcome.UNCHANGED, told(plan(document))
        settle(told_.here.netns)
        assert not differences(before, snapshot(told_.here.netns))


def each_has_its_own(here: Pod) -> None:
    """The kinds of taps side by side, and packets through the first of them."""
    found = Wired(here.netns)
    taps = ["tap0", *(f"tap{hashed(name)[3:]}" for name in ("red", "blue", "green"))]
    assert [found.kind(tap) for tap in taps] == ["tun", "tun", "tun", "macvtap"]
    assert [found.link(tap).get("master", "")[:4] for tap in taps] == ["k6t-", "k6t-", "k6t-", ""]
    guest = GuestSpec(mac="0a:58:0a:f4:01:05", addresses=("10.0.2.2/24",), gateways=("10.0.2.1",))
    with guest_on(here.netns, guest) as inside, serving(inside, "guest", "tcp/80"):
        settle(inside)
        assert tcp(here.outside, "10.244.1.5", 80) == f"guest saw {OUTSIDE4}"
    settle(here.netns)
