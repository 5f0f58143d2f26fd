"""Who the document is and which pod it means: metadata and target."""

from __future__ import annotations

import re
from collections.abc import Iterator

from converge.documents.draft import Draft, Wish
from converge.documents.fields import get, integer, text
from converge.documents.nodes import Scalar, is_null, shown
from converge.documents.scalars import as_text
from converge.model import Diagnostic

LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
SUBDOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
MAX_PID = 4194304  # PID_MAX_LIMIT of 64-bit kernels
PID = re.compile(r"[1-9][0-9]{0,6}")
NAMED = re.compile(r"/(?:var/)?run/netns/([^/]+)")
PROCESS = re.compile(r"/proc/([1-9][0-9]{0,6})/ns/net")
NETNS_RIGHT = "a name under /run/netns, or an absolute path under /run/netns, /var/run/netns or /proc/PID/ns/net"
FORMS = "the forms are netns (a name or path) and pid (a process id)"


def check_identity(draft: Draft) -> Iterator[Diagnostic]:
    yield from _names(draft)
    yield from _one_target(draft)
    for wish in draft.targets:
        yield from _target(draft, wish)


def _names(draft: Draft) -> Iterator[Diagnostic]:
    rows = (  # path, rule, what it is, what is right, cause
        (("metadata", "name"), SUBDOMAIN, "name", "lower-case letters, digits, - and ., as web-1", None),
        (("metadata", "namespace"), LABEL, "namespace", "lower-case letters, digits and -, at most 63", None),
        (("spec", "hostname"), LABEL, "host name", "a DNS label: lower-case letters, digits and -, at most 63", "spec.hostname"),
        (("spec", "subdomain"), SUBDOMAIN, "subdomain", "a DNS subdomain: lower-case letters, digits, - and .", "spec.subdomain"),
    )
    for path, rule, what, right, cause in rows:
        node, value = get(draft.root, *path), text(draft.root, *path)
        if node is None or not value or (rule.fullmatch(value) and len(value) <= 253):
            continue
        field = ("FieldValueInvalid", cause) if cause else None
        yield draft.source.diagnostic(node, "Not a DNS name", f"{what} {shown(node)} is not a DNS name\n{right}", cause=field)


def _one_target(draft: Draft) -> Iterator[Diagnostic]:
    wishes = [wish for wish in draft.targets if not is_null(wish.value)]
    if not wishes:
        yield from _no_target(draft)
    for wish in wishes[1:]:
        detail = f"{wishes[0].key.text} and {wish.key.text} both name a pod\nkeep one of them"
        yield draft.source.diagnostic(wish.key, "More than one target", detail)


def _no_target(draft: Draft) -> Iterator[Diagnostic]:
    """A GuestNetwork without `target` is the schema's to report; an empty one or a missing annotation is not."""
    target = get(draft.root, "spec", "target")
    if draft.ours and target is not None:
        yield draft.source.diagnostic(target, "No target", f"target names no pod\n{FORMS}")
    if not draft.ours:
        metadata = draft.root.entries.get("metadata")
        right = "annotate it: net.converge/netns (a name or path) or net.converge/pid (a process id)"
        detail = f"nothing says which pod this is\n{right}"
        yield draft.source.diagnostic(metadata.key if metadata else draft.root, "No target", detail)


def _target(draft: Draft, wish: Wish) -> Iterator[Diagnostic]:
    if wish.how == "pod":
        yield draft.source.diagnostic(wish.key, "Unknown target form", f"target.pod is not a form of target\n{FORMS}")
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
