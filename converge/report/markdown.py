"""A plan as the comment of a pull request: Markdown, with HTML where Markdown has nothing, from the plan's JSON value; only the
consequence and the picture are made from the Results themselves.

    marker, by which a program finds the comment to write it anew
    digest: a sentence, a table, what was not planned          always there, bounded in length
    one section a pod, largest disruption first                 consequence, picture, table of changes; details folded
    what was left out

A comment has a longest length. What does not fit is left out in whole parts, counted, and said: first details, then pictures,
tables, whole pods. Names, comments and file names are untrusted; see `prose`, `code` and `fenced`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

from converge.explain import consequences, settled
from converge.model import Result
from converge.report import Json, mermaid, unified
from converge.report.age import old
from converge.report.disruption import LEVELS, worst
from converge.report.rows import row
from converge.report.style import Style, shown
from converge.report.text import MEANING, NEXT_COMMAND, failed_pods

MARKER = "<!-- converge plan -->"
LONGEST = 65_536
"""Of a comment at GitHub, in characters; counted as UTF-16 does, of which no other count is larger."""
DIGEST_ROWS, LONGEST_DIGEST, LONGEST_PROSE = 20, 20_000, 600
IN_A_LINE, MOST_ROWS = 2, 12
"""Sentences of a consequence that are no list yet, and changes of a pod whose table is not folded."""
RESERVE = 700
"""What is kept for saying what was left out."""
NOTE = 110
"""And for saying it in one section."""
ACTIONS = ("create", "update", "delete")
CALM = {"none": "none (no packet notices)"} | MEANING


def plan(found: Json, results: Sequence[Result], longest: int = LONGEST) -> str:
    """`found`: the JSON value of `results`, in their order. Ends with a line break; never longer than `longest`."""
    pods = sorted(zip(found["pods"], results, strict=True), key=lambda pair: (-_rank(pair[0]), -len(pair[0]["changes"])))
    digest = "\n".join(_digest(found))
    room = _Room(longest - size(digest) - RESERVE)
    sections, left = _sections([pair for pair in pods if pair[0]["changes"]], room)
    for section in sections:
        section.grow(room)
    told = _diagnostics(found["diagnostics"])
    rest = told if room.take(told) else ""
    note = _left_out(left, found["diagnostics"] if told and not rest else [])
    return "\n\n".join(filter(None, (digest, *map(str, sections), rest, note))) + "\n"


def invalid(diagnostics: Sequence[Json], longest: int = LONGEST) -> str:
    """The comment where documents, or snapshots, are not valid and nothing was planned."""
    errors = [each for each in diagnostics if each["severity"] == "error"]
    head = f"{MARKER}\n### converge plan\n\n**Not planned.** {_counted(len(errors), 'mistake')} must be mended first:\n"
    room = _Room(longest - size(head) - RESERVE)
    lines: list[str] = []
    for each in errors:
        line = f"* {_diagnostic(each)}"
        if not room.take(line):
            break
        lines.append(line)
    more = len(errors) - len(lines)
    note = [f"\n_Left out, since a comment may not be longer: {_counted(more, 'more mistake')}._"] if more else []
    return "\n".join([head, *lines, *note]) + "\n"


# --------------------------------------------------------------------------------------------------- untrusted text

_HARMFUL = re.compile(r"[\\`*_\[\]{}~|$^!]|:(?=/)|(?<=[wW])\.|--")


def prose(text: str) -> str:
    """One line in a sentence: nothing of it is Markdown, HTML, a link, or calls somebody's name."""
    line = escape(_cut(shown(text)), quote=False)
    line = _HARMFUL.sub(lambda found: "".join(f"&#{ord(each)};" for each in found[0]), line)
    return re.sub(r"@|(?<!&)#", lambda found: f"<code>{found[0]}</code>", line)


def code(text: str) -> str:
    """A name or value, as such."""
    line = escape(_cut(shown(text)), quote=False)
    line = re.sub(
        r"[\\`*_\[\]{}~|$^!@]|(?<!&)#|:(?=/)|(?<=[wW])\.|--", lambda found: "".join(f"&#{ord(c)};" for c in found[0]), line
    )
    return f"<code>{line}</code>" if line.strip() else ""


def fenced(language: str, lines: Iterable[str]) -> str:
    """A block that ends where it should, whatever is in it."""
    body = [shown(line) for line in lines]
    longest = max((len(found) for line in body for found in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}{language}", *body, fence])


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_PROSE else text[: LONGEST_PROSE - 1] + "…"


def size(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


# ------------------------------------------------------------------------------------------------------------ digest


def _digest(found: Json) -> Iterator[str]:
    failed = failed_pods(found)
    yield MARKER
    yield f"### converge plan\n\n{_sentence(found, failed)}\n"
    yield "| | |\n|---|---|"
    yield from (f"| {name} | {text} |" for name, text in _facts(found, failed))
    if failed:
        yield "\n**Not planned:**\n"
        yield from _refused(found, failed)


def _refused(found: Json, failed: list[str]) -> Iterator[str]:
    """The reason of each; the list is bounded, so that the digest is."""
    errors = [each for each in found["diagnostics"] if each["severity"] == "error" and "document" in each]
    reasons = {each["document"]: each for each in reversed(errors)}
    room = _Room(LONGEST_DIGEST)
    for number, name in enumerate(failed):
        line = f"* {code(name)}: {_diagnostic(reasons[name])}"
        if number == DIGEST_ROWS or not room.take(line):
            yield f"* and {_counted(len(failed) - number, 'more pod')}"
            return
        yield line


def _sentence(found: Json, failed: list[str]) -> str:
    counts = found["summary"]
    if not counts["pods_changed"]:
        if not counts["pods"]:
            return "**No changes.** No document was asked for."
        if failed and len(failed) >= counts["pods"]:
            return f"**Not planned.** {_counted(len(failed), 'pod')} could not be planned for."
        number = counts["pods"] - len(failed)
        if "base" in found:
            return f"**No changes.** What the documents change does nothing to {_counted(number, 'pod')}."
        return f"**No changes.** {_counted(number, 'pod')} {'is' if number == 1 else 'are'} as desired."
    todo = ", ".join(f"{counts[action]} to {action}" for action in ACTIONS)
    verb = "changes" if counts["pods_changed"] == 1 else "change"
    return f"**{_counted(counts['pods_changed'], 'pod')} {verb}:** {todo}. Disruption: {CALM[_worst(found['pods'])]}."


def _facts(found: Json, failed: list[str]) -> Iterator[tuple[str, str]]:
    counts, pods = found["summary"], found["pods"]
    yield "pods changed", f"{counts['pods_changed']} of {counts['pods']}" + (f", {len(failed)} not planned" if failed else "")
    yield "create / update / delete", " / ".join(str(counts[action]) for action in ACTIONS)
    yield "disruption", CALM[_worst(pods)]
    if "base" in found:
        base = found["base"]
        yield "compared", f"{code(base['revision'])} ({code(base['commit'][:12])}) with {code(base['head'])}"
        drifted = [pod["already"] for pod in pods if pod["already"]]
        if drifted:
            yield "there anyway", f"{_counted(sum(drifted), 'difference')} in {_counted(len(drifted), 'pod')}, not shown here"
    taken = sorted((pod["snapshot"]["age_seconds"], pod["snapshot"]["taken"]) for pod in pods if "snapshot" in pod)
    if taken:
        (young, _), (aged, since) = taken[0], taken[-1]
        both = "" if old(young) == old(aged) else f"the newest is {old(young)}, the oldest "
        yield "snapshots", f"{len(taken)}; {both}{old(aged)} (of {since})"


def _worst(pods: Iterable[Json]) -> str:
    return worst([change["disruption"] for pod in pods for change in pod["changes"]])


def _rank(pod: Json) -> int:
    return LEVELS.index(_worst([pod]))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _diagnostic(found: Json) -> str:
    first, *rest = (found["detail"] or found["summary"]).split("\n")
    at = found["range"]
    place = "" if at is None else code(f"{at['filename']}:{at['start']['line']}:{at['start']['column']}") + " "
    word = "" if found["severity"] == "error" else f"{found['severity']}: "
    return f"{place}{word}{prose('; '.join([first, *rest]))}"


# --------------------------------------------------------------------------------------------------------- one pod


@dataclass(slots=True)
class _Room:
    """Characters that are left."""

    free: int

    def take(self, text: str) -> bool:
        needed = size(text) + 2
        if not text or needed > self.free:
            return False
        self.free -= needed
        return True


@dataclass(slots=True)
class _Section:
    """`parts` are in the comment; `folded`: names and texts of what may still join; `missing`: names of what did not fit."""

    parts: list[str]
    folded: list[tuple[str, str]]
    missing: list[str] = field(default_factory=list)

    def grow(self, room: _Room) -> None:
        for name, text in self.folded:
            if room.take(text):
                self.parts.append(text)
            elif text:
                self.missing.append(name)

    def __str__(self) -> str:
        note = [f"_Left out for its length: {', '.join(self.missing)}._"] if self.missing else []
        return "\n\n".join([*self.parts, *note])


def _sections(pods: Sequence[tuple[Json, Result]], room: _Room) -> tuple[list[_Section], list[Json]]:
    """And the pods for which there was no room. The first that does not fit ends it, so those that are left out are the least."""
    sections: list[_Section] = []
    for number, (pod, result) in enumerate(pods):
        head = _head(pod, result)
        if not room.take(head + " " * NOTE):
            return sections, [each for each, _ in pods[number:]]
        section = _Section([head], [])
        for name, text in (("table of changes", _tables(pod)), ("picture", _picture(result))):
            if room.take(text):
                section.parts.insert(1, text)  # the picture above the table, which may be long; yet the table is more needed
            elif text:
                section.missing.append(name)
        section.folded = [("every change", _every_change(pod)), ("kernel operations", _operations(pod))]
        sections.append(section)
    return sections, []


def _head(pod: Json, result: Result) -> str:
    count = [f"{number} to {action}" for action in ACTIONS if (number := _actions(pod).count(action))]
    place = [code(pod["source"]), *([f"{old(pod['snapshot']['age_seconds'])} snapshot"] if "snapshot" in pod else [])]
    lines = [f"#### {code(pod['document'])}", "", f"{', '.join(count)} ({', '.join(place)})", ""]
    lines += [f"* **Disruption:** {CALM[_worst([pod])]}", _consequence(result)]
    if pod.get("already"):
        lines.append(f"* **Besides:** {_counted(pod['already'], 'difference')} there already, with this change or without it")
    return "\n".join(lines)


def _actions(pod: Json) -> list[str]:
    return [change["action"] for change in pod["changes"]]


def _consequence(result: Result) -> str:
    """For a proposal, too: what was observed is then what the base's plan settles to, so drift has no part in it."""
    found = consequences(result.observed, settled(result.observed, result.plan), result.document.nics)
    shorter = [prose(str(each)) for each in found[:DIGEST_ROWS]]
    more = [f"and {len(found) - DIGEST_ROWS} more sentences"] if len(found) > DIGEST_ROWS else []
    if len(found) <= IN_A_LINE:
        return f"* **Consequence:** {'; '.join(shorter)}."
    return "\n".join(["* **Consequence:**", *(f"  * {each}" for each in [*shorter, *more])])


def _tables(pod: Json) -> str:
    """One a NIC, in the order in which the changes happen; folded where they are longer than a screen."""
    groups: dict[str, list[Json]] = {}
    for change in pod["changes"]:
        groups.setdefault(change["nic"] or "", []).append(change)
    text = "\n\n".join(_table(nic, changes) for nic, changes in groups.items())
    return _folded(f"Table of changes ({len(pod['changes'])})", text) if len(pod["changes"]) > MOST_ROWS else text


def _table(nic: str, changes: Sequence[Json]) -> str:
    title = f"**NIC** {code(nic)}" if nic else "**The pod as a whole**"
    source = next((change["source"].rpartition(":")[0] for change in changes if change["source"]), "")
    title += f" ({code(source)})" if nic and code(source) else ""
    return "\n".join([title, "", "| | resource | what | disruption |", "|---|---|---|---|", *map(_line, changes)])


def _line(change: Json) -> str:
    told = row(change)
    rules = {symbol: sum(each == symbol for each, _ in told.below) for symbol in "+-"}
    what = [
        *map(code, told.phrases),
        *(f"{_counted(n, 'rule')} {w}" for w, n in (("more", rules["+"]), ("less", rules["-"])) if n),
    ]
    word = "replace" if change.get("replace") else change["action"]
    return f"| {word} | {code(told.title)} | {' '.join(what)} | {change['disruption']} |"


def _picture(result: Result) -> str:
    lines = mermaid.wiring(result)
    return fenced("mermaid", lines) if lines else "_No picture: there is no NIC in it, or too many to be drawn._"


# ---------------------------------------------------------------------------------------------------------- folded


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def _every_change(pod: Json) -> str:
    number = _counted(len(pod["changes"]), "change")
    return _folded(f"Every change, whole ({number})", fenced("diff", unified.lines({"pods": [pod]}, Style())))


def _operations(pod: Json) -> str:
    lines: list[str] = []
    for number, operation in enumerate(pod["operations"], 1):
        first, *more = NEXT_COMMAND.split(shown(operation))
        lines += [f"{number}. {first}", *(f"   {command}" for command in more)]
    return _folded(f"Kernel operations ({len(pod['operations'])})", fenced("text", lines)) if lines else ""


def _diagnostics(found: Sequence[Json]) -> str:
    """All of them; that a pod was refused stands above as well."""
    if not found:
        return ""
    lines = [f"* {code(each['document']) + ': ' if 'document' in each else ''}{_diagnostic(each)}" for each in found]
    return _folded(f"Diagnostics ({len(found)})", "\n".join(lines))


def _left_out(pods: Sequence[Json], diagnostics: Sequence[Json]) -> str:
    if not pods and not diagnostics:
        return ""
    said = []
    if pods:
        levels = [_worst([pod]) for pod in pods]
        told = ", ".join(f"{levels.count(level)} {level}" for level in reversed(LEVELS) if level in levels)
        actions = [action for pod in pods for action in _actions(pod)]
        todo = ", ".join(f"{actions.count(action)} to {action}" for action in ACTIONS)
        said.append(f"{_counted(len(pods), 'more changed pod')} ({todo}; disruption: {told})")
    if diagnostics:
        said.append(_counted(len(diagnostics), "diagnostic"))
    order = "Pods stand in the order of their disruption, largest first. " if pods else ""
    return f"_Left out, since a comment may not be longer: {' and '.join(said)}. {order}`converge plan` shows everything._"
