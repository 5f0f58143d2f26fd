"""What is around a document: the cluster's configuration and the pods, from KubeVirt and Pod documents of any file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from converge.documents import cluster, pods
from converge.documents.bindings import Cluster
from converge.documents.draft import Draft, PodName, identified
from converge.documents.envelope import Document
from converge.documents.pods import Pods
from converge.model import Diagnostic, Severity


@dataclass(frozen=True, slots=True)
class Around:
    cluster: Cluster
    pods: Pods


def around(documents: Sequence[Document]) -> tuple[Around, list[Diagnostic]]:
    """What holds for all drafts of a run, and what is wrong with the documents that say it."""
    clusters = [(each.source, each.root) for each in documents if each.kind == "KubeVirt"]
    diagnostics = list(cluster.more_than_one(clusters))
    found: list[pods.Pod] = []
    for each in documents:
        if each.kind == "Pod":
            pod, wrong = pods.read(each.source, each.root)
            found.append(pod)
            diagnostics += wrong
    diagnostics += pods.twice(found)
    return Around(cluster.read(clusters[0][1]) if clusters else Cluster(), pods.indexed(found)), diagnostics


def placed(draft: Draft, surroundings: Around) -> tuple[Draft, list[Diagnostic]]:
    """A draft with the cluster it is in and the pod it has; several pods are an error where only they say which one is meant."""
    candidates = pods.candidates(draft, surroundings.pods)
    name = candidates[0] if candidates else None
    wrong: list[Diagnostic] = []
    if len(candidates) > 1:
        wrong.append(_several(draft, candidates))
    pod = pods.of(name, surroundings.pods) if len(candidates) == 1 else None
    attachments = () if pod is None else pod.attachments
    return replace(draft, cluster=surroundings.cluster, pod=name, attachments=attachments), wrong


def _several(draft: Draft, candidates: Sequence[PodName]) -> Diagnostic:
    names = " and ".join(each.name or each.uid for each in candidates)
    named = bool(draft.targets)
    right = "keep the one that runs it now, or annotate it: net.converge/netns or net.converge/pid"
    detail = f"pods {names} are all this machine's{', so what Multus says of them is not used' if named else ''}\n{right}"
    severity = Severity.WARNING if named else Severity.ERROR
    return draft.source.diagnostic(identified(draft), "More than one pod", detail, severity=severity)
