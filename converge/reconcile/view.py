"""One look at a pod as the kernel shows it; what it means is converge.view's, which is pure."""

from __future__ import annotations

from converge.facts import parents
from converge.kernel.capabilities import standin_kind
from converge.kernel.session import Session
from converge.model import GuestNetwork, Resources
from converge.resources import kubevirt, observe, vf
from converge.view.look import NOTHING, Answers, Look, compiled, every_table, needed, started

__all__ = ["NOTHING", "Look", "look", "with_functions"]


def look(visit: Session, document: GuestNetwork, earlier: Resources | None = None, *, adopt: bool = False) -> Look:
    """Observe the namespace, find its facts, ask for what they call for, and compile the document.

    `earlier`: a set that was observed before and may have to be reached again. What it names is read too. `adopt`: what KubeVirt
    has wired is ours to replace; otherwise it refuses the pod.
    """
    dumps = visit.read(observe.set_names, every_table=every_table(document))
    observed = with_functions(visit, document, observe.decode(dumps), earlier)
    start = started(document, observed, dict(kubevirt.decode(dumps.foreign_nat)), adopt=adopt)
    wanted = needed(document, start, earlier)
    answers = Answers(
        visit.sysctls(wanted.sysctls),
        visit.resolv_conf((document.target.how, document.target.value), wanted.resolv),
        standin_kind() if wanted.standin else "",
    )
    return compiled(document, start, answers, earlier)


def with_functions(visit: Session, document: GuestNetwork, observed: Resources, earlier: Resources | None = None) -> Resources:
    """The same with the SR-IOV functions of those links that have some of concern; nobody else pays for the question."""
    functions_of = parents(document, observed, earlier)
    return observed | dict(vf.decode(visit.functions(functions_of))) if functions_of else observed
