"""Places in files, what is wrong there, and the files themselves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A range of text. Lines and columns count from 1, columns in characters; the end is exclusive."""

    filename: str
    line: int
    column: int
    end_line: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        return f"{self.filename}:{self.line}:{self.column}"


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Something wrong (or worth knowing), with its place.

    `summary` is fixed for one kind of mistake and holds no names, so that readers learn to recognise it. The first line of
    `detail` is this case in one sentence; the further ones say what would be right. `cause` is the Kubernetes cause type and
    field path where KubeVirt's admission has the same rule (reference section 1.5), e.g. ("FieldValueInvalid", "spec.networks").
    """

    summary: str
    detail: str
    at: Position | None = None
    severity: Severity = Severity.ERROR
    nic: str | None = None
    snippet: str | None = None
    cause: tuple[str, str] | None = None


MOST_BYTES = 1 << 20
"""Of one file. Whoever reads text stops here, so that nothing larger is ever parsed."""


@dataclass(frozen=True, slots=True)
class Text:
    """One file as it was read. `filename` is what diagnostics print."""

    filename: str
    data: bytes
