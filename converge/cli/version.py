"""`converge version`: versions of converge and of what it stands on, for reports of errors."""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from converge import __version__
from converge.cli.arguments import Namespace, Parser
from converge.cli.writing import write

ERROR = 1
DESCRIPTION = """Print the versions of converge, Python, the kernel and the packages that converge uses.

examples:
  converge version
  converge version -o json"""

PACKAGES = ("pyroute2", "pip-nftables", "pyyaml", "jsonschema", "deepdiff")


def define(parser: Parser) -> None:
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="text, json (default: text)")


def run(arguments: Namespace) -> int:
    packages = {name: _version(name) for name in PACKAGES}
    found = {"converge": __version__, "python": platform.python_version(), "kernel": platform.release(), **packages}
    if arguments.output == "json":
        write(sys.stdout, [json.dumps(found, indent=2)])
    else:
        write(sys.stdout, (f"{name:13} {text or 'not installed'}" for name, text in found.items()))
    return 0


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
