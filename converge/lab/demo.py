"""The whole product as a story on one screen: pods, plan, apply, the wiring, an empty second plan, packets.

converge is called by its command line, as a reader would, so each line after `$` can be typed. The pods are those that three
files of `states/` name; those of the other examples are made by `converge lab up` as well. Whatever happens on the way, in the
end everything is removed again.
"""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from converge.lab.guest import GuestSpec, guest_on
from converge.lab.packets import ask, serving, settle
from converge.lab.pods import HERE, OUTSIDE4, OUTSIDE6, Attachment, PodSpec, down, up
from converge.lab.run import LabError

STORY = (
    PodSpec("web"),
    PodSpec("db", ("10.244.1.6/24",), ("fd10:244:1::6/64",), mac="0a:58:0a:f4:01:06"),
    PodSpec("cache", ("10.244.1.7/24",), (), mac="0a:58:0a:f4:01:07", gateway6=""),
    PodSpec("vmi", ("10.244.1.8/24",), ("fd10:244:1::8/64",), mac="0a:58:0a:f4:01:08", mtu=1450),
)
STORY_FILES = ("web.yaml", "db.yaml", "vmi.yaml")
PODS = (
    *STORY,
    PodSpec("bridge", ("10.244.1.9/24",), (), mac="0a:58:0a:f4:01:09", gateway6=""),
    PodSpec("managedtap", ("10.244.1.10/24",), (), mac="0a:58:0a:f4:01:0a", gateway6=""),
    PodSpec("macvtap", ("10.244.1.11/24",), (), mac="0a:58:0a:f4:01:0b", gateway6="", attached=(Attachment("fast", mtu=9000),)),
    PodSpec(
        "hotplug",
        ("10.244.1.12/24",),
        (),
        mac="0a:58:0a:f4:01:0c",
        gateway6="",
        attached=(Attachment("storage", "192.168.5.9/24"), Attachment("backup", "192.168.6.9/24", "0a:58:c0:a8:06:09")),
    ),
    PodSpec("passt", ("10.244.1.14/24",), ("fd10:244:1::14/64",), mac="0a:58:0a:f4:01:0e"),
    PodSpec("fast", ("10.244.1.13/24",), ("fd10:244:1::13/64",), mac="0a:58:0a:f4:01:0d"),
)
"""The pods of all examples in `states/`."""

NAMES = tuple(spec.name for spec in PODS)
WEB = HERE.netns("web")


@dataclass(frozen=True, slots=True)
class Question:
    """One packet flow of the story, and what must come of it."""

    about: str
    netns: str
    protocol: str
    address: str
    port: int
    expected: str


QUESTIONS = (
    Question("a listed port", HERE.outside, "tcp", "10.244.1.5", 80, f"guest saw {OUTSIDE4}"),
    Question("the same by IPv6", HERE.outside, "tcp", "fd10:244:1::5", 80, f"guest saw {OUTSIDE6}"),
    Question("a listed UDP port", HERE.outside, "udp", "10.244.1.5", 53, f"guest saw {OUTSIDE4}"),
    Question("a port that is not listed", HERE.outside, "tcp", "10.244.1.5", 81, f"pod saw {OUTSIDE4}"),
    Question("the guest goes out", f"{WEB}-guest", "tcp", OUTSIDE4, 443, "outside saw 10.244.1.5"),
    Question("the same by IPv6", f"{WEB}-guest", "tcp", OUTSIDE6, 443, "outside saw fd10:244:1::5"),
)


@dataclass(frozen=True, slots=True)
class Screen:
    """Where the story is told. Commands write to it directly, so what they print stands in its place."""

    out: TextIO

    def tell(self, text: str) -> None:
        print(f"\n# {text}", file=self.out, flush=True)

    def line(self, text: str) -> None:
        print(text, file=self.out, flush=True)

    def show(self, *command: str) -> int:
        """Prints a command as one would type it, runs it, lets it print, and gives its exit code."""
        print(f"$ {shlex.join(command)}", file=self.out, flush=True)
        real = [sys.executable, "-m", *command] if command[0] == "converge" else list(command)
        done = subprocess.run(real, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        print(done.stdout, end="", file=self.out, flush=True)
        return done.returncode


def demo(states: str = "states/", out: TextIO | None = None) -> int:
    """0 when everything came as told: the second plan is empty and each question got its answer."""
    if not Path(states).is_dir():
        raise LabError(f"no directory {states} here: run the demo where states/ is")
    screen = Screen(out or sys.stdout)
    with ended_by_signals(), lab(screen):
        return story(screen, states)


def story(screen: Screen, states: str) -> int:
    files = [str(Path(states) / name) for name in STORY_FILES]
    screen.tell("What would be done?")
    if screen.show("converge", "plan", *files):
        return 1
    screen.tell("Do it.")
    if screen.show("converge", "apply", *files):
        return 1
    screen.tell(f"What is in the first pod now? (Its namespace is {WEB}.)")
    wiring(screen)
    screen.tell("Is anything left to do?")
    empty = screen.show("converge", "plan", "--detailed-exitcode", *files) == 0
    screen.tell(
        "Do packets flow? A stand-in for the guest opens the tap, as a virtual machine would; then it is asked, and asks."
    )
    answered = flows(screen)
    return 0 if empty and answered else 1


def wiring(screen: Screen) -> None:
    screen.show("ip", "-n", WEB, "-br", "link")
    screen.show("ip", "-n", WEB, "-br", "address")
    screen.show("ip", "netns", "exec", WEB, "nft", "list", "table", "inet", "converge")


def flows(screen: Screen) -> bool:
    """The guest has the pod's MAC, since the document names none."""
    with ExitStack() as stack:
        guest = stack.enter_context(guest_on(WEB, GuestSpec(mac=STORY[0].mac, mtu=STORY[0].mtu)))
        stack.enter_context(serving(guest, "guest", "tcp/80", "udp/53"))
        stack.enter_context(serving(WEB, "pod", "tcp/81"))
        stack.enter_context(serving(HERE.outside, "outside", "tcp/443"))
        settle(WEB)
        settle(guest)
        outcomes = [answered(screen, question) for question in QUESTIONS]
    return all(outcomes)


def answered(screen: Screen, question: Question) -> bool:
    came = ask(question.netns, question.protocol, question.address, question.port)
    port = f"port {question.port}"
    wrong = "" if came == question.expected else f"   NOT {question.expected!r}"
    where = question.netns.removeprefix(HERE.prefix).removeprefix("web-")
    flow = f"{where} -> {question.protocol} {question.address} {port}"
    screen.line(f"{question.about:26} {flow:42} {came}{wrong}")
    return not wrong


@contextmanager
def lab(screen: Screen) -> Iterator[None]:
    screen.tell("Four pods, each a network namespace with an eth0 as a CNI leaves it, and a host outside that can reach them.")
    up(STORY)
    try:
        names = ", ".join(HERE.netns(spec.name) for spec in STORY)
        screen.line(f"pods: {names}; reached from {HERE.outside} ({OUTSIDE4}, {OUTSIDE6})")
        yield
    finally:
        screen.tell("All of it is removed again.")
        down(spec.name for spec in STORY)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """A request to terminate ends the story as an exception does, with everything removed, and then the process with 143."""
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
