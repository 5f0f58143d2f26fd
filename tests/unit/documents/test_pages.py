"""What the page about documents shows is what converge accepts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.documents.examples import loaded, rendered

PAGE = (Path(__file__).parents[3] / "docs" / "kubevirt-documents.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=[re.search(r"kind: (\w+)", block)[1] for block in BLOCKS])  # type: ignore[index]
def test_every_yaml_of_the_page_is_accepted_without_a_word(block: str) -> None:
    result = loaded(block)
    assert not result.diagnostics, rendered(result)


def test_what_the_page_says_of_the_three_together() -> None:
    machine, network, cluster = BLOCKS
    assert loaded(machine, network.replace("name: web,", "name: other,"), cluster).valid
