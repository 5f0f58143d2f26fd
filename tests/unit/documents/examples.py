"""Documents that the tests start from, and a change of one place in them."""

from __future__ import annotations

from converge.documents import Loaded, Text, load
from converge.model import Diagnostic, GuestNetwork, Severity

GUEST_NETWORK = """\
apiVersion: net.converge/v1alpha1
kind: GuestNetwork
metadata: {name: web, namespace: shop}
spec:
  target: {netns: web}
  networks:
    - name: default
      pod: {}
  interfaces:
    - name: default
      masquerade: {}
      ports: [{port: 80}]
"""

VMI = """\
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata:
  name: web
  namespace: shop
  annotations: {net.converge/netns: web}
spec:
  domain:
    devices:
      interfaces:
        - name: default
          masquerade: {}
  networks:
    - name: default
      pod: {}
status: {}
"""


def loaded(*texts: str | bytes) -> Loaded:
    encoded = [text if isinstance(text, bytes) else text.encode() for text in texts]
    return load(Text(f"{chr(ord('a') + index)}.yaml", data) for index, data in enumerate(encoded))


def changed(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
    return text.replace(old, new)


def document(text: str) -> GuestNetwork:
    result = loaded(text)
    assert not errors(result), rendered(result)
    (only,) = result.documents
    return only


def errors(result: Loaded) -> list[Diagnostic]:
    return [each for each in result.diagnostics if each.severity is Severity.ERROR]


def summaries(result: Loaded) -> list[str]:
    return [each.summary for each in errors(result)]


def rendered(result: Loaded) -> str:
    """As a report prints it: place and first line, the source line with a caret, what would be right."""
    lines: list[str] = []
    for each in result.diagnostics:
        first, *right = each.detail.split("\n")
        kind = "" if each.severity is Severity.ERROR else f"{each.severity.value}: "
        lines.append(f"{each.at or '-'}: {kind}{first}")
        if each.at is not None and each.snippet is not None:
            same = each.at.end_line == each.at.line
            width = max(1, each.at.end_column - each.at.column if same else len(each.snippet) - each.at.column + 1)
            lines += ["    " + each.snippet, "    " + " " * (each.at.column - 1) + "^" * width]
        lines += ["    " + line for line in right]
    return "\n".join(lines) + "\n"


def pointed_at(text: str, diagnostic: Diagnostic) -> str:
    """What a diagnostic's range covers, cut out by lines and columns as an editor would."""
    assert diagnostic.at is not None
    lines = text.split("\n")[diagnostic.at.line - 1 : diagnostic.at.end_line]
    lines[-1] = lines[-1][: diagnostic.at.end_column - 1]
    lines[0] = lines[0][diagnostic.at.column - 1 :]
    return "\n".join(lines)


def ugly(text: str) -> str:
    """The same with four blanks a level and DOS line ends."""
    return text.replace("  ", "    ").replace("- name", "-   name").replace("\n", "\r\n")
