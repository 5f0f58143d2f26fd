"""libvirt's own schemas for domains: the installed one, and a newer one for what that does not know yet.

Debian 12 has libvirt 9.0, whose schema knows no vhost-user interface with passt; its backports have 11.3. Of that, one package of
0.2 MB is unpacked and nothing installed, with apt's lists kept apart from the machine's own.
"""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

from tests.guest.kernel import APT_GET, CannotBuild, built
from tests.guest.libvirtd import SCHEMA

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
PACKAGE = "libvirt-common"
MINIMAL = """<domain type="qemu"><name>x</name><memory>1</memory><os><type>hvm</type></os><devices>{devices}</devices></domain>"""
_PASST = '<interface type="vhostuser"><source dev="eth0"/><model type="virtio"/><backend type="passt"/></interface>'


def complaints(schema: Path, devices: str) -> str:
    """What is not valid about a domain with these devices; empty when all is."""
    text = MINIMAL.format(devices=devices)
    ElementTree.fromstring(text)
    done = subprocess.run(["xmllint", "--noout", "--relaxng", str(schema), "-"], input=text, capture_output=True, text=True)
    return done.stderr if done.returncode else ""


def for_passt() -> Path:
    """A schema that knows passt behind vhost-user."""
    if not complaints(SCHEMA, _PASST):
        return SCHEMA
    return built("libvirt-schema-backports", _fill) / "domain.rng"


def _fill(place: Path) -> None:
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    with TemporaryDirectory(dir=place.parent, prefix="new-") as scratch:
        options = _apart(Path(scratch), f"deb [signed-by={KEYRING}] {_mirror(codename)} {codename}-backports main\n")
        _done(*APT_GET, *options, "update", at=scratch)
        _done(*APT_GET, *options, "download", f"{PACKAGE}/{codename}-backports", at=scratch)
        (package,) = Path(scratch).glob("*.deb")
        _done("dpkg-deb", "-x", str(package), scratch, at=scratch)
        for schema in Path(scratch, SCHEMA.parent.relative_to("/")).iterdir():
            schema.rename(place / schema.name)


def _apart(scratch: Path, source: str) -> list[str]:
    """So that the machine's own apt learns nothing of it."""
    (scratch / "source.list").write_text(source)
    (scratch / "lists" / "partial").mkdir(parents=True)
    settings = {"Etc::sourcelist": "source.list", "Etc::sourceparts": "none", "State::lists": "lists", "Cache": "cache"}
    return [word for name, path in settings.items() for word in ("-o", f"Dir::{name}={scratch / path}")]


def _mirror(codename: str) -> str:
    """Where the machine's own packages come from."""
    ask = ("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", f"Codename: {codename}")
    found = _done(*ask, at="/").split()
    if not found:
        raise CannotBuild(f"apt has no source for Debian {codename}")
    return found[0]


def _done(*command: str, at: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=at, timeout=120)
    if done.returncode:
        raise CannotBuild(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
