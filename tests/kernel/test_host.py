"""The first kernel test: no code path acts in the host's own namespace, nor in the caller's, nor in what is no namespace at all.

Every spelling of a target that leads there is refused with a sentence that says why, and nothing on the host has changed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from converge.kernel.namespace import Refused, opened
from converge.model import GuestNetwork, Outcome, Position, Result, Target
from tests.kernel import driving
from tests.kernel.inside import Pod

MakePod = Callable[..., Pod]
WHOSE = "which converge never touches"


def host() -> dict[str, object]:
    """What one could have changed here. Read by tools, in this process' own namespace."""
    commands = ("ip -j -d link show", "ip -j address show", "ip -j -4 route show table all", "ip -j -6 route show table all")
    found: dict[str, object] = {command: _stable(_run(command)) for command in commands}
    found["tables"] = _run("nft list tables")
    names = ("ipv4/ip_forward", "ipv6/conf/all/forwarding", "ipv4/conf/all/route_localnet", "ipv4/conf/all/arp_ignore")
    found["sysctls"] = {name: path.read_text() for name in names if (path := Path("/proc/sys/net") / name).exists()}
    return found


def _run(command: str) -> str:
    return subprocess.run(command.split(), capture_output=True, text=True, check=True).stdout


def _stable(text: str) -> list[object]:
    """Without what time changes, and what other tests make and lose meanwhile: the near ends of their links."""
    found = []
    for thing in json.loads(text or "[]"):
        for noise in ("operstate", "flags", "link_netnsid", "expires", "valid_life_time", "preferred_life_time"):
            thing.pop(noise, None)
        for address in thing.get("addr_info", ()):
            for noise in ("valid_life_time", "preferred_life_time"):
                address.pop(noise, None)
        found.append(thing)
    return found


def targeted(how: str, value: str) -> GuestNetwork:
    """A document as the loader would make it, were the target's spelling allowed."""
    document = driving.document(driving.masquerade_yaml("anything"))
    return GuestNetwork(
        namespace=document.namespace,
        name=document.name,
        target=Target(how, value, Position("test.yaml", 1, 1)),
        nics=document.nics,
        at=document.at,
    )


@contextmanager
def mounted(source: str) -> Iterator[str]:
    """A namespace file bound to a name under /run/netns, as `ip netns` would have it."""
    name = f"t{os.getpid()}-bound"
    path = Path("/run/netns") / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    try:
        subprocess.run(["mount", "--bind", source, str(path)], check=True)
        try:
            yield name
        finally:
            subprocess.run(["umount", str(path)], check=True)
    finally:
        path.unlink()


@contextmanager
def other_process() -> Iterator[str]:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        yield str(process.pid)


@contextmanager
def just(value: str) -> Iterator[str]:
    yield value


SPELLINGS: dict[str, tuple[str, Callable[[], AbstractContextManager[str]]]] = {
    "path of the caller": ("netns", lambda: just("/proc/self/ns/net")),
    "path of the thread": ("netns", lambda: just("/proc/thread-self/ns/net")),
    "path by number": ("netns", lambda: just(f"/proc/{os.getpid()}/ns/net")),
    "roundabout path": ("netns", lambda: just("/run/netns/../../proc/self/ns/net")),
    "pid of the caller": ("pid", lambda: just(str(os.getpid()))),
    "pid of another process of the host": ("pid", other_process),
    "a name bound to it": ("netns", lambda: mounted("/proc/self/ns/net")),
}


@pytest.mark.parametrize("apply", [driving.plan, driving.apply], ids=["plan", "apply"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_hosts_namespace_is_refused_however_it_is_spelled(spelling: str, apply: Callable[[GuestNetwork], Result]) -> None:
    how, value_of = SPELLINGS[spelling]
    before = host()
    with value_of() as value:
        result = apply(targeted(how, value))
    assert result.outcome is Outcome.REFUSED
    (diagnostic,) = result.diagnostics
    assert WHOSE in diagnostic.detail
    assert "network namespace" in diagnostic.detail
    assert host() == before


def test_process_one_is_refused() -> None:
    """Where a security module hides its namespace, it cannot be opened; that is as good."""
    before = host()
    for target in (targeted("pid", "1"), targeted("netns", "/proc/1/ns/net")):
        result = driving.apply(target)
        assert result.outcome is Outcome.REFUSED
        assert WHOSE in result.diagnostics[0].detail or "cannot open" in result.diagnostics[0].detail
    assert host() == before


NOT_ONE = {
    "an ordinary file": ("/etc/hostname", "is not a network namespace"),
    "a directory": ("/run/netns", "is not a network namespace"),
    "a device": ("/dev/null", "is not a network namespace"),
    "a mount namespace": ("/proc/self/ns/mnt", "is a namespace of another type than network"),
    "a user namespace": ("/proc/self/ns/user", "is a namespace of another type than network"),
    "a name that is missing": ("nobody-made-this", "cannot open"),
    "a path that is missing": ("/run/netns/nobody-made-this", "cannot open"),
}


@pytest.mark.parametrize("name", NOT_ONE)
def test_what_is_no_network_namespace_is_refused(name: str) -> None:
    value, reason = NOT_ONE[name]
    before = host()
    result = driving.apply(targeted("netns", value))
    assert result.outcome is Outcome.REFUSED
    assert reason in result.diagnostics[0].detail
    assert host() == before


def test_a_pid_that_is_gone_is_refused() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    result = driving.apply(targeted("pid", str(process.pid)))
    assert result.outcome is Outcome.REFUSED
    assert "cannot open" in result.diagnostics[0].detail


INSIDE = """
import sys
from tests.kernel import driving
from tests.kernel.test_host import targeted
result = driving.apply(targeted("netns", sys.argv[1]))
print(result.outcome.value, "|", result.diagnostics[0].detail if result.diagnostics else "")
"""


def test_the_callers_own_is_refused_when_it_runs_in_a_pod(pod: MakePod, root: Path) -> None:
    """It is no host's there, and still must not be entered: the process' own sockets would be in it."""
    web, other = pod("web"), pod("other", mac="0a:58:0a:f4:01:06", addresses4=["10.244.1.6/24"], addresses6=["fd10:244:1::6/64"])
    for target, outcome, reason in (
        (web.netns, "refused", "the caller's own"),
        ("/proc/self/ns/net", "refused", "the caller's own"),
        (other.netns, "applied", ""),
    ):
        command = ["ip", "netns", "exec", web.netns, sys.executable, "-c", INSIDE, target]
        done = subprocess.run(command, capture_output=True, text=True, cwd=root)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(outcome)
        assert reason in done.stdout


def test_pids_and_paths_of_a_pod_are_accepted(pod: MakePod) -> None:
    web = pod()
    with subprocess.Popen(["ip", "netns", "exec", web.netns, "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"inside\n")
        process.stdin.flush()
        process.stdout.readline()
        assert driving.apply(targeted("pid", str(process.pid))).outcome is Outcome.APPLIED
        assert driving.plan(targeted("netns", f"/proc/{process.pid}/ns/net")).outcome is Outcome.UNCHANGED
        process.stdin.close()
    assert driving.plan(targeted("netns", f"/run/netns/{web.netns}")).outcome is Outcome.UNCHANGED


def test_the_main_thread_stays_where_it_is(pod: MakePod) -> None:
    web = pod()
    own, before = Path("/proc/thread-self/ns/net").readlink(), host()
    driving.applied(driving.masquerade_yaml(web.netns))
    assert threading.current_thread() is threading.main_thread()
    assert Path("/proc/thread-self/ns/net").readlink() == own
    assert Path("/proc/self/ns/net").readlink() == own
    assert host() == before


def test_no_descriptor_is_left_open(pod: MakePod) -> None:
    web = pod()
    driving.applied(driving.masquerade_yaml(web.netns))
    before = sorted(os.listdir("/proc/self/fd"))
    for _ in range(3):
        driving.apply(driving.masquerade_yaml(web.netns))
        driving.apply(targeted("netns", "/proc/self/ns/net"))
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_refusing_is_not_a_matter_of_the_name(tmp_path: Path) -> None:
    """A link in the file system that leads to the host."""
    path = tmp_path / "pod"
    path.symlink_to("/proc/self/ns/net")
    with pytest.raises(Refused, match=WHOSE), opened("netns", str(path)):
        pytest.fail("entered")
