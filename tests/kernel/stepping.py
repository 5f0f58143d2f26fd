"""A plan carried out one operation at a time, the kernel looked at after each, and compared with what was predicted.

Links are known by name here: the prediction has a name for each role, and the kernel a number for each name. So nothing that
converge uses to find its links again can hide a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from converge.engine import State, effect
from converge.kernel.namespace import opened
from converge.kernel.session import Session, session
from converge.kernel.writer import OperationFailed
from converge.model import GuestNetwork, Key, Operation, Resources
from converge.reconcile.view import Look, look
from converge.resources import KINDS, identity, observe, table, vf
from converge.resources.sysctl import Sysctl

Choose = Callable[[Look], Sequence[Operation]]


def stepped(document: GuestNetwork) -> str:
    """Plan, carry out, and tell each difference between a prediction and what the kernel shows. Empty: all agreed."""
    return _in_thread(document, lambda seen: [step.operation for step in seen.plan().steps])


def disagreements(document: GuestNetwork, choose: Choose) -> str:
    """The same for operations that no plan has."""
    return _in_thread(document, choose)


def _in_thread(document: GuestNetwork, choose: Choose) -> str:
    def visit_it() -> str:
        with opened(document.target.how, document.target.value) as descriptor, session(descriptor, table.NAME) as visit:
            seen = look(visit, document)
            assert not seen.refusals, seen.refusals
            return "\n".join(_walk(visit, seen, choose(seen)))

    with ThreadPoolExecutor(max_workers=1) as one:
        return one.submit(visit_it).result()


def _walk(visit: Session, seen: Look, operations: Sequence[Operation]) -> Iterator[str]:
    state = State(seen.observed, lambda key, value: KINDS[key.kind].within(key, value))
    yield from _differences("before", state.resources, observed(visit, state.resources))
    for operation in operations:
        predicted = effect(operation, state, KINDS)
        refused = _executed(visit, operation)
        if (predicted is None) != (refused is None):
            yield f"{operation}: predicted {predicted or 'success'}, the kernel said {refused or 'success'}"
            return
        yield from _differences(str(operation), state.resources, observed(visit, state.resources))
        state = State(_merged(state, visit), lambda key, value: KINDS[key.kind].within(key, value))


def _executed(visit: Session, operation: Operation) -> str | None:
    try:
        visit.execute(operation)
    except OperationFailed as failure:
        return failure.reason
    return None


def _merged(state: State, visit: Session) -> Resources:
    """Go on from what really is, so that one wrong prediction is told once."""
    return observed(visit, state.resources)


def observed(visit: Session, predicted: Resources) -> Resources:
    """What the kernel shows, with the prediction's roles for the links that it names."""
    raw = observe.decode(visit.read(observe.set_names, every_table=True))
    by_path = [key.name for key in predicted if key.kind == "sysctl" and not key.owner and key not in raw]
    raw |= {Key("sysctl", "", name): Sysctl(value) for name, value in visit.sysctls(by_path).items()}
    parents = {value.ifindex for key, value in predicted.items() if key.kind == "vf"}
    raw |= vf.decode(visit.functions(parents)) if parents else {}
    names = {value.name: key.owner for key, value in predicted.items() if key.kind == "link"}
    roles = {key.owner: names[value.name] for key, value in raw.items() if key.kind == "link" and value.name in names}
    return identity.rekeyed(raw, roles)


def _differences(when: str, predicted: Resources, real: Resources) -> Iterator[str]:
    for key in sorted(predicted.keys() | real.keys()):
        if predicted.get(key) != real.get(key) and _ours(key):
            yield f"after {when}: {' '.join(key)}: predicted {predicted.get(key)}, is {real.get(key)}"


def _ours(key: Key) -> bool:
    """What lies on links with a role, our table, pod-wide sysctls. Link-local addresses and routes are the kernel's own."""
    if key.kind in ("table", "set", "element", "chain", "fact", "vf"):
        return True
    if key.kind == "sysctl" and not key.owner:
        return True
    return not key.owner.startswith(("#", "-")) and not key.name.startswith("fe80:")
