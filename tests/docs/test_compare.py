"""The comparison itself, and how a page is taken apart: were they lenient, no page could be wrong."""

from __future__ import annotations

import pytest

from tests.docs.compare import same
from tests.docs.pages import Step, blocks, console, steps
from tests.docs.running import Ran, rewritten

PAGE = """# A page

`states/web.yaml`, as it should be:

```yaml
kind: GuestNetwork
```

Text about `b.yaml` that names no file for what follows.

```console
$ one
said
$ two \\
  and three
...
$ four
```
"""


@pytest.mark.parametrize(
    ("said", "printed"),
    [
        ("a\nb\n", "a\nb\n"),
        ("", ""),
        ("...\n", ""),
        ("...\n", "a\nb\n"),
        ("a\n...\nd\n", "a\nb\nc\nd\n"),
        ("a\n...\n...\nd\n", "a\nd\n"),
        ("Applied: 1 created in 1 pod (12 ms).\n", "Applied: 1 created in 1 pod (9.3 ms).\n"),
        ("64 bytes: ttl=62 time=0.2 ms\n", "64 bytes: ttl=62 time=11.4 ms\n"),
        ("+ process dnsmasq  digest 02a44445d05fadff  serving\n", "+ process dnsmasq  digest ffffffffffffffff  serving\n"),
        ("tap0   DOWN   1e:23:b5:5d:8c:69 <UP>\n", "tap0   DOWN   aa:bb:b5:5d:8c:69 <UP>\n"),
        ("a\n  ~ sysctl net.bridge.bridge-nf-call-ip6tables  1\nb\n", "a\nb\n"),
        ("a  \n", "a\n"),
    ],
)
def test_what_is_the_same(said: str, printed: str) -> None:
    assert same(said, printed)


@pytest.mark.parametrize(
    ("said", "printed"),
    [
        ("", "a\n"),
        ("a\n", ""),
        ("a\n", "a\nb\n"),
        ("a\n...\nd\n", "a\nb\n"),
        ("a ... b\n", "a c b\n"),
        ("  + link tap0\n", "  - link tap0\n"),
        ("DHCP: 10.0.2.2/24\n", "DHCP: 10.0.2.3/24\n"),
        ("eth0   UP   0a:58:0a:f4:01:05\n", "eth0   UP   0a:58:0a:f4:01:06\n"),
        ("a.b\n", "axb\n"),
    ],
)
def test_what_is_not(said: str, printed: str) -> None:
    assert not same(said, printed)


def test_a_page_is_blocks_with_names() -> None:
    yaml, session = blocks(PAGE)
    assert (yaml.language, yaml.file, yaml.line) == ("yaml", "states/web.yaml", 5)
    assert (session.language, session.file) == ("console", "")
    assert list(steps(session.text)) == [Step("one", "said\n"), Step("two \\\n  and three", "...\n"), Step("four", "")]
    assert console(list(steps(session.text))) == session.text


def test_only_what_differs_is_written() -> None:
    _, session = blocks(PAGE)
    one, two, four = steps(session.text)
    found = [Ran(session, one, "else \n", 0, True), Ran(session, two, "x\ny\n", 0, True), Ran(session, four, "", 0, True)]
    assert [each.good for each in found] == [False, True, True]
    assert rewritten(PAGE, found) == PAGE.replace("said", "else")


def test_a_silent_failure_is_noticed() -> None:
    _, session = blocks(PAGE)
    assert not Ran(session, Step("four", ""), "", 1, False).good
