"""Every YAML in the pages is loaded: whole documents as they are, parts of one in the least document that they fit into.

`yaml wrong` must be refused. A block that a page gives the name of a file outside of states/ is another program's: it is parsed.
"""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from converge.documents import Loaded, Text, load
from tests.docs.pages import Block, blocks, pages

ALL = [(page.name, block) for page in pages() for block in blocks(page.read_text("utf-8")) if block.language in ("yaml", "yml")]
LEAST = {
    "apiVersion": "net.converge/v1alpha1",
    "kind": "GuestNetwork",
    "metadata": {"name": "web", "namespace": "shop"},
}


def whole(block: Block) -> str:
    """A mapping without `kind` is what stands below `spec`; networks that it leaves out are there, the pod's first."""
    found = yaml.safe_load(block.text) if "---" not in block.text else None
    if not isinstance(found, dict) or "kind" in found:
        return block.text
    interfaces: list[dict[str, Any]] = found.get("interfaces", [{"name": "default", "masquerade": {}}])
    networks = [
        {"name": each["name"], **({"multus": {"networkName": each["name"]}} if place else {"pod": {}})}
        for place, each in enumerate(interfaces)
    ]
    spec = {"target": {"netns": "web"}, "networks": networks, "interfaces": interfaces, **found}
    return yaml.safe_dump({**LEAST, "spec": spec}, sort_keys=False)


def loaded(text: str) -> Loaded:
    return load([Text("page.yaml", text.encode())])


def of_others(block: Block) -> bool:
    return bool(block.file) and not block.file.startswith("states/")


@pytest.mark.parametrize(("page", "block"), ALL, ids=[f"{page}:{block.line}" for page, block in ALL])
def test_every_yaml_is_accepted_without_a_word_or_is_said_to_be_wrong(page: str, block: Block) -> None:
    if "wrong" in block.words:
        assert not loaded(block.text).valid
    elif of_others(block):
        assert list(yaml.safe_load_all(block.text))
    else:
        said = [f"{each.at}: {each.summary}: {each.detail}" for each in loaded(whole(block)).diagnostics]
        assert not said, f"{page}:{block.line}: {said}"


def test_there_are_blocks_to_test() -> None:
    assert len(ALL) > 10
