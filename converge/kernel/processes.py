"""Processes that serve a pod: started, found again, stopped. Everything about one is in a directory of its own:

    /run/converge/<namespace cookie>/<owner>/<program>/   <digest>-<ifindex>.conf   pid   log

The command line names the configuration file, and with it namespace, NIC, digest and link: that is the mark. A process is ours if
its command line says so *and* it is in this namespace. It outlives whoever started it, and is found again by the next run. How a
program is started is in `programs`.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from converge.kernel.programs import PROGRAMS, Program
from converge.model import ProcessDump

if TYPE_CHECKING:
    import subprocess

RUN = Path("/run/converge")
MOST_LOG_BYTES = 1 << 20
START_SECONDS, STOP_SECONDS, POLL_SECONDS = 15.0, 2.0, 0.002


def observe(cookie: int) -> tuple[ProcessDump, ...]:
    """What runs for the calling thread's namespace. Costs one failed look where nothing ever did."""
    try:
        owners = sorted(os.listdir(RUN / str(cookie)))
    except FileNotFoundError:
        return ()
    found = (_observed(cookie, owner, program) for owner in owners for program in PROGRAMS)
    return tuple(dump for dump in found if dump is not None)


def _observed(cookie: int, owner: str, program: str) -> ProcessDump | None:
    folder = _folder(cookie, owner, program)
    try:
        pid = int((folder / "pid").read_text())
    except (FileNotFoundError, ValueError):
        return None
    conf = _conf_of(pid, folder, PROGRAMS[program])
    if conf is None:
        return None
    digest, _, link = conf.removesuffix(".conf").partition("-")
    config = (folder / conf).read_text(errors="replace")
    return ProcessDump(owner.replace("~", ":", 1), program, digest, int(link), pid, config)


def _folder(cookie: int, owner: str, program: str) -> Path:
    return RUN / str(cookie) / owner.replace(":", "~", 1) / program


def _conf_of(pid: int, folder: Path, program: Program) -> str | None:
    """Name of the configuration file in `folder` that a living process of this namespace runs with."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        theirs, ours = os.stat(f"/proc/{pid}/ns/net"), os.stat("/proc/thread-self/ns/net")
    except OSError:
        return None
    prefix = f"{program.mark}{folder}/"
    names = [word.removeprefix(prefix).removesuffix(program.suffix) + ".conf" for word in words if word.startswith(prefix)]
    return names[0] if names and (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino) else None


def start(cookie: int, owner: str, program: str, link: int, digest: str, config: str) -> None:
    """Start it in the calling thread's namespace and wait until it serves. Raises OSError with its own last words if it does
    not.
    """
    import subprocess  # 5 ms, and only where something is started

    stop(cookie, owner, program)
    folder = _folder(cookie, owner, program)
    folder.mkdir(parents=True, mode=0o755)
    conf = folder / f"{digest}-{link}.conf"
    conf.write_text(config)
    with open(folder / "log", "ab") as log:  # appending: a log that is cut short goes on at its new end
        child = subprocess.Popen(
            PROGRAMS[program].command(conf),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
        )
    (folder / "pid").write_text(str(child.pid))
    try:
        _await(child, conf, PROGRAMS[program])
    except OSError:
        stop(cookie, owner, program)
        raise


def _await(child: subprocess.Popen[bytes], conf: Path, program: Program) -> None:
    deadline = time.monotonic() + START_SECONDS
    log = conf.with_name("log")
    while not program.serves(conf, log.read_bytes()):
        late = time.monotonic() > deadline
        if late or child.poll() is not None:
            child.kill()
            child.wait()
            said = log.read_text(errors="replace").strip().splitlines() or ["it ended without a word"]
            raise OSError(0, f"it did not serve within {START_SECONDS:g} s" if late else said[-1])
        time.sleep(POLL_SECONDS)


def stop(cookie: int, owner: str, program: str) -> None:
    """Stop it, if it runs, and forget it."""
    folder = _folder(cookie, owner, program)
    for pid in _strays(folder, PROGRAMS[program]):
        _end(pid, folder, PROGRAMS[program])
    for conf in folder.glob("*.conf"):
        PROGRAMS[program].left(conf)
    for file in folder.glob("*"):
        file.unlink(missing_ok=True)
    for empty in (folder, folder.parent, folder.parent.parent):
        try:
            empty.rmdir()
        except OSError:
            return


def _strays(folder: Path, program: Program) -> Iterator[int]:
    """All processes of this namespace that run with a file in `folder`, known by their pid file or not."""
    for entry in os.listdir("/proc"):
        if entry.isdigit() and _conf_of(int(entry), folder, program) is not None:
            yield int(entry)


def _end(pid: int, folder: Path, program: Program) -> None:
    """SIGTERM, then SIGKILL. The pidfd makes sure that no later process of that number is hit."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if _conf_of(pid, folder, program) is None:
            return
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        # Readable once it is dead, with its sockets closed: the next one may want the same ports.
        if not select.select([handle], [], [], STOP_SECONDS)[0]:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            select.select([handle], [], [], STOP_SECONDS)
    except ProcessLookupError:
        return
    finally:
        os.close(handle)


def trim(cookie: int) -> None:
    """Empty logs that have grown: a guest decides how much is written into them."""
    for log_file in (RUN / str(cookie)).glob("*/*/log"):
        if log_file.stat().st_size > MOST_LOG_BYTES:
            os.truncate(log_file, 0)


def log(cookie: int, owner: str, program: str) -> str:
    """What it has written so far."""
    try:
        return (_folder(cookie, owner, program) / "log").read_text(errors="replace")
    except FileNotFoundError:
        return ""
