"""The rows of the tampering tests that concern the nft table. See tampering.py for how to read them."""

from __future__ import annotations

from tests.kernel.tampering import Tampering

_T = "inet converge"
_HOOKS = {"prerouting": -100, "output": -100, "postrouting": 100}


def _chain_made_anew(chain: str, how: str) -> str:
    return f"nft flush chain {_T} {chain}; nft delete chain {_T} {chain}; nft add chain {_T} {chain} '{{ {how} }}'"


CHAINS = (
    *(Tampering(f"rules of {name} deleted", f"nft flush chain {_T} {name}", [f"update chain {name}"]) for name in _HOOKS),
    *(
        Tampering(f"{name} deleted", f"nft flush chain {_T} {name}; nft delete chain {_T} {name}", [f"create chain {name}"])
        for name in _HOOKS
    ),
    *(Tampering(f"rule added to {name}", f"nft add rule {_T} {name} counter", [f"update chain {name}"]) for name in _HOOKS),
    *(Tampering(f"rule put first in {name}", f"nft insert rule {_T} {name} return", [f"update chain {name}"]) for name in _HOOKS),
    Tampering(
        "rule replaced by one that looks alike",
        f"""nft flush chain {_T} prerouting
nft add rule {_T} prerouting iifname '"eth0*"' meta l4proto . th dport @ports dnat ip to 10.0.2.2
nft add rule {_T} prerouting iifname eth0 meta l4proto . th dport @ports dnat ip6 to fd10:0:2::2""",
        ["update chain prerouting"],
    ),
    Tampering(
        "rule replaced by one to elsewhere",
        f"""nft flush chain {_T} prerouting
nft add rule {_T} prerouting iifname eth0 meta l4proto . th dport @ports dnat ip to 10.0.2.3
nft add rule {_T} prerouting iifname eth0 meta l4proto . th dport @ports dnat ip6 to fd10:0:2::2""",
        ["update chain prerouting"],
    ),
    Tampering(
        "rules in another order",
        f"""nft flush chain {_T} prerouting
nft add rule {_T} prerouting iifname eth0 meta l4proto . th dport @ports dnat ip6 to fd10:0:2::2
nft add rule {_T} prerouting iifname eth0 meta l4proto . th dport @ports dnat ip to 10.0.2.2""",
        ["update chain prerouting"],
    ),
    Tampering(
        "rule with a comment",
        f"nft insert rule {_T} output oifname nowhere return comment '\"mine\"'",
        ["update chain output"],
    ),
    Tampering(
        "rules without comment among the facts",
        f"nft insert rule {_T} captured drop; nft add rule {_T} captured return; nft add rule {_T} captured counter",
        ["delete fact rule without comment"],
    ),
    Tampering("policy", f"nft chain {_T} prerouting '{{ policy drop; }}'", ["update chain prerouting"]),
    Tampering(
        "priority",
        _chain_made_anew("prerouting", "type nat hook prerouting priority -99;"),
        ["update chain prerouting"],
    ),
    Tampering(
        "type",
        _chain_made_anew("prerouting", "type filter hook prerouting priority -100;"),
        ["update chain prerouting"],
    ),
    Tampering("a further chain", f"nft add chain {_T} foreign; nft add rule {_T} foreign drop", ["delete chain foreign"]),
    Tampering(
        "a further base chain",
        f"nft add chain {_T} foreign '{{ type filter hook input priority 0; }}'; nft add rule {_T} foreign tcp dport 1 drop",
        ["delete chain foreign"],
    ),
    Tampering(
        "chains that jump to each other",
        f"""nft add chain {_T} a
nft add chain {_T} b
nft add chain {_T} c
nft add rule {_T} b jump a
nft add rule {_T} a goto c
nft add rule {_T} output jump b""",
        ["delete chain a", "delete chain b", "delete chain c", "update chain output"],
    ),
    Tampering(
        "a chain that a verdict map jumps to",
        f"nft add chain {_T} a; nft add rule {_T} output tcp dport vmap '{{ 1 : jump a }}'",
        ["delete chain a", "update chain output"],
    ),
    Tampering(
        "a chain that a named verdict map jumps to",
        f"""nft add chain {_T} a
nft add map {_T} choice '{{ type inet_service : verdict; }}'
nft add element {_T} choice '{{ 1 : jump a }}'
nft add rule {_T} output tcp dport vmap @choice""",
        ["delete chain a", "delete set choice", "update chain output"],
    ),
    Tampering(
        "a further set in a rule",
        f"""nft add set {_T} bad '{{ type ipv4_addr; elements = {{ 192.0.2.1 }}; }}'
nft insert rule {_T} prerouting ip saddr @bad drop""",
        ["delete set bad", "update chain prerouting"],
    ),
)

SETS = (
    Tampering("port deleted", f"nft delete element {_T} ports '{{ tcp . 80 }}'", ["create element ports/tcp.80"]),
    Tampering("range deleted", f"nft delete element {_T} ports '{{ tcp . 8000-8010 }}'", ["create element ports/tcp.8000-8010"]),
    Tampering("port added", f"nft add element {_T} ports '{{ tcp . 81 }}'", ["delete element ports/tcp.81"]),
    Tampering(
        "range cut short",
        f"nft delete element {_T} ports '{{ tcp . 8000-8010 }}'; nft add element {_T} ports '{{ tcp . 8000-8005 }}'",
        ["create element ports/tcp.8000-8010", "delete element ports/tcp.8000-8005"],
    ),
    Tampering(
        "port made a range",
        f"nft delete element {_T} ports '{{ tcp . 80 }}'; nft add element {_T} ports '{{ tcp . 79-81 }}'",
        ["create element ports/tcp.80", "delete element ports/tcp.79-81"],
    ),
    Tampering(
        "ports flushed",
        f"nft flush set {_T} ports",
        [f"create element ports/{name}" for name in ("tcp.80", "udp.53", "tcp.8000-8010")],
    ),
    Tampering("exempt port deleted", f"nft delete element {_T} exempt '{{ 49152 }}'", ["create element exempt/49152"]),
    Tampering("exempt port added", f"nft add element {_T} exempt '{{ 22 }}'", ["delete element exempt/22"]),
    Tampering("a further set", f"nft add set {_T} foreign '{{ type ipv4_addr; }}'", ["delete set foreign"]),
    Tampering(
        "a further set with elements",
        f"nft add set {_T} foreign '{{ type inet_service; flags interval; elements = {{ 1-5, 7 }}; }}'",
        ["delete set foreign"],
    ),
    Tampering("a further map", f"nft add map {_T} foreign '{{ type ipv4_addr : inet_service; }}'", ["delete set foreign"]),
    Tampering(
        "set deleted with the rules that look into it",
        f"""nft flush chain {_T} prerouting
nft flush chain {_T} output
nft flush chain {_T} postrouting
nft delete set {_T} ports""",
        [
            "create set ports",
            *(f"create element ports/{name}" for name in ("tcp.80", "udp.53", "tcp.8000-8010")),
            *(f"update chain {name}" for name in _HOOKS),
        ],
        deaf=True,
    ),
    Tampering(
        "set of another type in its place",
        f"""nft flush chain {_T} prerouting
nft flush chain {_T} output
nft flush chain {_T} postrouting
nft delete set {_T} ports
nft add set {_T} ports '{{ type inet_service; }}'
nft add rule {_T} prerouting tcp dport @ports drop""",
        [
            "update set ports",
            *(f"create element ports/{name}" for name in ("tcp.80", "udp.53", "tcp.8000-8010")),
            *(f"update chain {name}" for name in _HOOKS),
        ],
        deaf=True,
    ),
    Tampering("table switched off", f"nft add table {_T} '{{ flags dormant; }}'", ["update table converge"]),
)
