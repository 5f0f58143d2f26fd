"""What a change of the documents does, apart from drift: laws over generated pods, documents and disturbances."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given, settings

from converge.model import GuestNetwork, Observation, Outcome, Severity
from converge.report import document, text
from converge.report.style import Style
from converge.view.look import planned
from converge.view.offline import bare, look, orphans, plans
from converge.view.proposal import Proposal, propose, settled
from tests.unit.universe import Pod, Wish, wishes
from tests.unit.view.recorded import TAKEN, observation, observations, snapshot

slow = settings(deadline=None)


def shown(*results: object) -> str:
    return "\n".join(map(str, results))


def possible(wanted: GuestNetwork, seen: Observation) -> bool:
    return planned(look(wanted, seen), wanted).outcome is not Outcome.REFUSED


@slow
@given(observations(), wishes)
def test_after_a_plan_on_paper_there_is_nothing_left_to_do(seen: Observation, wish: Wish) -> None:
    wanted = wish.document()
    start = look(wanted, seen)
    assume(possible(wanted, seen))
    after = settled(start, start.plan(), seen)
    again = planned(look(wanted, after), wanted)
    assert again.outcome is Outcome.UNCHANGED, shown(again.plan.changes, again.diagnostics)
    owners = {
        key.owner for key in after.resources if key.kind in ("link", "address", "route") or (key.kind == "sysctl" and key.owner)
    }
    assert all(owner.startswith("#") or owner == "-" for owner in owners)


@slow
@given(observations(), wishes, wishes)
def test_drift_is_in_no_proposal(seen: Observation, base: Wish, head: Wish) -> None:
    """Of two pods that differ in nothing but drift, a change does the same: the plan from base to head."""
    before, after = base.document(), head.document()
    assume(possible(before, seen))
    clean = settled(look(before, seen), look(before, seen).plan(), seen)
    assume(possible(after, clean))
    snapshots = {"shop/web": snapshot(seen)}
    (result,), already = propose([before], [after], snapshots, TAKEN)
    assert already == {"shop/web": len(look(before, seen).plan().changes)}
    assert result.plan == look(after, clean).plan()
    if base == head:
        assert result.outcome is Outcome.UNCHANGED


@slow
@given(observations(), wishes)
def test_without_a_change_nothing_is_proposed(seen: Observation, wish: Wish) -> None:
    wanted = wish.document()
    assume(possible(wanted, seen))
    (result,), _ = propose([wanted], [wanted], {"shop/web": snapshot(seen)}, TAKEN)
    assert not result.plan.changes


def test_a_pod_only_in_the_base_is_unwired_and_one_only_in_the_head_planned_as_it_is() -> None:
    seen = observation(Pod().resources())
    web, db = Wish().document(), replace(Wish().document(), name="db")
    snapshots = {f"shop/{name}": snapshot(seen, name) for name in ("web", "db")}
    results, already = propose([web], [db], snapshots, TAKEN)
    assert [result.document.name for result in results] == ["db", "web"]
    assert results[0].plan == look(db, seen).plan()
    assert (already["shop/db"], already["shop/web"] > 0) == (0, True)
    assert results[1].document.nics == ()
    assert {change.action for change in results[1].plan.changes if change.key.kind == "link"} == {"delete", "update"}


def test_a_pod_without_snapshot_is_refused_by_name() -> None:
    (result,), already = propose([], [Wish().document()], {}, TAKEN)
    assert result.outcome is Outcome.REFUSED
    assert "there is no snapshot of shop/web; there are: none" in result.diagnostics[0].detail
    assert already == {"shop/web": 0}


def test_where_the_base_cannot_be_had_all_that_would_be_done_is_shown() -> None:
    seen = observation(Pod().resources())
    wanted = Wish().document()
    (nic,) = wanted.nics
    before = replace(wanted, nics=(replace(nic, pod_link="net7"),))
    (result,), _ = propose([before], [wanted], {"shop/web": snapshot(seen)}, TAKEN)
    assert result.plan == look(wanted, seen).plan()
    (told,) = (each for each in result.diagnostics if each.summary == "base cannot be converged to")
    assert (told.severity, "net7" in told.detail) == (Severity.WARNING, True)


def test_what_is_said_of_a_proposal() -> None:
    seen = observation(Pod().resources())
    wanted = Wish().document()
    results, already = propose([wanted], [Wish(ports=(("tcp", 22, 22),)).document()], {"shop/web": snapshot(seen)}, TAKEN)
    found = document.proposed(Proposal("main", "0" * 40, "states/", results, already))
    assert found["base"] == {"revision": "main", "commit": "0" * 40, "head": "states/"}
    lines = list(text.plan(found, Style()))
    assert lines[0].endswith("  snapshot of 2026-11-24T17:00:00Z, 0 seconds old")
    assert lines[-2] == f"  besides: {already['shop/web']} differences are there already"


def test_a_change_that_does_nothing_is_not_called_as_desired() -> None:
    seen, wanted = observation(Pod().resources()), Wish().document()
    results, already = propose([wanted], [wanted], {"shop/web": snapshot(seen)}, TAKEN)
    assert already["shop/web"] > 0
    found = document.proposed(Proposal("main", "0" * 40, "states/", results, already))
    last = list(text.plan(found, Style()))[-1]
    assert last == "No changes. What the documents change since main does nothing to 1 pod."


# ------------------------------------------------------------------------------------------------------- offline


def test_orphans_are_pods_of_ours_without_a_document() -> None:
    fresh, wanted = observation(Pod().resources()), Wish().document()
    ours = settled(look(wanted, fresh), look(wanted, fresh).plan(), fresh)
    snapshots = {"shop/new": snapshot(fresh, "new"), "shop/old": snapshot(ours, "old"), "shop/web": snapshot(ours, "web")}
    assert orphans([wanted], snapshots) == [bare(snapshots["shop/old"])]


def test_what_the_snapshot_does_not_say_refuses_the_pod() -> None:
    wanted = Wish(binding="bridge").document()
    resources = {key: value for key, value in Pod().resources().items() if "arp_ignore" not in key.name}
    seen = replace(observation(resources), sysctls={})
    (result,) = plans([wanted], {"shop/web": snapshot(seen)}, TAKEN)
    assert result.outcome is Outcome.REFUSED
    assert "does not say what net.ipv4.conf.all.arp_ignore holds" in result.diagnostics[0].detail
    (nic,) = wanted.nics
    wanted = replace(wanted, nics=(replace(nic, guest=replace(nic.guest, resolv_conf="/etc/other.conf")),))
    (result,) = plans([wanted], {"shop/web": snapshot(observation(Pod().resources()))}, TAKEN)
    assert "does not say what /etc/other.conf holds" in result.diagnostics[0].detail


def test_odd_snapshots_are_warned_of() -> None:
    wanted = Wish().document()
    taken = snapshot(observation(Pod().resources()))
    (late,) = plans([wanted], {"shop/web": taken}, TAKEN.replace(hour=16))
    assert [each.summary for each in late.diagnostics] == ["snapshot from the future"]
    assert late.recorded is not None
    assert late.recorded.age == -3600
    (other,) = plans([wanted], {"shop/web": replace(taken, target=("netns", "another"))}, TAKEN)
    assert [each.summary for each in other.diagnostics] == ["snapshot of another target"]
    (same,) = plans([wanted], {"shop/web": replace(taken, target=("netns", "/run/netns/universe"))}, TAKEN)
    assert same.diagnostics == ()
