"""`Pod` documents: which virtual machine each belongs to, and what Multus says of it.

A pod belongs to a GuestNetwork that names it, and to a virtual machine by the UID that KubeVirt writes into a label, or by the
machine's name in the same namespace. Nothing here says that a pod exists now: that is found out on the node.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from converge.documents.attachments import ANNOTATION, attachments
from converge.documents.draft import Draft, PodName, metadata_name, metadata_namespace
from converge.documents.fields import get, text
from converge.documents.nodes import Mapping
from converge.documents.text import Source
from converge.model import Attachment, Diagnostic, Severity

CREATED_BY = "kubevirt.io/created-by"
NAMES = (("annotations", "kubevirt.io/domain"), ("labels", "vm.kubevirt.io/name"))
ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Pod:
    """`owner_uid` and `owner_names` say whose launcher it is, as far as it says so. `ended`: it runs no more."""

    source: Source
    root: Mapping
    namespace: str
    name: str
    uid: str
    node: str
    ended: bool
    owner_uid: str
    owner_names: frozenset[str]
    attachments: tuple[Attachment, ...]


def read(source: Source, root: Mapping) -> tuple[Pod, list[Diagnostic]]:
    found, wrong = _attachments(source, root)
    names = (text(root, "metadata", where, key) for where, key in NAMES)
    pod = Pod(
        source=source,
        root=root,
        namespace=metadata_namespace(root),
        name=metadata_name(root),
        uid=text(root, "metadata", "uid") or "",
        node=text(root, "spec", "nodeName") or "",
        ended=text(root, "status", "phase") in ENDED,
        owner_uid=text(root, "metadata", "labels", CREATED_BY) or "",
        owner_names=frozenset(name for name in names if name),
        attachments=found,
    )
    return pod, wrong


def _attachments(source: Source, root: Mapping) -> tuple[tuple[Attachment, ...], list[Diagnostic]]:
    node, status = get(root, "metadata", "annotations", ANNOTATION), text(root, "metadata", "annotations", ANNOTATION)
    found = attachments(status or "")
    if node is None or not isinstance(found, str):
        return (() if isinstance(found, str) else found), []
    detail = f"{ANNOTATION} is not what Multus writes: {found}\na JSON list; without one the pod's further networks are unknown"
    return (), [source.diagnostic(node, "Unreadable annotation", detail, severity=Severity.WARNING)]


@dataclass(frozen=True, slots=True)
class Pods:
    """The pods of all files, by what a draft can know of one."""

    by_name: dict[tuple[str, str], Pod] = field(default_factory=dict)
    by_uid: dict[str, Pod] = field(default_factory=dict)
    by_owner_uid: dict[str, list[Pod]] = field(default_factory=dict)
    by_owner_name: dict[tuple[str, str], list[Pod]] = field(default_factory=dict)


def indexed(pods: Sequence[Pod]) -> Pods:
    index = Pods()
    for pod in pods:
        index.by_name.setdefault((pod.namespace, pod.name), pod)
        if pod.uid:
            index.by_uid.setdefault(pod.uid, pod)
        if pod.owner_uid:
            index.by_owner_uid.setdefault(pod.owner_uid, []).append(pod)
        for name in pod.owner_names:
            index.by_owner_name.setdefault((pod.namespace, name), []).append(pod)
    return index


def twice(pods: Sequence[Pod]) -> Iterator[Diagnostic]:
    seen: dict[tuple[str, str], Pod] = {}
    for pod in pods:
        if other := seen.get((pod.namespace, pod.name)):
            where = f"{other.source.filename}:{other.source.position(other.root).line}"
            detail = f"pod {pod.namespace}/{pod.name} is also in {where}\nkeep the newer one"
            yield pod.source.diagnostic(get(pod.root, "metadata", "name") or pod.root, "Duplicate document", detail)
        seen.setdefault((pod.namespace, pod.name), pod)


def candidates(draft: Draft, pods: Pods) -> list[PodName]:
    """The pods that a draft can mean, best knowledge first: more than one only where nothing tells them apart."""
    if draft.pod is not None:
        return [draft.pod]
    if draft.ours:
        return []
    known = [PodName(pod.namespace, pod.name, pod.uid) for pod in _launchers(draft, pods)]
    if known or not draft.active_pods:
        return known
    return [PodName(metadata_namespace(draft.root), "", uid) for uid in _here(draft)]


def of(name: PodName | None, pods: Pods) -> Pod | None:
    """The document of a pod, unless its UID says that it is another pod of the same name."""
    if name is None:
        return None
    found = pods.by_name.get((name.namespace, name.name)) if name.name else pods.by_uid.get(name.uid)
    return found if found is not None and (not name.uid or not found.uid or name.uid == found.uid) else None


def _launchers(draft: Draft, pods: Pods) -> list[Pod]:
    if active := [pods.by_uid[uid] for uid in _here(draft) if uid in pods.by_uid]:
        return active
    namespace = metadata_namespace(draft.root)
    found = pods.by_owner_uid.get(draft.uid, []) if draft.uid else []
    found = found or pods.by_owner_name.get((namespace, metadata_name(draft.root)), [])
    # A pod that says another owner's UID was that of an earlier machine of the same name.
    found = [pod for pod in found if pod.namespace == namespace and pod.owner_uid in ("", draft.uid or pod.owner_uid)]
    running = [pod for pod in found if not pod.ended]
    return [pod for pod in running if draft.node and pod.node == draft.node] or running


def _here(draft: Draft) -> list[str]:
    """UIDs of `status.activePods`: during a migration two, of which the node of the status tells the source."""
    here = [uid for uid, node in draft.active_pods.items() if node == draft.node]
    return here if len(here) == 1 else list(draft.active_pods)
