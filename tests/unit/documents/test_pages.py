"""What the page about documents shows, loaded together; that each is accepted alone is held by tests/docs/test_yaml.py."""

from __future__ import annotations

import re
from pathlib import Path

from tests.unit.documents.examples import loaded

PAGE = (Path(__file__).parents[3] / "docs" / "kubevirt-documents.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_what_the_page_says_of_the_three_together() -> None:
    machine, network, cluster = BLOCKS
    assert loaded(machine, network.replace("name: web,", "name: other,"), cluster).valid
