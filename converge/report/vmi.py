"""`status -o yaml|json`: the public JSON value, the YAML of it, and what a Result shows of each NIC's pod link."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from converge import __version__
from converge.bindings.parts import global_address
from converge.model import Diagnostic, Key, Nic, PodLink, Resources, Result
from converge.report import Json
from converge.report.diagnostics import as_json
from converge.report.document import FORMAT, netns
from converge.report.vmi_status import Guest, Seen, interfaces

VERSIONS = {"bridge": (4,), "sriov": ()}
"""Families of which KubeVirt remembers a pod link's addresses (reference section 3.9); of every other binding both."""


def described(results: Sequence[Result], about_files: Sequence[Diagnostic] = (), guest: Guest | None = None) -> Json:
    """`interfaces` is KubeVirt's `status.interfaces`, or None for a pod that could not be looked at. `guest`: of the only one."""
    found = [as_json(each, result.document.full_name) for result in results for each in result.diagnostics]
    return {
        "format_version": FORMAT,
        "tool_version": __version__,
        "pods": [_pod(result, guest or Guest()) for result in results],
        "diagnostics": [*map(as_json, about_files), *found],
    }


def _pod(result: Result, guest: Guest) -> Json:
    document = result.document
    return {
        "document": document.full_name,
        "source": f"{document.at.filename}:{document.at.line}",
        "netns": netns(document.target),
        "interfaces": interfaces(document, seen(result), guest) if result.observed else None,
    }


def lines(found: Json) -> Iterator[str]:
    """One YAML document a pod, keys in kubectl's order. It has no kind: it is no state file."""
    import yaml

    shown = [pod for pod in found["pods"] if pod["interfaces"] is not None]
    for number, pod in enumerate(shown):
        if number:
            yield "---"
        namespace, _, name = pod["document"].partition("/")
        value = {"metadata": {"name": name, "namespace": namespace}, "status": {"interfaces": pod["interfaces"]}}
        yield from yaml.safe_dump(value, sort_keys=True, allow_unicode=True, width=1 << 20).splitlines()


# --------------------------------------------------------------------------------------------------- what a pod shows


def seen(result: Result) -> dict[str, Seen]:
    """By NIC name; a NIC whose pod link is not there has none."""
    return {nic.name: shown for nic in result.document.nics if (shown := _seen(result, nic)) is not None}


def _seen(result: Result, nic: Nic) -> Seen | None:
    for resources, role in _places(result, nic):
        link = resources.get(Key("link", role))
        if link is None:
            continue
        addresses = tuple((key, value) for key, value in resources.items() if key.kind == "address" and key.owner == role)
        whole = PodLink(link, link, addresses)
        known = (global_address(whole, version) for version in VERSIONS.get(nic.binding, (4, 6)))
        return Seen(link.name, _mac(nic, link.mac), tuple(str(own.ip) for own in known if own is not None))
    return None


def _places(result: Result, nic: Nic) -> Iterator[tuple[Resources, str]]:
    """Where the pod link may be as the CNI made it, best first. One that was taken over has its name, MAC and addresses on the
    stand-in, as it should be, which facts say. One without facts that still has its name has them itself.
    """
    wanted, observed = result.desired.resources, result.observed
    pod, standin = f"pod:{nic.name}", f"standin:{nic.name}"
    now, then = observed.get(Key("link", pod)), wanted.get(Key("link", standin))
    taken = any(key.kind == "fact" and key.owner == nic.name and key.name.startswith("link ") for key in observed)
    if now is not None and then is not None and now.name == then.name and not taken:
        yield observed, pod
    yield wanted, standin
    yield observed, standin
    yield observed, pod


def _mac(nic: Nic, pod_mac: str | None) -> str:
    """The guest's is the document's, else the pod link's; of a PCI function the pod link's tells nothing about the guest."""
    return nic.mac or ("" if nic.binding == "sriov" else pod_mac or "")
