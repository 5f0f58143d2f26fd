"""The programs that serve pods: how each is started with a configuration, how its command line shows which one it has, when it
serves, and what it leaves behind.

dnsmasq reads a file and starts without privileges, but for three capabilities that DHCP needs (reference lab.md section 4). passt
takes its configuration as words and gives its privileges up itself; the name of its log says which words they were.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

USER = 107
"""KubeVirt's id for what is not root; no entry in /etc/passwd is needed."""
_CAPABILITIES = "-all,+net_admin,+net_raw,+net_bind_service"
_UNPRIVILEGED = (
    "setpriv",
    f"--reuid={USER}",
    f"--regid={USER}",
    "--clear-groups",
    f"--inh-caps={_CAPABILITIES}",
    f"--ambient-caps={_CAPABILITIES}",
    "--",
)


@dataclass(frozen=True, slots=True)
class Program:
    """`mark` begins the argument that names the configuration file: its path follows, with `suffix` for `.conf`.

    `command` makes the words to start it with, from that file's path, and whatever must be there before. `serves` is asked, with
    that path and what it has logged, until it does. `left` removes what it leaves elsewhere.
    """

    mark: str
    suffix: str
    command: Callable[[Path], Sequence[str]]
    serves: Callable[[Path, bytes], bool]
    left: Callable[[Path], None] = lambda conf: None


def _dnsmasq(conf: Path) -> Sequence[str]:
    return (*_UNPRIVILEGED, "dnsmasq", f"--conf-file={conf}")


def _passt(conf: Path) -> Sequence[str]:
    """Its socket's directory belongs to the user that it becomes, and to nobody else."""
    user, _, group = _word(conf, "--runas=").partition(":")
    folder = _socket(conf).parent
    _forget_socket(conf)
    folder.mkdir(parents=True, mode=0o700)
    os.chown(folder, int(user), int(group))
    return ("passt", *conf.read_text().splitlines(), f"--log-file={conf.with_suffix('.log')}")


def _word(conf: Path, name: str) -> str:
    return next(word for word in conf.read_text().splitlines() if word.startswith(name)).removeprefix(name)


def _socket(conf: Path) -> Path:
    return Path(_word(conf, "--socket="))


def _forget_socket(conf: Path) -> None:
    """A socket that was left behind would be in the way of the next one."""
    shutil.rmtree(_socket(conf).parent, ignore_errors=True)


PROGRAMS = {
    "dnsmasq": Program("--conf-file=", ".conf", _dnsmasq, lambda conf, log: b"sockets bound exclusively to interface" in log),
    "passt": Program("--log-file=", ".log", _passt, lambda conf, log: _socket(conf).is_socket(), _forget_socket),
}
