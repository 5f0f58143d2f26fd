"""Cases of tests/cases/domain-xml as values: NICs and their devices in YAML, the elements beside it as XML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from converge.model import Device, DomainOptions, GuestNetwork, GuestOptions, Network, Nic, Ports, Position
from tests.unit.report.results import document

CASES = Path(__file__).parents[2] / "cases" / "domain-xml"
AT = Position("states/web.yaml", 11, 7)


def names() -> list[str]:
    return sorted(path.stem for path in CASES.glob("*.yaml"))


def read(name: str) -> tuple[GuestNetwork, tuple[Device, ...]]:
    case = yaml.safe_load((CASES / f"{name}.yaml").read_text())
    known = [{**fields} for fields in case["nics"]]
    devices = [Device(fields["name"], **device) for fields in known if (device := fields.pop("device", None))]
    options = DomainOptions(**case.get("domain", {}))
    return with_nics([nic(**fields) for fields in known], options, istio=case.get("istio", False)), tuple(devices)


def expected(name: str) -> str:
    return (CASES / f"{name}.xml").read_text()


def with_nics(nics: list[Nic], options: DomainOptions | None = None, *, istio: bool = False) -> GuestNetwork:
    return replace(document(), nics=tuple(nics), domain=options or DomainOptions(), istio=istio)


def nic(name: str = "default", ports: tuple[str, ...] = (), guest_mtu: int | None = None, **fields: Any) -> Nic:
    """`ports` as tcp/80."""
    taken_apart = [(protocol, int(number)) for protocol, _, number in (port.partition("/") for port in ports)]
    known: Mapping[str, Any] = {
        "ports": tuple(Ports(protocol, number, number, AT) for protocol, number in taken_apart),
        "guest": GuestOptions(mtu=guest_mtu),
        **fields,
    }
    return Nic(name, "masquerade", Network(name, "pod", AT), AT, **known)
