"""What an editor shows that speaks to yaml-language-server: the real one, with the schemas as `converge schema` prints them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from converge.bindings import REGISTRY
from converge.documents import KINDS
from converge.documents.bindings import KEYS
from tests.editor.language_server import LanguageServer, serving

HERE = Path(__file__).parent
TEXT = """\
# yaml-language-server: $schema=GuestNetwork.json
apiVersion: net.converge/v1alpha1
kind: GuestNetwork
metadata: {name: web}
spec:
  target: {netns: web}
  networks:
    - name: default
      pod: {}
  interfaces:
    - name: default
      masquerade: {}
      guest:
        mtu: 1400
"""


@pytest.fixture(scope="module")
def program(root: Path) -> list[str]:
    """The server, installed once under build/ as package-lock.json says, where there are node and npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed, and the language server is written for them")
    folder = root / "build" / "yaml-language-server"
    server = folder / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
    lock = HERE / "package-lock.json"
    done = folder / "installed"
    if not done.exists() or done.read_text() != lock.read_text():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder / name)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        environment = {**os.environ, "npm_config_update_notifier": "false"}
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180, env=environment)
        if ended.returncode:
            pytest.skip(f"npm could not install the language server: {ended.stderr.strip().splitlines()[:1]}")
        done.write_text(lock.read_text())
    return [node, str(server), "--stdio"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("editor")
    for kind in KINDS:
        command = [sys.executable, "-m", "converge", "schema", kind]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        (found / f"{kind}.json").write_text(text)
    return found


@pytest.fixture(scope="module")
def editor(program: list[str], folder: Path) -> Iterator[LanguageServer]:
    with serving(program, folder) as server:
        yield server


def opened(editor: LanguageServer, folder: Path, text: str) -> str:
    """A file of its own for each text: a server remembers what it said of one."""
    file = folder / f"{len(list(folder.iterdir()))}.yaml"
    file.write_text(text)
    return editor.open(file)


def place(text: str, wanted: str) -> tuple[int, int]:
    """Line and column of the first character of a text, from 0."""
    before = text[: text.index(wanted)]
    return before.count("\n"), len(before) - before.rfind("\n") - 1


def test_a_good_file_has_no_mistake(editor: LanguageServer, folder: Path) -> None:
    """An unknown draft in $schema would be one, too."""
    assert editor.diagnostics(opened(editor, folder, TEXT)) == []


def test_completion_offers_bindings_and_keys(editor: LanguageServer, folder: Path) -> None:
    text = TEXT.replace("      masquerade: {}\n      guest:\n        mtu: 1400\n", "      \n")
    line, _ = place(text, "    - name: default\n      \n")
    offered = editor.completions(opened(editor, folder, text), line + 1, 6)
    bindings = {key for key, name in KEYS.items() if not name or name in REGISTRY}
    assert {*bindings, "ports", "portRanges", "macAddress", "guest", "podLink"} <= set(offered)
    assert "name" not in offered, "it stands there already"


def test_completion_offers_the_words_of_a_value(editor: LanguageServer, folder: Path) -> None:
    text = TEXT.replace("masquerade: {}", "masquerade: {}\n      model: ")
    line, column = place(text, "model: ")
    assert {"virtio", "e1000"} <= set(editor.completions(opened(editor, folder, text), line, column + len("model: ")))


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("mtu", ["MTU that the guest is told", "in bytes, 68 to 65535", "Default: the pod link's."]),
        ("masquerade", ["Binding: the guest has an address of its own behind NAT"]),
        ("target", ["Which pod"]),
    ],
)
def test_hover_explains(key: str, told: list[str], editor: LanguageServer, folder: Path) -> None:
    found = editor.hover(opened(editor, folder, TEXT), *place(TEXT, key))
    for each in told:
        assert each in found.replace("\\", "")


@pytest.mark.parametrize(
    ("right", "wrong", "at", "message"),
    [
        ("masquerade: {}", "masquerade: {}\n      ports: [{port: 70000}]", "70000", "above the maximum of 65535"),
        ("mtu: 1400", "mtv: 1400", "mtv", "mtv is not allowed"),
        ("mtu: 1400", 'mtu: "1400"', '"1400"', 'Incorrect type. Expected "integer"'),
    ],
)
def test_a_mistake_has_its_line(right: str, wrong: str, at: str, message: str, editor: LanguageServer, folder: Path) -> None:
    text = TEXT.replace(right, wrong)
    (found,) = editor.diagnostics(opened(editor, folder, text))
    line, column = place(text, at)
    assert found["range"]["start"] == {"line": line, "character": column}
    assert message in found["message"]


def test_the_other_kind(editor: LanguageServer, folder: Path, root: Path) -> None:
    text = "# yaml-language-server: $schema=VirtualMachineInstance.json\n" + (root / "states" / "vmi.yaml").read_text()
    assert editor.diagnostics(opened(editor, folder, text)) == []
    line, column = place(text, "networkInterfaceMultiqueue")
    lines = text.split("\n")
    lines[line] = " " * column
    assert "networkInterfaceMultiqueue" in editor.completions(opened(editor, folder, "\n".join(lines)), line, column)
