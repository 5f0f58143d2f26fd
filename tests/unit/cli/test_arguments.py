"""Usage: each mistake is one line and a hint, and exits as that verb's errors do."""

from __future__ import annotations

import argparse
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converge.cli import VERBS, main
from converge.cli.arguments import UNITS, duration, labels, positive

ERRORS = {name: 2 if name in ("diff", "check") else 1 for name in VERBS}
POD_VERBS = ("plan", "diff", "apply", "check", "domain-xml")


@pytest.mark.parametrize("verb", VERBS)
def test_an_unknown_flag(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [verb, *{"lab": ["up"], "completion": ["bash"]}.get(verb, []), "--frobnicate"]
    assert main(arguments) == ERRORS[verb]
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["converge: unrecognized arguments: --frobnicate", f"See `converge {verb} --help`."]


@pytest.mark.parametrize("verb", POD_VERBS)
@pytest.mark.parametrize(
    "words", [["--timeout", "5"], ["--timeout", "-3s"], ["--parallelism", "0"], ["--selector", "app"], ["--only"], ["-o", "xml"]]
)
def test_a_value_that_cannot_be_meant(verb: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, *words]) == ERRORS[verb]
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 2)


@pytest.mark.parametrize(
    ("verb", "hint"), [("plam", "did you mean plan?"), ("aply", "did you mean apply?"), ("x", "no verb 'x'")]
)
def test_an_unknown_verb(verb: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb]) == 1
    assert hint in capsys.readouterr().err


def test_a_flag_before_the_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--no-color", "plan"]) == 1
    assert "the verb comes first" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_help_names_every_verb(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert all(f"\n  {verb} " in out for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_explains_itself_with_examples(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--help"]) == 0
    out = capsys.readouterr().out
    assert "examples:\n" in out
    assert f"  converge {verb}" in out


def test_versions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version", "-o", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"converge", "python", "kernel", "pyroute2"} <= found.keys()
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith(f"converge      {found['converge']}\n")


def test_schemas(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    for kind in capsys.readouterr().out.split():
        assert main(["schema", kind]) == 0
        assert json.loads(capsys.readouterr().out)["title"]
    assert main(["schema", "Nothing"]) == 1


# ---------------------------------------------------------------------------------------------------------- values


@given(st.lists(st.tuples(st.integers(0, 999), st.sampled_from(sorted(UNITS))), min_size=1, max_size=4))
def test_a_duration_is_the_sum_of_its_parts(parts: list[tuple[int, str]]) -> None:
    text = "".join(f"{number}{unit}" for number, unit in parts)
    assert duration(text) == pytest.approx(sum(duration(f"{number}{unit}") for number, unit in parts))


@pytest.mark.parametrize(("text", "seconds"), [("3s", 3), ("2m30s", 150), ("1h", 3600), ("250ms", 0.25), ("1.5s", 1.5)])
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "3", "s", "3 s", "-1s", "3sec", "1d", "3s4"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="write 3s"):
        duration(text)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "x", "", "²"])
def test_what_is_no_count(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        positive(text)


def test_labels() -> None:
    assert labels("app=shop,tier=") == {"app": "shop", "tier": ""}
    for text in ("app", "=x", "a=b,", ""):
        with pytest.raises(argparse.ArgumentTypeError):
            labels(text)
