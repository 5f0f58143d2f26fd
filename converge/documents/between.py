"""What is wrong between documents: one name twice, one pod twice; and a machine beside its own instance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from converge.documents.check_identity import pods
from converge.documents.draft import Draft, full_name, place
from converge.documents.fields import get
from converge.model import Diagnostic, Severity


def names_twice(drafts: Sequence[Draft]) -> Iterator[Diagnostic]:
    seen: dict[str, Draft] = {}
    for draft in drafts:
        node = get(draft.root, "metadata", "name")
        if node is None or (name := full_name(draft)) is None:
            continue
        if other := seen.get(name):
            detail = f"{name} is also in {place(other)}\na document's name is unique in its namespace"
            yield draft.source.diagnostic(node, "Duplicate document", detail)
        seen.setdefault(name, draft)


def pods_twice(drafts: Sequence[Draft]) -> Iterator[Diagnostic]:
    seen: dict[tuple[str, str], Draft] = {}
    for draft in drafts:
        for pod, spelled, span in pods(draft):
            other = seen.setdefault(pod, draft)
            if other is not draft:
                detail = f"{spelled} is also the target of {full_name(other)} ({place(other)})"
                right = "put all NICs of a pod into one document"
                yield draft.source.diagnostic(span, "Two documents for one pod", f"{detail}\n{right}")
                break


def running(instances: Iterable[Draft]) -> dict[str, Draft]:
    """Virtual machine instances by namespace/name."""
    return {name: draft for draft in instances if (name := full_name(draft))}


def superseded(machine: Draft, instances: Mapping[str, Draft]) -> Diagnostic | None:
    """A note where a machine's instance is among the documents: that is what runs, so it alone counts."""
    instance = instances.get(full_name(machine) or "")
    if instance is None:
        return None
    detail = (
        f"VirtualMachine {full_name(machine)} is not read: its VirtualMachineInstance is in {place(instance)}\n"
        "the instance is what runs; remove it to see what the template comes to"
    )
    span = get(machine.root, "metadata", "name") or machine.root
    return machine.source.diagnostic(span, "Instance takes precedence", detail, severity=Severity.NOTE)
