"""One look at a pod, written down: whatever a document could need to know about it, so that it can be planned for elsewhere."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime

from converge import __version__
from converge.kernel.capabilities import br_netfilter, standin_kind
from converge.kernel.namespace import Refused, opened
from converge.kernel.session import Session, session
from converge.model import Diagnostic, GuestNetwork, Observation, Snapshot
from converge.reconcile.target import located
from converge.reconcile.view import with_functions
from converge.resources import kubevirt, observe, table
from converge.sources.cni_cache import NotFound
from converge.view.look import ASKED_BY_SOME, needed, started


def record(document: GuestNetwork, taken: datetime) -> Snapshot | Diagnostic:
    """The pod's snapshot, or why it cannot be reached. Moves the calling thread into the pod's namespace, for good. `taken`: now,
    in UTC.
    """
    standin, netfilter = standin_kind(), br_netfilter()
    try:
        target = located(document).target
        with opened(target.how, target.value) as descriptor, session(descriptor, table.NAME) as visit:
            seen = _observation(visit, replace(document, target=target), standin)
    except (Refused, NotFound, OSError) as error:
        return Diagnostic("pod cannot be reached", str(error), document.target.at)
    place, release = (target.how, target.value), os.uname().release
    return Snapshot(
        document.namespace, document.name, taken, __version__, place, release, standin == "dummy", netfilter, seen, document.at
    )


def _observation(visit: Session, document: GuestNetwork, standin: str) -> Observation:
    dumps = visit.read(observe.set_names, every_table=True)
    observed = with_functions(visit, document, observe.decode(dumps))
    theirs = dict(kubevirt.decode(dumps.foreign_nat))
    wanted = needed(document, started(document, observed, theirs))
    names = wanted.sysctls | ASKED_BY_SOME
    values = visit.sysctls(names)
    resolv = visit.resolv_conf((document.target.how, document.target.value), {"", *wanted.resolv})
    return Observation(observed | theirs, {name: values.get(name) for name in names}, resolv, standin)
