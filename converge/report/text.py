"""Plans and applies as text, from their JSON value and nothing else.

    web (shop/web, netns web)                               states/web.yaml:1
      + link k6t-eth0            bridge  mac 02:00:00:00:00:00  mtu 1450  up      default  states/web.yaml:11
      ~ link tap0                mtu 1500 → 1450                                  default
      - nft element @ports       tcp . 8080                                       default
    Plan: 1 to create, 1 to update, 1 to delete; 37 unchanged. Disruption: none.

With `operations`, every kernel call stands below its pod. Where Kubernetes names the pod, its name and how it was found stand
in place of the namespace: `web (shop/web, pod shop/launcher-x, found in CNI cache)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from converge.report import Json
from converge.report.age import snapshot
from converge.report.disruption import worst
from converge.report.rows import row
from converge.report.style import Style, padded, shown
from converge.report.table import table

HEAD = 56
"""Columns of a header before its source."""

NEXT_COMMAND = re.compile(r"; (?=(?:add|delete|flush) )")
"""Between the commands of one nft transaction, which read better one a line."""

MEANING = {
    "new-flows": "new-flows (new connections may go elsewhere, established ones stay)",
    "short-cut": "short-cut (packets are lost for a moment)",
    "carrier-loss": "carrier-loss (the guest sees its link go)",
}


def plan(document: Json, style: Style, *, operations: bool = False) -> Iterator[str]:
    """The difference of each pod, and the sum of all."""
    yield from _pods(document, style, operations)
    yield from _summary(document, style, failed_pods(document))


def apply(document: Json, style: Style, *, operations: bool = False) -> Iterator[str]:
    """What was done. Verified: a new observation found nothing left to do."""
    yield from _pods(document, style, operations)
    counts, pods = document["summary"], document["pods"]
    bad = [pod for pod in pods if pod["result"] not in ("applied", "unchanged")]
    if counts["pods_changed"]:
        done = ", ".join(f"{counts[action]} {action}d" for action in ("create", "update", "delete"))
        yield style.paint("head", f"Applied: {done} in {_counted(counts['pods_changed'], 'pod')} ({_time(document)}). Verified.")
    elif not bad:
        yield style.paint("head", _nothing(len(pods)))
    for result, text in NOT_APPLIED.items():
        names = [pod["document"] for pod in bad if pod["result"] == result]
        if names:
            yield style.paint("error", f"{text}: {', '.join(names)}.")


NOT_APPLIED = {
    "refused": "Refused, nothing was touched",
    "restored": "Failed, and restored to what was before",
    "failed": "Failed, and NOT fully restored",
}


def failed_pods(document: Json) -> list[str]:
    """Pods about which there is an error."""
    errors = [each for each in document["diagnostics"] if each["severity"] == "error" and "document" in each]
    return list(dict.fromkeys(each["document"] for each in errors))


def _summary(document: Json, style: Style, failed: list[str]) -> Iterator[str]:
    counts = document["summary"]
    if counts["pods_changed"]:
        todo = ", ".join(f"{counts[action]} to {action}" for action in ("create", "update", "delete"))
        level = worst([change["disruption"] for pod in document["pods"] for change in pod["changes"]])
        text = f"Plan: {todo}; {counts['unchanged']} unchanged. Disruption: {MEANING.get(level, level)}."
        yield style.paint("head", text)
    elif counts["pods"] > len(failed) or not failed:
        pods = counts["pods"] - len(failed)
        yield style.paint("head", _unchanged(pods, document["base"]["revision"]) if "base" in document else _nothing(pods))
    if failed:
        yield style.paint("error", f"Not planned: {', '.join(failed)}.")


def _unchanged(pods: int, revision: str) -> str:
    """Pods that have drifted are not as desired, and yet the change of the documents does nothing to them."""
    return f"No changes. What the documents change since {shown(revision)} does nothing to {_counted(pods, 'pod')}."


def _nothing(pods: int) -> str:
    if not pods:
        return "No changes. No document was asked for."
    return f"No changes. {_counted(pods, 'pod')} {'is' if pods == 1 else 'are'} as desired."


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _time(document: Json) -> str:
    milliseconds: float = document["duration_ms"]
    return f"{milliseconds:.0f} ms" if milliseconds < 10_000 else f"{milliseconds / 1000:.1f} s"


# ------------------------------------------------------------------------------------------------------- one pod


def _pods(document: Json, style: Style, operations: bool) -> Iterator[str]:
    for pod in document["pods"]:
        if pod["changes"] or "snapshot" in pod or pod.get("already"):
            yield from header(pod, style)
        if pod["changes"]:
            yield from table([row(change) for change in pod["changes"]], style)
            if operations:
                yield from _operations(pod["operations"], style)
        if pod.get("already"):
            are = "difference is" if pod["already"] == 1 else "differences are"
            yield style.paint("dim", f"  besides: {pod['already']} {are} there already")


def header(pod: Json, style: Style) -> Iterator[str]:
    name = pod["document"].rpartition("/")[2]
    text = shown(f"{name} ({pod['document']}, {_where(pod)})")
    place = "  ".join([pod["source"], *snapshot(pod)])
    yield style.paint("head", padded(text, HEAD)) + style.paint("dim", shown(place))


def _where(pod: Json) -> str:
    """Of a pod that Kubernetes names, that name, or its UID alone where nothing else was known of it."""
    if "pod" not in pod:
        return f"netns {pod['netns']}"
    namespace, _, name = pod["pod"].partition("/")
    named = f"pod {namespace}/{name}" if name else f"pod with uid {pod['pod_uid']}"
    return f"{named}, found in {pod['found']}" if pod["found"] else named


def _operations(operations: Sequence[str], style: Style) -> Iterator[str]:
    yield style.paint("dim", "  operations:")
    width = len(str(len(operations)))
    for number, operation in enumerate(operations, 1):
        first, *more = NEXT_COMMAND.split(shown(operation))
        yield f"    {number:>{width}}. {first}"
        yield from (f"    {' ' * width}  {command}" for command in more)
