"""The session that pages run in: a shell like any other, which sees nothing of this machine's namespaces and leaves nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.docs.running import ran
from tests.docs.session import Done, Session, Stuck, session

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces are made by root only: run `sudo ./just test`"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "page"
    made.mkdir()
    return made


def test_it_is_one_shell(folder: Path) -> None:
    with session(folder) as one:
        one.write("states/web.yaml", "kind: x\n")
        assert one.run("a=1; cd states") == Done("", 0)
        assert one.run("echo $a; cat web.yaml; printf end") == Done("1\nkind: x\nend\n", 0)
        assert one.run("ls nothing") == Done("ls: cannot access 'nothing': No such file or directory\n", 2)
        assert one.run("echo $?") == Done("2\n", 0)
        with pytest.raises(AssertionError, match="its own folder only"):
            one.write("../elsewhere", "")


def test_its_names_are_its_own_and_nothing_is_left(folder: Path) -> None:
    name, mark = f"page-{os.getpid()}", f"7{os.getpid()}"
    with session(folder) as one, session_beside(folder) as other:
        for each in (one, other):
            assert each.run(f"ip netns list; ip netns add {name}; ip netns list") == Done(f"{name}\n", 0)
            assert each.run("ip -br link | cut -d' ' -f1") == Done("lo\n", 0)
        assert not Path("/run/netns", name).exists()
        assert one.run(f"setsid -f ip netns exec {name} sleep {mark}").code == 0
        assert within_time(lambda: bool(running(mark)))
    assert within_time(lambda: not running(mark))


def test_a_shell_that_ends_is_noticed(folder: Path) -> None:
    with session(folder) as one, pytest.raises(Stuck, match="ended the shell"):
        one.run("exit 3")


def test_a_page_that_lies_is_found() -> None:
    told = "```console\n$ echo a\nb\n$ false\n$ true\n$ false\n$ echo $?\n1\n```\n"
    assert [each.good for each in ran(told)] == [False, False, True, True, True]


def session_beside(folder: Path) -> AbstractContextManager[Session]:
    beside = folder.with_name("beside")
    beside.mkdir()
    return session(beside)


def within_time(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def running(mark: str) -> list[str]:
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [each.parent.name] if each.read_bytes() == f"sleep\0{mark}\0".encode() else []
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
