"""Unit files as data."""

from __future__ import annotations

from configparser import RawConfigParser
from pathlib import Path

from tests.docs.pages import ROOT

FOLDER = ROOT / "examples" / "systemd"


def unit(name: str) -> RawConfigParser:
    found = RawConfigParser(delimiters="=", comment_prefixes="#", strict=True)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read_string((FOLDER / name).read_text(encoding="utf-8"))
    return found


def capabilities() -> list[str]:
    """What the service may have, as setpriv writes it: net_admin."""
    words = unit("converge.service")["Service"]["CapabilityBoundingSet"].split()
    return [word.removeprefix("CAP_").lower() for word in words]


def copied(folder: Path) -> list[Path]:
    """The units, with a program that is there on any machine: systemd looks for it."""
    found = []
    for path in sorted(FOLDER.iterdir()):
        text = path.read_text(encoding="utf-8").replace("/usr/local/bin/converge", "/bin/true")
        (folder / path.name).write_text(text, encoding="utf-8")
        found.append(folder / path.name)
    return found
