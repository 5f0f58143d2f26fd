"""`converge completion`: what a shell needs to complete verbs, options, their values and file names."""

from __future__ import annotations

import sys

from converge.cli.arguments import Namespace, Parser
from converge.cli.writing import write

ERROR = 1
DESCRIPTION = """Print a script that lets a shell complete verbs, options, their values and file names.

examples:
  source <(converge completion bash)                               in ~/.bashrc
  converge completion bash > /etc/bash_completion.d/converge       for all users
  converge completion zsh > "${fpath[1]}/_converge"
  converge completion fish > ~/.config/fish/completions/converge.fish"""

SHELLS = ("bash", "zsh", "fish")


def define(parser: Parser) -> None:
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help=", ".join(SHELLS))


def run(arguments: Namespace) -> int:
    from converge.cli import completing
    from converge.cli.grammar import verbs

    scripts = {"bash": completing.bash, "zsh": completing.zsh, "fish": completing.fish}
    write(sys.stdout, scripts[arguments.shell](tuple(verbs())))
    return 0
