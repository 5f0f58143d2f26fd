"""Is what a command printed what the page says? Equal, but for what no two runs have in common: the list below."""

from __future__ import annotations

import re

VOLATILE = (
    # how long something took
    (r"\(\d+(?:\.\d+)? m?s\)", "(TIME)"),
    (r"time[= ]\d+(?:\.\d+)? ?ms|^rtt .*$", "TIME"),
    (r"expires \d+sec", "expires TIME"),
    # when, and how long ago
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "WHEN"),
    (r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d", "WHEN"),
    (r"\d+ (?:second|minute|hour|day)s? old", "AGE old"),
    # a namespace's cookie, a process's id
    (r"/run/converge/\d+/", "/run/converge/COOKIE/"),
    (r"\bpid \d+|dnsmasq(?:-dhcp)?\[\d+\]: \d+", "PID"),
    # a server's digest holds the number of its bridge, and what the node's kernel can do
    (r"\bdigest [0-9a-f]{16}|[0-9a-f]{16}-\d+(?=\.(?:conf|log))", "DIGEST"),
    # the kernel gives a tap its MAC by chance, and a link-local address made from it
    (r"(?m)^(tap\w+ .*)[0-9a-f:]{17}", r"\1MAC"),
    # a ping's numbers, where a guest's counter begins
    (r"icmp_seq=\d+|, id \d+, seq \d+|\bid 0x[0-9a-f]+", "SEQ"),
    # a client's port, where it is the kernel's choice
    (r"(\d+\.\d+\.\d+\.\d+)\.[3-6]\d{4}\b", r"\1.PORT"),
    # only a kernel with br_netfilter has this row, so the numbers of all rows hang on it too
    (r"(?m)^.*bridge-nf-call-ip6tables.*\n", ""),
    (r"\d+ (to create|to update|to delete|unchanged|created|updated|deleted)", r"N \1"),
    # dnsmasq and the like pad their columns; so does what stands before a value that was replaced above
    (r"[ \t]+$", ""),
)


def stable(text: str) -> str:
    for pattern, instead in VOLATILE:
        text = re.sub(pattern, instead, text, flags=re.MULTILINE)
    return text


def same(said: str, printed: str) -> bool:
    """`said` is the page's text."""
    parts = [r"(?:.*\n)*" if line == "...\n" else re.escape(line) for line in stable(said).splitlines(keepends=True)]
    return re.fullmatch("".join(parts), stable(printed)) is not None
