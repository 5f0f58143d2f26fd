"""`converge schema`: the JSON Schema of a kind of document, for editors and other validators."""

from __future__ import annotations

import json
import sys

from converge.cli.arguments import Namespace, Parser
from converge.cli.writing import write
from converge.documents import KINDS, schema

ERROR = 1
DESCRIPTION = """Print the JSON Schema of a kind of document; without KIND, the names of the kinds.

examples:
  converge schema
  converge schema GuestNetwork > GuestNetwork.json"""


def define(parser: Parser) -> None:
    parser.add_argument("kind", metavar="KIND", nargs="?", choices=KINDS, help=", ".join(KINDS))


def run(arguments: Namespace) -> int:
    if arguments.kind is None:
        write(sys.stdout, KINDS)
    else:
        write(sys.stdout, [json.dumps(schema(arguments.kind), indent=2, ensure_ascii=False)])
    return 0
