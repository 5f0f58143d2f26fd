"""Stands for GitHub's `gh`: `gh api` on the comments of one pull request, kept in the file that GH_COMMENTS names.

It knows the calls of examples/github/converge.yml and ends with 1 on any other. `--jq` is jq's own work.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path

COMMENTS = re.compile(r"repos/shop/network/issues/7/comments(\?per_page=100)?")
COMMENT = re.compile(r"repos/shop/network/issues/comments/(\d+)")
BOT = "github-actions[bot]"


def main() -> int:
    parser = ArgumentParser()
    parser.add_argument("what", choices=["api"])
    parser.add_argument("path")
    parser.add_argument("--method", default="GET")
    parser.add_argument("--field", default="")
    parser.add_argument("--jq", default=".")
    parser.add_argument("--paginate", action="store_true")
    parser.add_argument("--silent", action="store_true")
    asked = parser.parse_args()
    if not os.environ.get("GH_TOKEN"):
        print("gh: no token", file=sys.stderr)
        return 4
    kept = Path(os.environ["GH_COMMENTS"])
    comments = json.loads(kept.read_text())
    one, every = COMMENT.fullmatch(asked.path), COMMENTS.fullmatch(asked.path)
    if asked.method == "GET" and every:
        return subprocess.run(["jq", "--raw-output", asked.jq], input=kept.read_text(), text=True).returncode
    body = Path(asked.field.removeprefix("body=@")).read_text()
    if asked.method == "POST" and every:
        comments.append({"id": 100 + len(comments), "user": {"login": BOT}, "body": body, "edited": 0})
    elif asked.method == "PATCH" and one:
        found = next(each for each in comments if each["id"] == int(one[1]))
        found |= {"body": body, "edited": found["edited"] + 1}
    else:
        print(f"gh: {asked.method} {asked.path}: not found", file=sys.stderr)
        return 1
    kept.write_text(json.dumps(comments))
    return 0


if __name__ == "__main__":
    sys.exit(main())
