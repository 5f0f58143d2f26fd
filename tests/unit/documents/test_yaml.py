"""What YAML can do to a reader: places, types by guess, bombs. Nothing here raises, and each refusal points into the file."""

from __future__ import annotations

import pytest

from converge.documents import MOST_BYTES
from converge.documents.compose import MAX_DEPTH, compose
from converge.documents.nodes import Mapping, Scalar
from converge.documents.scalars import as_boolean, as_integer, as_text
from converge.documents.text import made
from tests.unit.documents.examples import GUEST_NETWORK, changed, document, errors, loaded, pointed_at, rendered, summaries

# ------------------------------------------------------------------------------------------------------------ places


def test_places_count_characters_and_end_exclusively() -> None:
    text = changed(GUEST_NETWORK, "metadata: {name: web,", "metadata: {name: web, annotations: {a: ä€𝄞, b: '\u2028'},").replace(
        "netns: web", "netns: a/b"
    )
    (error,) = errors(loaded(text))
    assert pointed_at(text, error) == "a/b"
    assert error.snippet == "  target: {netns: a/b}"


def test_a_block_ends_with_its_last_child_not_with_the_comment_below() -> None:
    nic = document(GUEST_NETWORK + "# a comment\n\n\n").nics[0]
    assert (nic.at.line, nic.at.column, nic.at.end_line, nic.at.end_column) == (10, 7, 12, 26)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_are_those_of_an_editor(newline: str) -> None:
    text = changed(GUEST_NETWORK, "netns: web", "netns: a/b").replace("\n", newline)
    (error,) = errors(loaded(text))
    assert str(error.at) == "a.yaml:5:19"
    assert error.snippet == "  target: {netns: a/b}"


def test_a_line_too_long_to_print_has_no_snippet() -> None:
    (error,) = errors(loaded(changed(GUEST_NETWORK, "netns: web", f"netns: a/{'b' * 1000}")))
    assert error.snippet is None


def test_a_merged_value_is_reported_where_it_was_written_and_once() -> None:
    shared = "[&p {port: 70000}, *p]"
    text = changed(GUEST_NETWORK, "[{port: 80}]", shared)
    (error,) = errors(loaded(text))
    assert pointed_at(text, error) == "70000"


# --------------------------------------------------------------------------------------------------------- encodings


@pytest.mark.parametrize(
    "data",
    [GUEST_NETWORK.encode(), b"\xef\xbb\xbf" + GUEST_NETWORK.encode(), GUEST_NETWORK.encode("utf-16")],
    ids=["UTF-8", "UTF-8 with mark", "UTF-16 with mark"],
)
def test_encodings_that_are_read(data: bytes) -> None:
    assert loaded(data).valid


# ------------------------------------------------------------------------------------------------------------ guards

LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 30))
WIDE = f"a: &a {{{','.join(f'k{n}: 1' for n in range(20000))}}}\n" + "".join(f"b{n}: {{<<: *a}}\n" for n in range(20000))
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 3000))
GUARDS = {
    "tab": ("a:\n\tb: 1\n", "Tab in YAML"),
    "Latin-1": (b"a: caf\xe9\n", "Not UTF-8"),
    "cut UTF-8": (b"a: \xe2\x82", "Not UTF-8"),
    "UTF-16 without mark": (GUEST_NETWORK.encode("utf-16-le"), "Control character"),
    "NUL": ("a: b\0c", "Control character"),
    "escape sequence": ("a: \x1b[31m", "Control character"),
    "DEL": ("a: \x7f", "Control character"),
    "escaped control character": (GUEST_NETWORK.replace("name: web,", 'name: "we\\x07b",'), "Control character"),
    "duplicate key": (GUEST_NETWORK + "spec: {}\n", "Duplicate key"),
    "duplicate key, quoted": (GUEST_NETWORK + "'kind': a\n", "Duplicate key"),
    "duplicate merge": ("a: &a {}\nb: {<<: *a, <<: *a}", "Duplicate key"),
    "too large": (b"#" * (MOST_BYTES + 1), "File too large"),
    "deep lists": ("[" * 200_000, "Nested too deeply"),
    "deep lists in lines": ("[\n" * 200_000, "Nested too deeply"),
    "deep mappings": ("{a: " * 100_000, "Nested too deeply"),
    "deep blocks": ("- " * 100_000, "Nested too deeply"),
    "deep by aliases": (CHAIN, "Nested too deeply"),
    "alias bomb": (LAUGHS, "Aliases expand to too much"),
    "merge bomb": (MERGES, "Aliases expand to too much"),
    "wide merge bomb": (WIDE, "Aliases expand to too much"),
    "alias of itself": ("a: &a [*a]", "Alias of itself"),
    "merge of itself": ("a: &a {<<: *a}", "Alias of itself"),
    "unknown alias": ("a: *b", "Unknown alias"),
    "alias of another document": ("a: &a 1\n---\nb: *a", "Unknown alias"),
    "merge of text": ("a: {<<: b}", "Merge of no mapping"),
    "list as key": ("? [a]\n: b", "Key is not text"),
    "Python object": ("a: !!python/object/apply:os.system [x]", "Unknown tag"),
    "binary": ("a: !!binary aGk=", "Unknown tag"),
    "open bracket": ("a: [1, 2\nb: 3\n", "YAML syntax"),
    "open quote": ('a: "b\n', "YAML syntax"),
    "colon in text": ("a: b: c\n", "YAML syntax"),
    "lone surrogate": ('a: "\\ud800"', "YAML syntax"),
    "text": ("hello", "Not a document"),
    "list": ("[1, 2]", "Not a document"),
}


@pytest.mark.parametrize(("data", "summary"), GUARDS.values(), ids=GUARDS.keys())
def test_guard(data: str | bytes, summary: str) -> None:
    result = loaded(data)
    assert summary in summaries(result), rendered(result)
    assert not result.documents


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n---\n", "~\n"])
def test_nothing_is_no_mistake(text: str) -> None:
    assert loaded(text).valid
    assert not loaded(text).diagnostics


def test_every_mistake_of_every_file_is_reported_sorted_by_place() -> None:
    bad = changed(changed(GUEST_NETWORK, "port: 80", "port: 0"), "netns: web", "netns: a/b")
    good = changed(changed(GUEST_NETWORK, "name: web,", "name: good,"), "netns: web", "netns: good")
    also_bad = changed(bad, "name: web,", "name: also,").replace("netns: a/b", "netns: c/d")
    places = [str(each.at) for each in loaded(bad, good, also_bad).diagnostics]
    assert places == ["a.yaml:5:19", "a.yaml:12:22", "c.yaml:5:19", "c.yaml:12:22"]


def test_depth_that_documents_have_is_fine() -> None:
    assert not compose(made("a", "[" * MAX_DEPTH + "]" * MAX_DEPTH))[1]


# --------------------------------------------------------------------------------------------------- aliases and JSON


def test_small_anchors_and_merges_work_and_the_mapping_itself_wins() -> None:
    text = "base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\nall: {<<: [*b, *m], x: 5}\n"
    (root,) = compose(made("a", text))[0]
    assert isinstance(root, Mapping)
    merged = root.entries["all"].value
    assert isinstance(merged, Mapping)
    assert {name: entry.value.text for name, entry in merged.entries.items() if isinstance(entry.value, Scalar)} == {
        "x": "5",
        "y": "2",
        "z": "4",
    }


def test_json_is_read_tabs_escapes_and_surrogates_included() -> None:
    text = (
        '{\n\t"apiVersion": "net.converge\\/v1alpha1", "kind": "GuestNetwork",\n\t"metadata": {"name": "web", '
        '"labels": {"a": "x \\ud83d\\ude00  y\\u00e4"}}, "spec": {"target": {"netns": "web"}, "x": 1}}'
    )
    (error,) = errors(loaded(text))
    assert pointed_at(text, error) == '"x"'
    assert document(text.replace(', "x": 1', "")).labels == {"a": "x 😀  yä"}


# ------------------------------------------------------------------------------------------------------------ scalars

SCALARS = [  # written, as text, as integer, as boolean
    ("no", "no", None, False),
    ("yes", "yes", None, True),
    ("on", "on", None, True),
    ("true", "true", None, True),
    ("'true'", "true", None, None),
    ("y", "y", None, None),
    ("80", "80", 80, None),
    ("'80'", "80", None, None),
    ("+80", "+80", 80, None),
    ("0", "0", 0, None),
    ("!!str 80", "80", None, None),
    ("!!int '80'", "80", 80, None),
    ("0x1F", None, None, None),
    ("0o17", None, None, None),
    ("010", None, None, None),
    ("089", None, None, None),
    ("0b1", None, None, None),
    ("1_000", None, None, None),
    ("12:30", None, None, None),
    ("12:30:45.5", None, None, None),
    ("12:30:45:10:20:30", None, None, None),
    ("'12:30'", "12:30", None, None),
    ("02:00:00:00:00:07", "02:00:00:00:00:07", None, None),
    ("12:60", "12:60", None, None),
    ("de:ad:00:00:be:af", "de:ad:00:00:be:af", None, None),
    (".inf", None, None, None),
    ("-.INF", None, None, None),
    (".nan", None, None, None),
    ("1.10", "1.10", None, None),
    ("1e3", "1e3", None, None),
    ("2026-11-24", "2026-11-24", None, None),
    ("10.0.2.0/24", "10.0.2.0/24", None, None),
    ("~", None, None, None),
    ("null", None, None, None),
    ("'null'", "null", None, None),
    ("''", "", None, None),
    ("9" * 5000, "9" * 5000, None, None),
]


@pytest.mark.parametrize(("written", "text", "integer", "boolean"), SCALARS, ids=[row[0][:20] for row in SCALARS])
def test_scalar(written: str, text: str | None, integer: int | None, boolean: bool | None) -> None:
    (node,) = compose(made("a", written))[0]
    assert isinstance(node, Scalar)
    assert (as_text(node), as_integer(node), as_boolean(node)) == (text, integer, boolean)


@pytest.mark.parametrize("name", ["no", "on", "80", "true", "2026-11-24"])
def test_words_that_yaml_guesses_at_are_names_where_a_name_is_expected(name: str) -> None:
    assert document(changed(GUEST_NETWORK, "name: web,", f"name: {name},")).name == name


@pytest.mark.parametrize("name", ["0x1f", "010", "1_0", "12:30"])
def test_numbers_of_other_notations_are_to_be_quoted(name: str) -> None:
    (error,) = errors(loaded(changed(GUEST_NETWORK, "netns: web", f"netns: {name}")))
    assert error.detail.endswith(f'quote it: "{name}"')
    assert document(changed(GUEST_NETWORK, "netns: web", f'netns: "{name}"')).target.value == name
