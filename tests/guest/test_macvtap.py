"""A real guest behind a macvtap: its address comes from a server outside the pod, and it is on the pod's network beside the pod.

The kernel makes the device as /dev/tap<ifindex> in the machine's /dev, whatever the namespace, so two pods may want one name.
The number is read in the pod, and a node of our own made of it, which belongs to the user that runs the guest.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from converge.lab.packets import ask, ping, serving
from converge.lab.pods import BRIDGE, OUTSIDE4, Place, PodSpec, up
from converge.lab.run import inside
from tests.guest.machine import KUBEVIRT_USER, boot
from tests.guest.plugged import NotApplied, links
from tests.guest.scenario import Nic
from tests.guest.served import dnsmasq

OURS, POD = "10.244.1.100", "10.244.1.5"
SERVER = f"""
dhcp-range={OURS},{OURS},255.255.255.0,1h
dhcp-option-force=option:router,10.244.1.1
"""
DOCUMENT = """
apiVersion: net.converge/v1alpha1
kind: GuestNetwork
metadata: {{name: web, namespace: shop}}
spec:
  target: {{netns: {netns}}}
  networks: [{{name: default, pod: {{}}}}]
  interfaces: [{{name: default, binding: {{name: macvtap}}}}]
"""


@contextmanager
def opened(netns: str, tap: str, folder: Path) -> Iterator[int]:
    major, minor = inside(netns, "sh", "-c", f"cat /sys/class/net/{tap}/tap*/dev").strip().split(":")
    node = folder / tap
    os.mknod(node, 0o600 | stat.S_IFCHR, os.makedev(int(major), int(minor)))
    os.chown(node, KUBEVIRT_USER, KUBEVIRT_USER)
    descriptor = os.open(node, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
        node.unlink()


def applied(path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "converge", "apply", str(path)], capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise NotApplied(done.stdout + done.stderr)


def test_the_guest_is_on_the_pods_network(place: Place, tmp_path: Path) -> None:
    up([PodSpec("web", addresses6=(), gateway6="")], place)
    netns, path = place.netns("web"), tmp_path / "web.yaml"
    path.write_text(DOCUMENT.format(netns=netns))
    applied(path)
    mac = str(links(netns)["tap0"]["address"])
    with (
        dnsmasq(place.node, tmp_path, SERVER, BRIDGE) as log,
        opened(netns, "tap0", tmp_path) as descriptor,
        boot(netns, [Nic(mac=mac, descriptor=descriptor)]) as guest,
    ):
        link = guest.report()["links"]["eth0"]
        assert link["mac"] == mac
        assert f"{OURS}/24" in {address["address"] for address in link["addresses"]}
        log.await_line(f"DHCPACK(cni0) {OURS} {mac}", 5.0)
        with serving(place.outside, "outside", "tcp/443"):
            assert guest.run(f"connect [{OUTSIDE4}]:443").output == f"outside saw {OURS}"
        assert ask(place.outside, "tcp", OURS, 81) == f"guest saw {OUTSIDE4}"
        with serving(netns, "pod", "tcp/81"):
            assert ask(place.outside, "tcp", POD, 81) == f"pod saw {OUTSIDE4}"
        assert ping(netns, OURS) is None, "pod and guest do not hear each other"
