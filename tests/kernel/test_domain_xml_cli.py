"""`converge domain-xml` over several documents: what is printed of which pod, and what is said of one that cannot be seen."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.kernel.inside import Pod
from tests.kernel.judge import differences, snapshot

DOCUMENT = """
apiVersion: net.converge/v1alpha1
kind: GuestNetwork
metadata: {{name: {name}, namespace: shop}}
spec:
  target: {{netns: {netns}}}
  networks: [{{name: default, pod: {{}}}}]
  interfaces: [{{name: default, {binding}: {{}}, bootOrder: 1}}]
"""
MAC = "0a:58:0a:f4:01:05"


@pytest.fixture
def states(pod: Callable[..., Pod], tmp_path: Path) -> tuple[Pod, Path]:
    """A pod, and documents for it and for one that is not there."""
    web = pod(mtu=1450)
    (tmp_path / "web.yaml").write_text(DOCUMENT.format(name="web", netns=web.netns, binding="bridge"))
    (tmp_path / "db.yaml").write_text(DOCUMENT.format(name="db", netns=f"{web.netns}-gone", binding="masquerade"))
    return web, tmp_path


def domain_xml(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "converge", "domain-xml", *words], capture_output=True, text=True, timeout=60)


def test_a_pod_that_cannot_be_seen_is_named_and_the_other_is_printed(states: tuple[Pod, Path]) -> None:
    web, folder = states
    before = snapshot(web.netns)
    found = domain_xml(str(folder))
    assert found.returncode == 1
    assert "shop/db: cannot open the pod's network namespace" in found.stderr
    first, *rest = found.stdout.splitlines()
    assert first == "<!-- shop/web -->"
    interface = ElementTree.fromstring("\n".join(rest))
    assert {child.tag: child.attrib for child in interface} == {
        "source": {},
        "target": {"dev": "tap0", "managed": "no"},
        "model": {"type": "virtio-non-transitional"},
        "mac": {"address": MAC},
        "mtu": {"size": "1450"},
        "boot": {"order": "1"},
        "alias": {"name": "ua-default"},
    }
    assert not differences(before, snapshot(web.netns))


def test_json_maps_each_nic_to_its_element_and_one_pod_can_be_chosen(states: tuple[Pod, Path]) -> None:
    web, folder = states
    found = domain_xml(str(folder), "--only", "shop/web", "-o", "json", "--placeholders")
    assert (found.returncode, found.stderr) == (0, "")
    (pod,) = json.loads(found.stdout)["pods"]
    assert (pod["document"], pod["netns"]) == ("shop/web", web.netns)
    texts = [*pod["nics"].values(), *pod["placeholders"]]
    targets = [target.get("dev") for text in texts for target in ElementTree.fromstring(text).iter("target")]
    assert targets == ["tap0", "placeholder-0", "placeholder-1", "placeholder-2"]
    assert "\n".join(texts) == domain_xml(str(folder / "web.yaml"), "--placeholders").stdout.partition("\n")[2].rstrip()


def test_a_bridged_guest_has_the_same_element_before_and_after_its_pod_is_wired(states: tuple[Pod, Path]) -> None:
    """MAC and MTU are then the stand-in's, which has the pod link's name."""
    web = str(states[1] / "web.yaml")
    before = domain_xml(web)
    applied = subprocess.run([sys.executable, "-m", "converge", "apply", web], capture_output=True, text=True, timeout=60)
    assert applied.returncode == 0, applied.stderr
    assert (before.returncode, domain_xml(web).stdout) == (0, before.stdout)
