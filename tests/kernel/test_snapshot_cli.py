"""Snapshots on the command line: taken on the node, planned from elsewhere, and what a change of the documents does."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.inside import Pod, ns
from tests.kernel.offline import Shop

IPV4 = {"addresses6": (), "gateway6": ""}


@pytest.fixture
def shop(pod: Callable[..., Pod]) -> Iterator[Shop]:
    """Two pods, `web` and `db`, with documents; not under pytest's folders, which only root may enter."""
    folder = Path(tempfile.mkdtemp(prefix="shop"))
    folder.chmod(0o755)
    found = Shop(folder, {name: pod(name, **IPV4) for name in ("web", "db")})
    for name in found.pods:
        found.write(name, ports=[{"port": 80}])
    yield found
    shutil.rmtree(folder)


def without_snapshot(value: dict[str, Any]) -> dict[str, Any]:
    """Of `plan -o json` all but what says that it comes from a snapshot."""
    pods = [{name: part for name, part in pod.items() if name != "snapshot"} for pod in value["pods"]]
    return {**value, "pods": pods}


def test_the_same_plan_elsewhere(shop: Shop) -> None:
    taken = shop.run("snapshot", "--out", f"{shop.snapshots}/")
    assert (taken.code, taken.errors) == (0, "")
    assert sorted(path.name for path in shop.snapshots.iterdir()) == ["shop_db.yaml", "shop_web.yaml"]
    online, offline = shop.run("plan", "-o", "json"), shop.elsewhere("plan", "-o", "json", "--from", shop.snapshots)
    assert (offline.code, offline.errors) == (0, "")
    assert without_snapshot(offline.value) == online.value
    assert all(pod["snapshot"]["age_seconds"] >= 0 for pod in offline.value["pods"])
    assert shop.elsewhere("plan", "--detailed-exitcode", "--from", shop.snapshots).code == 2


def test_the_age_is_always_said(shop: Shop) -> None:
    assert shop.run("apply").code == 0
    assert shop.run("snapshot", "--out", f"{shop.snapshots}/").code == 0
    for path in shop.snapshots.iterdir():
        taken = next(line for line in path.read_text().splitlines() if line.startswith("taken: "))
        path.write_text(path.read_text().replace(taken, 'taken: "2020-01-01T00:00:00Z"'))
    plan, diff = (shop.elsewhere(verb, "--from", shop.snapshots) for verb in ("plan", "diff"))
    assert (plan.code, diff.code) == (0, 0)
    assert plan.out.count("snapshot of 2020-01-01T00:00:00Z, ") == diff.errors.count("snapshot of 2020-01-01T00:00:00Z, ") == 2
    assert "days old" in plan.out
    assert plan.out.endswith("No changes. 2 pods are as desired.\n")
    shop.write("web", ports=[{"port": 81}])
    diff = shop.elsewhere("diff", "--from", shop.snapshots)
    assert diff.code == 1
    assert "--- shop/web current, snapshot of 2020-01-01T00:00:00Z, " in diff.out


def test_a_document_without_snapshot_is_refused_by_name(shop: Shop) -> None:
    assert shop.run("snapshot", "--only", "shop/web", "--out", shop.snapshots).code == 0
    found = shop.elsewhere("plan", "--from", shop.snapshots)
    assert found.code == 1
    assert "there is no snapshot of shop/db; there are: shop/web" in found.errors
    assert "Not planned: shop/db." in found.out
    assert "link k6t-eth0" in found.out


def test_a_snapshot_without_document(shop: Shop) -> None:
    """It is passed over with a note; --prune plans to unwire it, if it is a pod of ours."""
    assert shop.run("apply").code == 0
    assert shop.run("snapshot", "--out", f"{shop.snapshots}/").code == 0
    shop.remove("db")
    found = shop.elsewhere("plan", "-v", "--from", shop.snapshots)
    assert (found.code, found.out.splitlines()[-1]) == (0, "No changes. 1 pod is as desired.")
    assert "of pods that no document asked for is about: shop/db" in found.errors
    pruned = shop.elsewhere("plan", "-o", "json", "--prune", "--from", shop.snapshots)
    assert [pod["document"] for pod in pruned.value["pods"] if pod["changes"]] == ["shop/db"]
    shop.remove("web")
    refused = shop.elsewhere("plan", "--prune", "--from", shop.snapshots)
    assert refused.code == 1
    assert "--allow-empty" in refused.errors


def test_of_a_namespace_that_no_document_names(shop: Shop) -> None:
    taken = _converge("snapshot", "--netns", shop.pods["web"].netns)
    assert f'metadata: {{name: {shop.pods["web"].netns}, namespace: ""}}' in taken.stdout
    assert taken.stdout.endswith("complete: true\n")
    gone = _converge("snapshot", "--netns", "no-such-pod")
    assert (gone.returncode, gone.stdout) == (1, "")
    assert "cannot open the pod's network namespace" in gone.stderr


def test_unwiring_planned_elsewhere(shop: Shop) -> None:
    assert shop.run("apply").code == 0
    assert shop.run("snapshot", "--out", f"{shop.snapshots}/").code == 0
    online, offline = (shop.run("plan", "--unwire", "-o", "json", *words) for words in ((), ("--from", shop.snapshots)))
    assert without_snapshot(offline.value) == online.value
    assert ("delete", "link/k6t-eth0") in addresses(offline.value["pods"][0])


def _converge(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "converge", *words], capture_output=True, text=True, timeout=60)


# ---------------------------------------------------------------------------------------------------------- base


def git(folder: Path, *words: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words], cwd=folder, check=True, capture_output=True
    )


@pytest.fixture
def repository(shop: Shop) -> Shop:
    """The documents of `shop`, committed as `main` and applied; then somebody opens two ports of `web` by hand."""
    git(shop.folder, "init", "-q", "-b", "main")
    git(shop.folder, "add", "states")
    git(shop.folder, "commit", "-qm", "first")
    assert shop.run("apply").code == 0
    ns(shop.pods["web"].netns, "nft add element inet converge ports { tcp . 8080, tcp . 8081 }")
    assert shop.run("snapshot", "--out", f"{shop.snapshots}/").code == 0
    return shop


def addresses(pod: dict[str, Any]) -> list[tuple[str, str]]:
    return [(change["action"], change["address"]) for change in pod["changes"]]


def test_what_the_change_does_apart_from_drift(repository: Shop) -> None:
    repository.write("web", ports=[{"port": 80}, {"port": 443}])
    found = repository.run("plan", "--base", "main", "-o", "json", "--from", repository.snapshots).value
    by_name = {pod["document"]: pod for pod in found["pods"]}
    assert addresses(by_name["shop/web"]) == [("create", "nft/ports/tcp.443")]
    assert (by_name["shop/web"]["already"], by_name["shop/db"]["already"]) == (2, 0)
    assert not by_name["shop/db"]["changes"]
    assert found["base"]["revision"] == "main"
    assert len(found["base"]["commit"]) == 40
    shown = repository.run("plan", "--base", "main", "--from", repository.snapshots)
    assert "besides: 2 differences are there already" in shown.out
    assert "tcp . 443" in shown.out
    assert "808" not in shown.out


def test_pods_that_come_and_go(repository: Shop) -> None:
    """Only in the base: planned to be unwired. Only in the head: planned from the snapshot as it is."""
    repository.remove("db")
    found = repository.run("plan", "--base", "main", "-o", "json", "--from", repository.snapshots).value
    by_name = {pod["document"]: pod for pod in found["pods"]}
    assert ("delete", "link/k6t-eth0") in addresses(by_name["shop/db"])
    assert not by_name["shop/web"]["changes"]
    git(repository.folder, "rm", "-rq", "--cached", "states/db.yaml")
    git(repository.folder, "commit", "-qm", "without db")
    repository.write("db", ports=[{"port": 80}])
    found = repository.run("plan", "--base", "main", "-o", "json", "--from", repository.snapshots).value
    (pod,) = (pod for pod in found["pods"] if pod["document"] == "shop/db")
    assert (pod["changes"], pod["already"]) == ([], 0)


def test_another_binding(repository: Shop) -> None:
    """From what the base would have made of the pod: its drift is not in the plan."""
    path = repository.states / "web.yaml"
    path.write_text(path.read_text().replace('"masquerade"', '"bridge"').replace('"ports": [', '"dhcpOptions": {}, "ports": ['))
    text = path.read_text()
    start = text.index('"ports"')
    path.write_text(text[:start].rstrip().rstrip(",") + text[text.index("]", start) + 1 :])
    found = repository.run("plan", "--base", "main", "-o", "json", "--from", repository.snapshots)
    assert found.code == 0, found.errors
    (pod,) = (pod for pod in found.value["pods"] if pod["document"] == "shop/web")
    made = addresses(pod)
    assert ("create", "link/eth0") in made or ("update", "link/eth0-nic") in made
    assert ("delete", "nft/ports/tcp.80") in made
    assert ("delete", "nft/ports/tcp.8080") not in made
    assert pod["already"] == 2


def test_base_without_snapshots_looks_at_the_pods(repository: Shop) -> None:
    repository.write("web", ports=[{"port": 443}])
    found = repository.run("plan", "--base", "HEAD", "-o", "json").value
    (pod,) = (pod for pod in found["pods"] if pod["document"] == "shop/web")
    assert sorted(addresses(pod)) == [("create", "nft/ports/tcp.443"), ("delete", "nft/ports/tcp.80")]
    assert pod["already"] == 2
    assert "snapshot" not in pod


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--base", "no-such"), "no git revision is called 'no-such'"),
        (("--base", "--output=/etc/x"), "expected one argument"),
        (("--base", "main", "--out", "plan.json"), "cannot be approved as the whole"),
        (("--base", "main", "--unwire"), "leave --prune and --unwire out"),
    ],
)
def test_what_base_refuses(repository: Shop, words: tuple[str, ...], said: str) -> None:
    found = repository.run("plan", *words, "--from", repository.snapshots)
    assert found.code == 1
    assert said in found.errors


def test_base_outside_of_a_repository(shop: Shop) -> None:
    assert shop.run("snapshot", "--out", f"{shop.snapshots}/").code == 0
    found = shop.run("plan", "--base", "main", "--from", shop.snapshots)
    assert found.code == 1
    assert "not a git repository" in found.errors


def test_a_base_with_a_mistake_is_no_reason_not_to_look_at_what_mends_it(repository: Shop) -> None:
    path = repository.states / "db.yaml"
    whole = path.read_text()
    path.write_text(whole.replace("80", '"eighty"'))
    git(repository.folder, "commit", "-qam", "broken")
    path.write_text(whole)
    found = repository.run("plan", "--base", "main", "--from", repository.snapshots)
    assert found.code == 0
    assert "main:states/db.yaml" in found.errors
