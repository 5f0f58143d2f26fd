"""The CNI result cache as the CNI library writes it; a namespace that is surely alive is the test's own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from converge.sources.cni_cache import NotFound, find

ALIVE = "/proc/self/ns/net"
GONE = "/var/run/netns/cni-5b1f0c9e-0000-0000-0000-000000000000"


def entry(folder: Path, container: str, age: int, sandbox: str = ALIVE, interface: str = "eth0", **other: Any) -> Path:
    """One attachment; `other` replaces whole keys, with None to leave one out."""
    arguments = [["IgnoreUnknown", "1"], ["K8S_POD_NAMESPACE", "shop"], ["K8S_POD_NAME", "launcher"],
                 ["K8S_POD_INFRA_CONTAINER_ID", container], ["K8S_POD_UID", "p-1"]]  # fmt: skip
    interfaces = [
        {"name": "veth1", "mac": "02:00:00:00:00:01"},
        {"name": interface, "mac": "02:00:00:00:00:02", "sandbox": sandbox},
    ]
    whole = {
        "kind": "cniCacheV1", "containerId": container, "config": "e30=", "ifName": interface, "networkName": "cbr0",
        "cniArgs": arguments, "result": {"cniVersion": "1.0.0", "interfaces": interfaces, "ips": [], "dns": {}}, **other,
    }  # fmt: skip
    path = folder / f"cbr0-{container}-{interface}"
    path.write_text(json.dumps({key: value for key, value in whole.items() if value is not None}))
    os.utime(path, (age, age))
    return path


def named(name: str, namespace: str = "shop", uid: str = "p-1") -> list[list[str]]:
    return [["K8S_POD_NAMESPACE", namespace], ["K8S_POD_NAME", name], ["K8S_POD_UID", uid]]


def looked_for(folder: Path, name: str = "launcher", uid: str = "", namespace: str = "shop") -> str:
    return find(namespace, name, uid, str(folder))


def missed(folder: Path, name: str = "launcher", uid: str = "") -> str:
    with pytest.raises(NotFound) as refusal:
        looked_for(folder, name, uid)
    assert refusal.value.looked is folder.exists()
    return str(refusal.value).replace(str(folder), "CACHE")


def test_a_pod_by_name_and_by_uid(tmp_path: Path) -> None:
    entry(tmp_path, "c1", 1)
    entry(tmp_path, "c2", 2, "/proc/1/ns/net", cniArgs=named("other", uid="p-2"))
    assert looked_for(tmp_path) == ALIVE
    assert looked_for(tmp_path, uid="p-1") == ALIVE
    assert looked_for(tmp_path, name="", uid="p-1") == ALIVE


def test_the_newest_that_is_alive_holds(tmp_path: Path) -> None:
    entry(tmp_path, "c1", 1)
    entry(tmp_path, "c2", 3, "/proc/thread-self/ns/net")
    entry(tmp_path, "c3", 2)
    entry(tmp_path, "c4", 4, GONE)
    assert looked_for(tmp_path) == "/proc/thread-self/ns/net"


def test_a_name_that_is_used_again_is_told_by_uid(tmp_path: Path) -> None:
    entry(tmp_path, "c1", 1)
    entry(tmp_path, "c2", 2, "/proc/thread-self/ns/net", cniArgs=named("launcher", uid="p-2"))
    assert looked_for(tmp_path, uid="p-1") == ALIVE
    assert looked_for(tmp_path, uid="p-2") == "/proc/thread-self/ns/net"


def test_newer_libraries_write_the_path_beside_the_result(tmp_path: Path) -> None:
    entry(tmp_path, "c1", 1, netns=ALIVE, result={"cniVersion": "1.0.0", "dns": {}})
    assert looked_for(tmp_path) == ALIVE


def test_multus_says_every_key_twice(tmp_path: Path) -> None:
    entry(tmp_path, "c1", 1, cniArgs=[*named("launcher"), *named("", "", "")])
    assert looked_for(tmp_path, uid="p-1") == ALIVE


@pytest.mark.parametrize(
    "other",
    [
        {"cniArgs": None},
        {"cniArgs": "K8S_POD_NAME=launcher"},
        {"cniArgs": [["K8S_POD_NAME"], "a", None]},
        {"result": [], "netns": 5},
        {"result": {"interfaces": {"sandbox": ALIVE}}},
        {"result": {"interfaces": [None, {"sandbox": 5}]}},
    ],
)
def test_entries_of_another_shape_are_passed_over(tmp_path: Path, other: dict[str, Any]) -> None:
    entry(tmp_path, "c1", 1, **other)
    assert "pod shop/launcher was not found in CACHE" in missed(tmp_path)
    entry(tmp_path, "c2", 0)
    assert looked_for(tmp_path) == ALIVE


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_files_that_are_no_entries_are_passed_over(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "lock").write_bytes(data)
    (tmp_path / "folder").mkdir()
    entry(tmp_path, "c1", 1)
    assert looked_for(tmp_path) == ALIVE


def test_a_refusal_names_what_was_looked_for_and_where(tmp_path: Path) -> None:
    assert missed(tmp_path) == "pod shop/launcher was not found in CACHE: none of its 0 files is about it"
    entry(tmp_path, "c1", 1, GONE)
    assert missed(tmp_path) == f"pod shop/launcher was not found in CACHE: its namespace is gone ({GONE})"
    assert missed(tmp_path, uid="p-9") == ("pod shop/launcher (uid p-9) was not found in CACHE: the pod of that name has uid p-1")
    assert (
        missed(tmp_path, "", "p-9") == "pod of namespace shop (uid p-9) was not found in CACHE: none of its 1 files is about it"
    )


def test_without_a_cache_nothing_is_known(tmp_path: Path) -> None:
    assert missed(tmp_path / "none") == (
        "pod shop/launcher cannot be found: the CNI result cache CACHE cannot be read (No such file or directory)"
    )


def test_a_plain_file_in_place_of_a_namespace_is_not_alive(tmp_path: Path) -> None:
    left = tmp_path / "cni-left"
    left.touch()
    entry(tmp_path, "c1", 1, str(left))
    assert "its namespace is gone" in missed(tmp_path)
    entry(tmp_path, "c2", 2, "proc/self/ns/net")
    assert "its namespace is gone" in missed(tmp_path)
