"""The pure part of the bench: medians, ratios, verdicts, the table and its page. How long anything takes is not a test."""

from __future__ import annotations

import struct

import pytest

from bench.figures import ZERO, Row, Sample, median
from bench.first import texts
from bench.pods import documents, many_ports, text
from bench.raw import answers
from bench.table import BEGIN, END, NoMarkers, between_markers, table
from converge.model import Change, Key, Operation, Plan, Step


def row(ratio: float, goal: float | None = None, stretch: float | None = None) -> Row:
    return Row("a row", Sample(ratio, 9.0), Sample(1.0, 9.0), goal, stretch)


def test_medians_of_cpu_and_wall_are_each_their_own() -> None:
    assert median([Sample(1, 30), Sample(2, 10), Sample(900, 20)]) == Sample(2, 20)


def test_samples_add_up() -> None:
    assert sum([Sample(1, 2), Sample(3, 4)], ZERO) - Sample(1, 1) == Sample(3, 5)
    assert Sample(30, 60).per(3) == Sample(10, 20)


def test_the_ratio_is_that_of_cpu_times() -> None:
    assert row(2.5).ratio == 2.5


@pytest.mark.parametrize("floor", [None, ZERO])
def test_without_a_floor_there_is_neither_ratio_nor_verdict(floor: Sample | None) -> None:
    bare = Row("a row", Sample(1, 1), floor, 3.0)
    assert (bare.ratio, bare.verdict) == (None, "")


@pytest.mark.parametrize(
    ("of", "verdict"),
    [
        (row(3.0, 3.0), "met"),
        (row(3.3, 3.0), "missed by 10 %"),
        (row(9.0, 3.0), "missed by 200 %"),
        (row(3.0), ""),
        (row(0.5, 1.0, 0.5), "met, stretch too"),
        (row(0.75, 1.0, 0.5), "met, stretch missed by 50 %"),
        (row(1.5, 1.0, 0.5), "missed by 50 %"),
    ],
)
def test_a_verdict_says_by_how_much(of: Row, verdict: str) -> None:
    assert of.verdict == verdict


def test_the_table_is_markdown_whose_columns_stand_below_each_other() -> None:
    lines = table([row(1.5, 1.0, 0.5), Row("no floor", Sample(0.1234, 123.456))]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert {line.count("|") for line in lines} == {9}
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        *("a row", "1.00", "9.00", "1.50", "9.00", "1.50 ×", "≤ 1 × (0.5)", "missed by 50 %"),
    ]
    assert [cell.strip() for cell in lines[3].split("|")[1:-1]] == ["no floor", "", "", "0.123", "123.5", "", "", ""]


def test_only_what_is_between_the_markers_is_replaced() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    new = between_markers(page, "new\n")
    assert new == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    assert between_markers(new, "new") == new


@pytest.mark.parametrize("page", ["", BEGIN, END, f"{END}{BEGIN}"])
def test_a_page_without_both_markers_is_not_written(page: str) -> None:
    with pytest.raises(NoMarkers):
        between_markers(page, "new")


def message(flags: int, size: int = 16) -> bytes:
    return struct.pack("=IHHII", size, 18, flags, 1, 0) + bytes((size + 3 & ~3) - 16)


@pytest.mark.parametrize(
    ("request_", "count"), [(message(0x301), 0), (message(1), 1), (message(1, 21) + message(1, 28), 2), (message(5) * 4, 4)]
)
def test_a_dump_ends_by_its_last_message_and_other_requests_by_their_number(request_: bytes, count: int) -> None:
    assert answers(request_) == count


def test_tools_are_told_the_operations_of_the_plan_in_their_order() -> None:
    key = Key("link", "")
    nft = Operation("nft", key, (("", "add table inet x"), ("", "add chain inet x y")))
    first, second = (Operation("sysctl", key, ((name, "1"),)) for name in ("net.a", "net.b"))
    made = Operation("link add", key, (("name", "k6t-eth0"), ("up", ""), ("type", "bridge")))
    marked = Operation("link property add", key, (("dev", "k6t-eth0"), ("altname", "converge:bridge:default")))
    add = Operation("link add", key, (), parts=(made, marked))
    change = Change(key, None, 1)
    told = texts(Plan((change,), tuple(Step(each, (change,), ()) for each in (nft, first, add, second)), 0))
    assert told.nft == "add table inet x\nadd chain inet x y\n"
    assert told.ip == "link add name k6t-eth0 up type bridge\nlink property add dev k6t-eth0 altname converge:bridge:default\n"
    assert told.sysctls == ("net.a=1", "net.b=1")


def test_the_documents_that_are_measured_are_valid() -> None:
    (two, many) = documents([text("bench-a"), text("bench-b", many_ports(1000))])
    assert [len(document.nics[0].ports) for document in (two, many)] == [2, 1000]
