"""A saved plan is an approval: applied if it is still what would be done, else refused with what has changed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from converge.model import Outcome, Text
from converge.report import document
from converge.report.approval import Approval, objections, read, saved
from tests.kernel import driving
from tests.kernel.inside import Pod, ns
from tests.kernel.judge import Snapshot, differences, snapshot
from tests.kernel.offline import Ran, Shop

IPV4 = {"addresses6": (), "gateway6": ""}


@pytest.fixture
def shop(pod: Callable[..., Pod], tmp_path: Path) -> Shop:
    """Two pods with documents; the plan for both is saved, and nothing is wired."""
    found = Shop(tmp_path, {name: pod(name, **IPV4) for name in ("web", "db")})
    for name in found.pods:
        found.write(name, ports=[{"port": 80}])
    planned = found.run("plan", "--out", found.plan)
    assert planned.code == 0
    assert f"Saved: {found.plan}." in planned.out
    return found


def untouched(shop: Shop, before: dict[str, Snapshot]) -> list[str]:
    return [line for name, pod in shop.pods.items() for line in differences(before[name], snapshot(pod.netns))]


def refused(shop: Shop, *words: str) -> Ran:
    """Applied by the saved plan, which must be refused and touch nothing."""
    before = {name: snapshot(pod.netns) for name, pod in shop.pods.items()}
    found = shop.run("apply", "--plan", shop.plan, *words)
    assert found.code == 1, found.out + found.errors
    assert untouched(shop, before) == []
    return found


def edited(shop: Shop, edit: Callable[[dict[str, Any]], None]) -> None:
    found = json.loads(shop.plan.read_text())
    edit(found)
    shop.plan.write_text(json.dumps(found))


def test_the_same_plan_is_applied(shop: Shop) -> None:
    found = shop.run("apply", "--plan", shop.plan, "--detailed-exitcode")
    assert (found.code, found.errors) == (2, "")
    assert found.out.splitlines()[-1].startswith("Applied: ")
    assert shop.run("check").code == 0


def test_one_from_a_snapshot_is_too(shop: Shop) -> None:
    assert shop.run("snapshot", "--out", f"{shop.snapshots}/").code == 0
    assert shop.elsewhere("plan", "--from", shop.snapshots).code in (0, 1)
    assert shop.run("plan", "--from", shop.snapshots, "--out", shop.plan).code == 0
    assert shop.run("apply", "--plan", shop.plan, "--detailed-exitcode").code == 2


def test_an_applied_plan_is_stale(shop: Shop) -> None:
    assert shop.run("apply", "--plan", shop.plan).code == 0
    found = refused(shop)
    assert "approved, and not to be done now: create link/k6t-eth0" in found.errors


def test_an_empty_plan(shop: Shop) -> None:
    assert shop.run("apply").code == 0
    assert shop.run("plan", "--out", shop.plan).code == 0
    assert shop.run("apply", "--plan", shop.plan, "--detailed-exitcode").code == 0
    ns(shop.pods["db"].netns, "ip link set tap0 mtu 1400")
    found = refused(shop)
    assert "to be done now, and not approved: update link/tap0" in found.errors
    assert "Refused, nothing was touched: shop/db, shop/web." in found.out


def test_drift_in_one_pod_keeps_all_from_being_touched(shop: Shop) -> None:
    """All or nothing: the other pod's plan is the approved one."""
    ns(shop.pods["db"].netns, "sysctl -qw net.ipv4.ip_forward=1")
    found = refused(shop)
    assert "sysctl/net.ipv4.ip_forward" in found.errors
    assert shop.run("plan", "--only", "shop/web", "--detailed-exitcode").code == 2


def test_other_documents(shop: Shop) -> None:
    shop.write("web", ports=[{"port": 80}, {"port": 22}])
    found = refused(shop)
    assert "to be done now, and not approved: create nft/ports/tcp.22" in found.errors
    assert f"{shop.states}/web.yaml has changed since the plan in {shop.plan} was made" in found.errors
    assert f"{shop.states}/db.yaml" not in found.errors


def test_a_comment_more_in_a_document_changes_nothing(shop: Shop) -> None:
    path = shop.states / "web.yaml"
    path.write_text("# about the web\n" + path.read_text())
    assert shop.run("apply", "--plan", shop.plan, "--detailed-exitcode").code == 2


@pytest.mark.parametrize("name", ["fewer", "more"])
def test_other_pods(shop: Shop, name: str) -> None:
    if name == "fewer":
        found = refused(shop, "--only", "shop/web")
        assert "has a plan for shop/db, which no document that was asked for is about" in found.errors
    else:
        edited(shop, lambda plan: plan["pods"].pop())
        assert "has no plan for shop/" in refused(shop).errors


FORGED: dict[str, Callable[[dict[str, Any]], None]] = {
    "an operation more": lambda plan: plan["pods"][0]["operations"].append("link del dev eth0"),
    "an operation less": lambda plan: plan["pods"][0]["operations"].pop(),
    "operations in another order": lambda plan: plan["pods"][0]["operations"].reverse(),
    "another value": lambda plan: plan["pods"][0]["changes"][-1].update(after={"value": "7"}),
    "a change less": lambda plan: plan["pods"][0]["changes"].pop(),
    "changes in another order": lambda plan: plan["pods"][0]["changes"].reverse(),
    "a change twice": lambda plan: plan["pods"][0]["changes"].append(plan["pods"][0]["changes"][0]),
    "another namespace": lambda plan: plan["pods"][0].update(netns="/proc/1/ns/net"),
    "control characters": lambda plan: plan["pods"][0]["operations"].append("\x1b[2J\x00"),
    "less disruption": lambda plan: plan["pods"][0]["changes"][0].update(disruption="none "),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged(shop: Shop, name: str) -> None:
    edited(shop, FORGED[name])
    found = refused(shop)
    assert "from what was approved" in found.errors
    assert "\x1b" not in found.errors


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda text: text[: len(text) // 2], "cut off, or was edited"),
        (lambda text: "", "not JSON"),
        (lambda text: "[" * 100_000, "not JSON"),
        (lambda text: '{"kind": "Plan", "x": ' + "9" * 5000 + "}", "not JSON"),
        (lambda text: text.replace('"kind": "Plan"', '"kind": "Diff"'), "no `kind: Plan` at its top"),
        (lambda text: text.replace('"format_version": "1.0"', '"format_version": "2.0"'), "in format 2.0"),
        (lambda text: text.replace('"tool_version": "', '"tool_version": "9.'), "written by version 9."),
        (lambda text: text.replace('"pods": [', '"pods": [7, '), "are not what `plan --out` writes"),
    ],
    ids=["truncated", "empty", "deep", "long number", "other kind", "other format", "other version", "not pods"],
)
def test_no_plan_at_all(shop: Shop, edit: Callable[[str], str], said: str) -> None:
    shop.plan.write_text(edit(shop.plan.read_text()))
    assert said in refused(shop).errors


def test_a_plan_that_is_not_whole_is_not_saved(shop: Shop) -> None:
    shop.plan.unlink()
    shop.states.joinpath("db.yaml").write_text(shop.states.joinpath("db.yaml").read_text().replace(shop.pods["db"].netns, "gone"))
    found = shop.run("plan", "--out", shop.plan)
    assert found.code == 1
    assert "was not written" in found.errors
    assert not shop.plan.exists()


def test_a_plan_that_becomes_stale_at_the_last_moment(pod: Callable[..., Pod]) -> None:
    """Compared again under the lock: who changes the pod between the two comparisons is found out."""
    here = pod("web", **IPV4)
    wanted = driving.document(driving.masquerade_yaml(here.netns, ports=[{"port": 80}]))
    value = saved(document.planned([driving.plan(wanted)]), [Text("web.yaml", b"")])
    approval = read(Text("plan.json", json.dumps(value).encode()))
    assert isinstance(approval, Approval)
    ns(here.netns, "sysctl -qw net.ipv4.ip_forward=1")
    before = snapshot(here.netns)

    def approve(result: Any) -> Any:
        return objections(approval, document.planned([result])["pods"][0], wanted.at)

    found: list[Any] = []
    from converge.reconcile import reconcile

    thread = threading.Thread(target=lambda: found.append(reconcile(wanted, apply=True, approve=approve)))
    thread.start()
    thread.join()
    assert found[0].outcome is Outcome.REFUSED
    assert "differ" in found[0].diagnostics[-1].detail
    assert differences(before, snapshot(here.netns)) == []
