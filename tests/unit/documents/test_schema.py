"""The schema files: valid themselves, complete in what they say to an editor, and of one mind with the code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from converge.bindings import REGISTRY
from converge.documents import KINDS, schema
from converge.documents.bindings import KEYS, NAMED, REMOVED
from converge.documents.schema import ANNOTATIONS, KEYWORDS

# Inputs that others write, and what a rule of ours asks for.
WITHOUT_DEFAULT = {"networkName", "migrationTransport", "infoSource", "queueCount", "disks", "bootOrder", "interfaces"}


def below(about: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, about
    for name, each in about.get("properties", {}).items():
        yield from below(each, f"{path}.{name}")
    if "items" in about:
        yield from below(about["items"], f"{path}[]")


def interfaces(kind: str) -> dict[str, Any]:
    spec = schema(kind)["properties"]["spec"]["properties"]
    found = spec["interfaces"] if kind == "GuestNetwork" else spec["domain"]["properties"]["devices"]["properties"]["interfaces"]
    properties: dict[str, Any] = found["items"]["properties"]
    return properties


@pytest.mark.parametrize("kind", KINDS)
def test_schema_is_one_in_both_drafts(kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(kind))
    jsonschema.Draft7Validator.check_schema({name: value for name, value in schema(kind).items() if name != "$schema"})


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_described(kind: str) -> None:
    assert [path for path, about in below(schema(kind)) if not about.get("description", "").endswith(".")] == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_optional_value_says_its_default(kind: str) -> None:
    for path, about in below(schema(kind)):
        for name, each in about.get("properties", {}).items():
            if (
                each["type"] != "object"
                and name not in about.get("required", ())
                and ".target" not in path
                and "converge/" not in name
            ):
                assert "Default" in each["description"] or name in WITHOUT_DEFAULT, f"{path}.{name}"


@pytest.mark.parametrize("kind", KINDS)
def test_only_keywords_that_the_shortcut_knows(kind: str) -> None:
    assert {word for _, about in below(schema(kind)) for word in about} <= ANNOTATIONS | KEYWORDS.keys()


def test_our_kind_is_closed() -> None:
    opened = [
        path
        for path, about in below(schema("GuestNetwork"))
        if about.get("type") == "object" and about.get("additionalProperties") is not False
    ]
    assert opened == [".metadata.labels", ".metadata.annotations"]


@pytest.mark.parametrize("kind", ["GuestNetwork", "VirtualMachineInstance"])
def test_schema_and_code_have_the_same_bindings(kind: str) -> None:
    """KubeVirt's keys are there as far as there is a binding for them; names stand as examples, which editors offer."""
    assert {name for name in interfaces(kind) if name in {*KEYS, *REMOVED}} == {
        key for key, name in KEYS.items() if not name or name in REGISTRY
    }
    assert set(interfaces(kind)["binding"]["properties"]["name"]["examples"]) == set(NAMED)


def test_both_kinds_have_the_same_fields_in_their_lists() -> None:
    ours, theirs = interfaces("GuestNetwork"), interfaces("VirtualMachineInstance")
    assert ours.keys() - theirs.keys() == {"podLink", "guest", "passtSocket", "virtualFunction"}
    assert not theirs.keys() - ours.keys()


def test_a_machine_is_made_of_what_an_instance_is() -> None:
    """The file refers to the other's; what is printed and judged by is whole."""
    template = schema("VirtualMachine")["properties"]["spec"]["properties"]["template"]["properties"]
    assert template["spec"] == schema("VirtualMachineInstance")["properties"]["spec"]
    assert not [path for path, about in below(schema("VirtualMachine")) if "$ref" in about]


def test_an_unknown_kind_has_no_schema() -> None:
    with pytest.raises(KeyError):
        schema("../secrets")
