"""How a test drives converge: YAML in, a `Result` out.

`reconcile` enters the namespace for good, so each call gets a thread of its own, which ends with it. What cannot be loaded is
the test's own mistake and fails it at once, with every diagnostic.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from converge.documents import Text, load
from converge.model import GuestNetwork, Outcome, Result
from converge.reconcile import reconcile

Wish = str | GuestNetwork
"""A document, or the YAML of one."""


def document(yaml: str) -> GuestNetwork:
    loaded = load([Text("test.yaml", yaml.encode())])
    assert loaded.valid, "\n".join(f"{each.at}: {each.summary}: {each.detail}" for each in loaded.diagnostics)
    (only,) = loaded.documents
    return only


def apply(wish: Wish, netns: str | None = None, *, adopt: bool = False) -> Result:
    """`netns`, where given, must be the one that the document names: it is there to be read in the test."""
    return _driven(wish, netns, apply=True, adopt=adopt)


def plan(wish: Wish, netns: str | None = None, *, adopt: bool = False) -> Result:
    return _driven(wish, netns, apply=False, adopt=adopt)


def applied(wish: Wish, netns: str | None = None) -> Result:
    """`apply` that must succeed, whether or not there was something to do."""
    result = apply(wish, netns)
    assert result.outcome in (Outcome.APPLIED, Outcome.UNCHANGED), told(result)
    return result


def told(result: Result) -> str:
    """Everything a failing test wants to see."""
    lines = [result.outcome.value]
    lines += [f"! {each.summary}: {each.detail}" for each in result.diagnostics]
    lines += [f"  {change.action} {change.key}: {change.before} -> {change.after}" for change in result.plan.changes]
    lines += [f"stuck {change.key}: {reason}" for change, reason in result.plan.stuck]
    return "\n".join(lines)


def masquerade_yaml(netns: str, **options: Any) -> str:
    """One masquerade NIC named `default`.

    ports        entries of `ports`, such as `{"port": 80}`; `port_ranges` likewise
    interface    more keys of the interface, `network` of `pod: {…}`, `spec` of the spec, `annotations` of the metadata
    """
    ports, ranges = options.get("ports", ()), options.get("port_ranges", ())
    interface = {"name": "default", "masquerade": {}, **_listed("ports", ports), **_listed("portRanges", ranges)}
    return json.dumps(
        {
            "apiVersion": "net.converge/v1alpha1",
            "kind": "GuestNetwork",
            "metadata": {"name": "web", "namespace": "shop", "annotations": dict(options.get("annotations", {}))},
            "spec": {
                "target": {"netns": netns},
                "networks": [{"name": "default", "pod": dict(options.get("network", {}))}],
                "interfaces": [interface | dict(options.get("interface", {}))],
                **options.get("spec", {}),
            },
        }
    )


def _listed(key: str, entries: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    found = [dict(entry) for entry in entries]
    return {key: found} if found else {}


def _driven(wish: Wish, netns: str | None, *, apply: bool, adopt: bool) -> Result:
    wanted = document(wish) if isinstance(wish, str) else wish
    assert netns in (None, wanted.target.value), f"the document is about {wanted.target}, not {netns}"
    with ThreadPoolExecutor(max_workers=1) as one:
        return one.submit(reconcile, wanted, apply=apply, adopt=adopt).result()
