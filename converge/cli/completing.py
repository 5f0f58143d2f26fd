"""Completion scripts for each shell, from the grammar of the command line and nothing else. They run no program."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from converge.cli.grammar import Argument, Verb

BASH = """\
# Completion of converge for bash.
_converge() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words= files=
    [[ $word == = ]] && word=                # --output=json is three words to bash
    [[ $before == = ]] && before=${COMP_WORDS[COMP_CWORD-2]}
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W VERBS -- "$word")
        return
    fi
    case ${COMP_WORDS[1]} in"""

BASH_END = """\
    esac
    if [[ $words ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    elif [[ $files ]]; then
        compopt -o filenames 2>/dev/null     # it fails where no one completes
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi
}
complete -F _converge converge"""


def bash(verbs: Sequence[Verb]) -> Iterator[str]:
    names = " ".join(verb.name for verb in verbs)
    yield from BASH.replace("VERBS", shlex.quote(names)).split("\n")
    for verb in verbs:
        yield f"    {verb.name})"
        yield "        case $before in"
        for each in verb.options:
            if each.value:
                yield f"        {'|'.join(each.flags)}) {_bash_value(each)} ;;"
        flags = " ".join(flag for each in verb.options for flag in each.flags)
        yield f"        *) if [[ $word == -* ]]; then words={shlex.quote(flags)}; else {_bash_value(verb.operand)}; fi ;;"
        yield "        esac ;;"
    yield from BASH_END.split("\n")


def _bash_value(each: Argument | None) -> str:
    if each is not None and each.words:
        return f"words={shlex.quote(' '.join(each.words))}"
    return "files=yes" if each is not None and each.files else ":"


# ------------------------------------------------------------------------------------------------------------------ zsh


def zsh(verbs: Sequence[Verb]) -> Iterator[str]:
    yield "#compdef converge"
    yield "# Completion of converge for zsh: a file named _converge in a folder of fpath, or sourced after compinit."
    yield "_converge() {"
    yield "    if ((CURRENT == 2)); then"
    yield "        local -a verbs=("
    for verb in verbs:
        text = f"{verb.name}:{verb.about}"
        yield f"            {shlex.quote(text)}"
    yield "        )"
    yield "        _describe verb verbs"
    yield "        return"
    yield "    fi"
    yield "    local verb=$words[2]"
    yield "    shift words"
    yield "    ((CURRENT--))"
    yield "    case $verb in"
    for verb in verbs:
        yield f"    {verb.name}) _arguments -s \\"
        rows = [row for each in verb.options for row in _zsh_option(each)]
        operand = verb.operand
        rows += [f"{'*' if operand.many else ''}:{operand.value}:{_zsh_value(operand)}"] if operand else []
        yield from (f"        {shlex.quote(row)} \\" for row in rows[:-1])
        yield f"        {shlex.quote(rows[-1])} ;;"
    yield "    esac"
    yield "}"
    yield 'if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _converge "$@"; else compdef _converge converge; fi'


def _zsh_option(each: Argument) -> Iterator[str]:
    about = "".join(f"\\{character}" if character in "[]:\\" else character for character in each.about)
    others = "*" if each.many else f"({' '.join(each.flags)})"
    value = f":{each.value}:{_zsh_value(each)}" if each.value else ""
    for flag in each.flags:
        joined = "=" if value and flag.startswith("--") else ""
        yield f"{others}{flag}{joined}[{about}]{value}"


def _zsh_value(each: Argument) -> str:
    return f"({' '.join(each.words)})" if each.words else "_files" if each.files else " "


# ----------------------------------------------------------------------------------------------------------------- fish


def fish(verbs: Sequence[Verb]) -> Iterator[str]:
    yield "# Completion of converge for fish."
    yield "complete -c converge -f"
    for verb in verbs:
        yield f"complete -c converge -n __fish_use_subcommand -a {verb.name} -d {_fish(verb.about)}"
    for verb in verbs:
        start = f"complete -c converge -n '__fish_seen_subcommand_from {verb.name}'"
        for each in verb.options:
            flags = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in each.flags)
            yield f"{start} {flags}{_fish_value(each)} -d {_fish(each.about)}"
        if verb.operand is not None and (verb.operand.words or verb.operand.files):
            yield start + (" -F" if verb.operand.files else f" -a {_fish(' '.join(verb.operand.words))}")


def _fish_value(each: Argument) -> str:
    if not each.value:
        return ""
    if each.words:
        return f" -x -a {_fish(' '.join(each.words))}"
    return " -r -F" if each.files else " -x"


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
