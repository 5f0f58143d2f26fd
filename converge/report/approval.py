"""A saved plan: what somebody has looked at and approved. Nothing in it is ever done; it is compared with what would be done now.

It is the plan's public JSON with `kind: Plan` and the digests of the state files. Two plans of a pod are the same if its changes
and its operations are, in their order; where in a file a change is asked for, and how long an address is still valid, does not
count. So a stale plan, a forged one and one of other documents end alike: with what differs, and nothing touched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from converge import __version__
from converge.model import Diagnostic, Position, Severity, Text
from converge.report import Json
from converge.report.document import FORMAT

KIND = "Plan"
MOST_BYTES = 64 << 20
MOST_LINES = 20
"""Of what differs in one pod; the rest is counted."""
REMAINING = re.compile(r"\b(valid|preferred|valid_lft|preferred_lft) \d+")
STALE = "plan is not the approved one"


@dataclass(frozen=True, slots=True)
class Approval:
    """`pods` by namespace/name; `documents` are digests by file name."""

    filename: str
    pods: Mapping[str, Json]
    documents: Mapping[str, str]


def saved(planned: Json, texts: Iterable[Text]) -> Json:
    """The value to write, from that of `plan -o json`."""
    return {"kind": KIND, **planned, "documents": digests(texts)}


def digests(texts: Iterable[Text]) -> Mapping[str, str]:
    from hashlib import sha256

    return {text.filename: sha256(text.data).hexdigest() for text in texts}


# ------------------------------------------------------------------------------------------------------- reading


def read(text: Text) -> Approval | Diagnostic:
    """What was approved, or why this is no saved plan."""
    try:
        found = json.loads(text.data)
    except json.JSONDecodeError as error:
        at = Position(text.filename, error.lineno, error.colno)
        return Diagnostic("Not a saved plan", f"not JSON: {error.msg}\nthe file is cut off, or was edited; plan again", at)
    except (ValueError, RecursionError):
        return _no_plan(text, "not JSON")
    if not isinstance(found, dict) or found.get("kind") != KIND:
        return _no_plan(text, f"no `kind: {KIND}` at its top")
    versions = (str(found.get("format_version")), str(found.get("tool_version")))
    if versions[0].partition(".")[0] != FORMAT.partition(".")[0] or versions[1] != __version__:
        return _no_plan(text, f"written by version {versions[1][:40]} in format {versions[0][:40]}, this is {__version__}")
    pods, documents = _pods(found.get("pods")), found.get("documents")
    if pods is None or not isinstance(documents, dict):
        return _no_plan(text, "its pods or documents are not what `plan --out` writes")
    return Approval(text.filename, pods, {str(name): str(digest) for name, digest in documents.items()})


def _no_plan(text: Text, why: str) -> Diagnostic:
    detail = f"{text.filename} is not a plan that can be applied: {why}\nwrite one with `converge plan --out FILE`"
    return Diagnostic("Not a saved plan", detail, Position(text.filename, 1, 1))


def _pods(found: Any) -> Mapping[str, Json] | None:
    if not isinstance(found, list) or not all(map(_is_pod, found)):
        return None
    pods = {pod["document"]: pod for pod in found}
    return pods if len(pods) == len(found) else None


def _is_pod(found: Any) -> bool:
    if not isinstance(found, dict) or not isinstance(found.get("document"), str):
        return False
    changes, operations = found.get("changes"), found.get("operations")
    if not isinstance(changes, list) or not isinstance(operations, list):
        return False
    whole = all(isinstance(each, dict) and isinstance(each.get("address"), str) for each in changes)
    return whole and all(isinstance(each, str) for each in operations)


# ----------------------------------------------------------------------------------------------------- comparing


def objections(approval: Approval, pod: Json, at: Position) -> tuple[Diagnostic, ...]:
    """What speaks against applying this plan of a pod; nothing if it is the approved one."""
    approved = approval.pods.get(pod["document"])
    if approved is None:
        detail = f"{approval.filename} has no plan for {pod['document']}\nplan again, and have that approved"
        return (Diagnostic(STALE, detail, at),)
    lines = list(_differences(approved, pod))
    if not lines:
        return ()
    shown = lines[:MOST_LINES] + ([f"and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else [])
    first = (
        f"{len(lines)} {'thing differs' if len(lines) == 1 else 'things differ'} from what was approved in {approval.filename}"
    )
    return (Diagnostic(STALE, "\n".join([first, *shown, "plan again, and have that approved"]), at),)


def left_out(approval: Approval, names: Iterable[str]) -> Iterator[Diagnostic]:
    """Pods of the approved plan that nobody asks for now."""
    for name in sorted(approval.pods.keys() - set(names)):
        detail = f"{approval.filename} has a plan for {name}, which no document that was asked for is about"
        yield Diagnostic(STALE, f"{detail}\nname the same documents, with the same selection", Position(approval.filename, 1, 1))


def changed_documents(approval: Approval, texts: Iterable[Text], severity: Severity) -> Iterator[Diagnostic]:
    """State files that are not what they were when the plan was made."""
    now = digests(texts)
    for name in sorted(now.keys() | approval.documents.keys()):
        if now.get(name) != approval.documents.get(name):
            what = "is new" if name not in approval.documents else "is gone" if name not in now else "has changed"
            detail = f"{name} {what} since the plan in {approval.filename} was made"
            yield Diagnostic("documents changed", detail, severity=severity)


def _differences(approved: Json, now: Json) -> Iterator[str]:
    if approved.get("netns") != now["netns"]:
        yield f"netns: approved {approved.get('netns')}, now {now['netns']}"
    changes = [[_canonical(change) for change in pod["changes"]] for pod in (approved, now)]
    if changes[0] != changes[1]:
        yield from list(_changes(approved["changes"], now["changes"])) or ["the changes come in another order"]
        return
    old, new = ([_steady(each) for each in pod["operations"]] for pod in (approved, now))
    if old != new:
        lines = [f"operation approved, and not to be done now: {each}" for each in old if each not in new]
        lines += [f"operation to be done now, and not approved: {each}" for each in new if each not in old]
        yield from lines or ["the operations come in another order"]


def _changes(approved: Iterable[Json], now: Iterable[Json]) -> Iterator[str]:
    before, after = _by_address(approved), _by_address(now)
    for address in sorted(before.keys() | after.keys()):
        if address not in after:
            yield f"approved, and not to be done now: {_named(before[address])}"
        elif address not in before:
            yield f"to be done now, and not approved: {_named(after[address])}"
        else:
            yield from _otherwise(before[address], after[address])


def _by_address(changes: Iterable[Json]) -> dict[str, Json]:
    return {_steady(change["address"]): change for change in changes}


def _named(change: Json) -> str:
    return f"{change.get('action')} {change['address']}"


def _otherwise(before: Json, after: Json) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        old, new = (json.dumps(side.get(name), sort_keys=True) for side in (before, after))
        if name != "source" and _steady(old) != _steady(new):
            yield f"{_named(after)}: {name}: approved {old}, now {new}"


def _canonical(change: Json) -> str:
    return _steady(json.dumps({name: value for name, value in change.items() if name != "source"}, sort_keys=True))


def _steady(text: str) -> str:
    """Without how long an address is still valid, which is less at each look."""
    return REMAINING.sub(r"\1 …", text)
