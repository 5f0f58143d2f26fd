"""Where it was measured: what a reader needs to judge the figures, and nothing that names a place."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version

import yaml


def described() -> str:
    """One line."""
    cores = len(os.sched_getaffinity(0))
    parts = [
        f"{cores} core{'s' * (cores != 1)}",
        f"Linux {'.'.join(platform.release().split('-')[0].split('.')[:2])}",
        f"{platform.python_implementation()} {platform.python_version()}",
        f"PyYAML {yaml.__version__}",
        *(f"{name} {_version(name)}" for name in ("pyroute2", "jsonschema")),
        _first_words(("nft", "--version"), 2).replace("nftables v", "nftables "),
        _iproute2(),
    ]
    return ", ".join(part for part in parts if part)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"


def _first_words(command: tuple[str, ...], count: int) -> str:
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=5).stdout
    except OSError:
        return ""
    return " ".join(said.split()[:count])


def _iproute2() -> str:
    """`ip utility, iproute2-6.1.0, libbpf 1.1.2`"""
    words = _first_words(("ip", "-V"), 3).split()
    return words[2].strip(",").replace("-", " ") if len(words) == 3 else ""
