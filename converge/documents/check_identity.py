"""Who the document is and which pod it means: metadata and target."""

from __future__ import annotations

import re
from collections.abc import Iterator

from converge.documents.draft import Draft, Wish, identified
from converge.documents.fields import get, integer, text
from converge.documents.nodes import Node, Scalar, is_null, shown
from converge.documents.scalars import as_text
from converge.documents.text import Span
from converge.model import Diagnostic

LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
SUBDOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
MAX_PID = 4194304  # PID_MAX_LIMIT of 64-bit kernels
PID = re.compile(r"[1-9][0-9]{0,6}")
NAMED = re.compile(r"/(?:var/)?run/netns/([^/]+)")
PROCESS = re.compile(r"/proc/([1-9][0-9]{0,6})/ns/net")
NETNS_RIGHT = "a name under /run/netns, or an absolute path under /run/netns, /var/run/netns or /proc/PID/ns/net"
FORMS = "the forms are netns (a name or path), pid (a process id) and pod (namespace and name)"
POD_RIGHT = (
    "annotate it: net.converge/netns (a name or path) or net.converge/pid (a process id); or let its status name activePods, "
    "or add the Pod document of its launcher"
)


def check_identity(draft: Draft) -> Iterator[Diagnostic]:
    yield from _names(draft)
    yield from _one_target(draft)
    for wish in draft.targets:
        yield from _target(draft, wish)


def _names(draft: Draft) -> Iterator[Diagnostic]:
    metadata, spec = get(draft.root, "metadata"), draft.spec
    rows = (  # where, key, rule, what it is, what is right
        (metadata, "name", SUBDOMAIN, "name", "lower-case letters, digits, - and ., as web-1"),
        (metadata, "namespace", LABEL, "namespace", "lower-case letters, digits and -, at most 63"),
        (spec, "hostname", LABEL, "host name", "a DNS label: lower-case letters, digits and -, at most 63"),
        (spec, "subdomain", SUBDOMAIN, "subdomain", "a DNS subdomain: lower-case letters, digits, - and ."),
    )
    for where, key, rule, what, right in rows:
        node, value = get(where, key), text(where, key)
        if node is None or not value or (rule.fullmatch(value) and len(value) <= 253):
            continue
        field = ("FieldValueInvalid", f"{draft.root_path}.{key}") if where is spec else None
        yield draft.source.diagnostic(node, "Not a DNS name", f"{what} {shown(node)} is not a DNS name\n{right}", cause=field)


def _one_target(draft: Draft) -> Iterator[Diagnostic]:
    wishes = [wish for wish in draft.targets if not is_null(wish.value)]
    if not wishes:
        yield from _no_target(draft)
    for wish in wishes[1:]:
        detail = f"{wishes[0].key.text} and {wish.key.text} both name a pod\nkeep one of them"
        yield draft.source.diagnostic(wish.key, "More than one target", detail)


def _no_target(draft: Draft) -> Iterator[Diagnostic]:
    """A GuestNetwork without `target` is the schema's to report; an empty one is not."""
    target = get(draft.root, "spec", "target")
    if draft.ours and target is not None:
        yield draft.source.diagnostic(target, "No target", f"target names no pod\n{FORMS}")
    if not draft.ours and draft.pod is None:
        detail = f"nothing says which pod this is\n{POD_RIGHT}"
        yield draft.source.diagnostic(identified(draft), "No target", detail)


def _target(draft: Draft, wish: Wish) -> Iterator[Diagnostic]:
    if wish.how == "pod":
        yield from _pod(draft, wish.value)
        return
    if not isinstance(wish.value, Scalar) or (value := as_text(wish.value)) is None:
        return
    if wish.how == "pid" and (not PID.fullmatch(value) or int(value) > MAX_PID):
        if integer(wish.value) is None and wish.key.text == "pid":
            return  # not a number: the schema says so
        detail = f"pid {shown(wish.value)} is not a process id\na number from 1 to {MAX_PID}"
        yield draft.source.diagnostic(wish.value, "Not a process id", detail)
    if wish.how == "netns" and normal(wish.how, value) is None:
        detail = f"netns {shown(wish.value)} is not a network namespace\n{NETNS_RIGHT}"
        yield draft.source.diagnostic(wish.value, "Not a network namespace", detail)


def _pod(draft: Draft, pod: Node) -> Iterator[Diagnostic]:
    """That there is a name is the schema's to say."""
    rows = (("namespace", LABEL, "lower-case letters, digits and -, at most 63"), ("name", SUBDOMAIN, "the pod's own name"))
    for key, rule, right in rows:
        node, value = get(pod, key), text(pod, key)
        if node is not None and value and (not rule.fullmatch(value) or len(value) > 253):
            detail = f"{key} {shown(node)} is not a DNS name\n{right}"
            yield draft.source.diagnostic(node, "Not a DNS name", detail)


def pods(draft: Draft) -> Iterator[tuple[tuple[str, str], str, Span]]:
    """What the document's pod is known by, for comparison with others; as it is spelled, and where that stands."""
    for wish in draft.targets:
        pod = normal(wish.how, text(wish.value) or "") if wish.how != "pod" else None
        if pod is not None and pod[1]:
            yield pod, f"{wish.how} {text(wish.value)}", wish.value
    if draft.pod is None or any(wish.how != "pod" for wish in draft.targets):
        return
    span = next((wish.value for wish in draft.targets), None) or identified(draft)
    for how, value in (("pod", draft.pod.name and f"{draft.pod.namespace}/{draft.pod.name}"), ("uid", draft.pod.uid)):
        if value:
            yield (how, value), f"pod {value}", span


def normal(how: str, value: str) -> tuple[str, str] | None:
    """One spelling for one namespace, as far as text can tell; None where it names none."""
    if how == "pid":
        return how, value
    if match := PROCESS.fullmatch(value):
        return "pid", match.group(1)
    match = NAMED.fullmatch(value)
    name = match.group(1) if match else value
    fine = name not in ("", ".", "..") and "/" not in name and name.isprintable() and len(name.encode()) <= 255
    return ("netns", name) if fine else None
