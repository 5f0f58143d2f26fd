"""Says where a page is not what its commands print, and writes that with --write: `python -m tests.docs --write [PAGE…]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.docs.pages import CONSOLE, blocks, pages
from tests.docs.running import ran, rewritten
from tests.docs.session import Stuck


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.docs", description=__doc__)
    parser.add_argument("--write", action="store_true", help="change the pages")
    parser.add_argument("pages", metavar="PAGE", nargs="*", type=Path, help="default: README.md and docs/*.md")
    arguments = parser.parse_args()
    found = [worked(page, arguments.write) for page in arguments.pages or pages()]
    return 0 if all(found) else 1


def worked(path: Path, write: bool) -> bool:
    page = path.read_text(encoding="utf-8")
    if not any(block.language == CONSOLE for block in blocks(page)):
        return True
    try:
        found = ran(page)
    except Stuck as stuck:
        print(f"{path}: {stuck}", file=sys.stderr)
        return False
    wrong = [each for each in found if not each.good]
    for each in wrong:
        print(f"{path}:{each.block.line}: $ {each.step.command}   exit code {each.code}\n{each.printed}", end="")
    if wrong and write:
        path.write_text(rewritten(page, found), encoding="utf-8")
    print(f"{path}: {len(found)} commands, {len(wrong)} differ{' and were written' * bool(wrong and write)}")
    return (write and all(each.shown for each in found)) or not wrong


if __name__ == "__main__":
    sys.exit(main())
