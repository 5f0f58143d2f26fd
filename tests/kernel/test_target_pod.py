"""Pods that are named as Kubernetes names them: a real CNI plugin makes one, the CNI library's cache tells where it is.

The plugin is what a container runtime would call. The runtime's own part, writing the plugin's result into the cache, is done
here in the library's format, since no runtime runs in the tests.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from converge.lab import pods, run
from converge.model import Outcome, Result
from converge.reconcile import Unknown, anonymous, orphans
from converge.report import document as report
from converge.report import text
from converge.report.style import Style
from converge.sources import cni_cache
from tests.kernel.driving import applied, apply, document, plan, told
from tests.kernel.inside import Pod, ns
from tests.kernel.judge import differences, links, snapshot

PTP = Path("/usr/lib/cni/ptp")
NAMES = {"K8S_POD_NAMESPACE": "shop", "K8S_POD_NAME": "launcher-x", "K8S_POD_UID": "0af3"}
PLAIN = Style(False)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    monkeypatch.setattr(cni_cache, "DIRECTORY", str(folder))
    return folder


@pytest.fixture
def attached(place: pods.Place, cache: Path, tmp_path: Path) -> Iterator[str]:
    """A pod made by the plugin `ptp` from a namespace that stands for the node. The name of the pod's namespace."""
    if not PTP.exists():
        pytest.skip(f"{PTP} is not here: apt-get install containernetworking-plugins")
    node, netns = place.netns("cni-node"), place.netns("cni-pod")
    made: list[str] = []
    try:
        for name in (node, netns):
            run.run("ip", "netns", "add", name)
            made.append(name)
        add(node, netns, cache, tmp_path / "ipam")
        yield netns
    finally:
        for name in made:
            run.run("ip", "netns", "delete", name)


def add(node: str, netns: str, cache: Path, leases: Path) -> None:
    config = {
        "cniVersion": "1.0.0", "name": "lab", "type": "ptp", "mtu": 1450,
        "ipam": {"type": "host-local", "dataDir": str(leases), "routes": [{"dst": "0.0.0.0/0"}],
                 "ranges": [[{"subnet": "10.244.1.0/24"}]]},
    }  # fmt: skip
    arguments = ";".join(f"{name}={value}" for name, value in {"IgnoreUnknown": "1", **NAMES}.items())
    environment = {
        "CNI_COMMAND": "ADD", "CNI_CONTAINERID": "c1", "CNI_NETNS": f"/run/netns/{netns}", "CNI_IFNAME": "eth0",
        "CNI_PATH": str(PTP.parent), "CNI_ARGS": arguments, "PATH": os.environ["PATH"],
    }  # fmt: skip
    words = [f"{name}={value}" for name, value in environment.items()]
    said = run.inside(node, "env", "-i", *words, str(PTP), stdin=json.dumps(config))
    remember(cache, "c1", json.loads(said), config)


def remember(cache: Path, container: str, result: object, config: object = None, names: dict[str, str] = NAMES) -> None:
    """As the library's cacheAdd writes it."""
    entry = {
        "kind": "cniCacheV1", "containerId": container, "config": base64.b64encode(json.dumps(config).encode()).decode(),
        "ifName": "eth0", "networkName": "lab", "cniArgs": [["IgnoreUnknown", "1"], *map(list, names.items())], "result": result,
    }  # fmt: skip
    (cache / f"lab-{container}-eth0").write_text(json.dumps(entry))


def sandbox(path: str) -> object:
    return {"cniVersion": "1.0.0", "interfaces": [{"name": "eth0", "sandbox": path}]}


def yaml(uid: str = "", nics: str = "[{name: default, masquerade: {}}]", name: str = "launcher-x") -> str:
    target = f"{{pod: {{name: {name}{uid and f', uid: {uid!r}'}}}}}"
    return (
        "apiVersion: net.converge/v1alpha1\nkind: GuestNetwork\nmetadata: {name: web, namespace: shop}\n"
        f"spec: {{target: {target}, networks: [{{name: default, pod: {{}}}}], interfaces: {nics}}}\n"
    )


def header(result: Result) -> str:
    return next(iter(text.plan(report.planned([result]), PLAIN)))


def test_a_pod_of_a_real_plugin_is_wired_and_given_back(attached: str) -> None:
    before = snapshot(attached)
    planned = plan(yaml("0af3"))
    assert planned.outcome is Outcome.PLANNED, told(planned)
    assert header(planned).startswith("web (shop/web, pod shop/launcher-x, found in CNI cache) ")
    value = report.planned([planned])["pods"][0]
    assert (value["netns"], value["pod"], value["pod_uid"], value["found"]) == (
        f"/run/netns/{attached}",
        "shop/launcher-x",
        "0af3",
        "CNI cache",
    )
    applied(yaml("0af3"))
    assert links(attached).keys() == {"lo", "eth0", "k6t-eth0", "tap0"}
    assert "10.244.1.2" in ns(attached, "ip address show eth0")
    assert plan(yaml()).outcome is Outcome.UNCHANGED
    bridge = yaml(nics="[{name: default, bridge: {}}]")
    applied(bridge)
    assert links(attached).keys() == {"lo", "eth0", "eth0-nic", "k6t-eth0", "tap0"}
    applied(yaml().replace(", networks: [{name: default, pod: {}}], interfaces: [{name: default, masquerade: {}}]", ""))
    assert not differences(before, snapshot(attached))


def test_a_pod_that_is_not_here_is_refused_with_what_was_looked_for(attached: str, cache: Path) -> None:
    before = snapshot(attached)
    for text_, reason in (
        (yaml("9999"), f"pod shop/launcher-x (uid 9999) was not found in {cache}: the pod of that name has uid 0af3"),
        (yaml(name="other"), f"pod shop/other was not found in {cache}: none of its 1 files is about it"),
    ):
        result = apply(text_)
        assert (result.outcome, [each.detail for each in result.diagnostics]) == (Outcome.REFUSED, [reason])
        value = report.planned([result])["pods"][0]
        assert (value["netns"], value["found"]) == ("", "")
    shutil.rmtree(cache)
    (said,) = apply(yaml()).diagnostics
    assert "cannot be read (No such file or directory)" in said.detail
    assert not differences(before, snapshot(attached))


def test_a_cache_that_names_converges_own_network_is_refused(cache: Path) -> None:
    remember(cache, "c1", sandbox("/proc/self/ns/net"))
    result = apply(yaml())
    assert result.outcome is Outcome.REFUSED
    assert "which converge never touches" in result.diagnostics[0].detail


def test_a_pod_whose_namespace_has_gone(cache: Path) -> None:
    remember(cache, "c1", sandbox("/run/netns/cni-none-of-that-name"))
    assert "its namespace is gone (/run/netns/cni-none-of-that-name)" in apply(yaml()).diagnostics[0].detail


def test_pruning_knows_the_pods_that_kubernetes_names(pod: Callable[..., Pod], cache: Path) -> None:
    """What carries our marks is nobody's only if every document's pod is known to be another one."""
    one = pod()
    remember(cache, "c1", sandbox(f"/run/netns/{one.netns}"))
    wanted = document(yaml())
    applied(wanted)
    ours = anonymous(one.netns).full_name
    assert ours not in [each.full_name for each in orphans([wanted])[0]]
    assert ours in [each.full_name for each in orphans([document(yaml(name="other"))])[0]]
    shutil.rmtree(cache)
    with pytest.raises(Unknown, match="cannot be read"):
        orphans([wanted])
