"""Writes tests/cases/gitops/ anew: comments, and with --snapshots (as root) what they are made from. Read the difference then."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from pathlib import Path

from tests.docs.session import session
from tests.gitops.repository import CASES, STATES
from tests.gitops.story import told

DRIFT = "ip netns exec lab-web nft add element inet converge ports { tcp . 8080 }"
"""A port that somebody opened by hand: no change of the documents has to do with it."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gitops", description=__doc__)
    parser.add_argument("--snapshots", action="store_true", help="take the snapshots anew, too, from pods made for it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="converge-story-") as temporary:
        if arguments.snapshots:
            take(Path(temporary) / "taken")
        for each in told(Path(temporary) / "story"):
            (CASES / f"{each.change.name}.md").write_text(each.comment, encoding="utf-8")
            print(f"{each.change.name}: validate {each.valid}, plan {each.code}, --detailed-exitcode {each.detailed}")
            print(each.annotations, end="")
    return 0


def take(folder: Path) -> None:
    """Pods as the first commit wants them, but for one port."""
    folder.mkdir()
    with session(folder) as shell:
        for name, text in STATES.items():
            shell.write(f"states/{name}.yaml", text)
        for command in ("converge lab up", "converge apply -q", DRIFT, "converge snapshot --out snapshots/", "converge lab down"):
            done = shell.run(command)
            assert done.code == 0, f"{command}: {done.printed}"
    shutil.rmtree(CASES / "snapshots", ignore_errors=True)
    shutil.copytree(folder / "snapshots", CASES / "snapshots")
    settle()


def settle() -> None:
    """All as if taken in the same second, so that they have one age on every day, and under a kernel that is nobody's."""
    texts = {path: path.read_text(encoding="utf-8") for path in (CASES / "snapshots").iterdir()}
    when = sorted(re.findall(r"(?m)^taken: .*$", "\n".join(texts.values())))[0]
    for path, text in texts.items():
        timed = re.sub(r"(?m)^taken: .*$", when, text)
        path.write_text(re.sub(r'release: ("[^"]*"|[^,]*)', "release: 6.18.0", timed), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
