"""The nouns of converge, as values. Nothing here acts, and nothing is imported but the standard library.

They stand in the order in which data flows: text -> document -> facts -> resources -> changes -> operations -> plan -> result.
Every value is frozen, so desired, observed and result can never be mistaken for one another or written back into.
"""

from __future__ import annotations

from converge.model.intent import (
    Attachment,
    DhcpOptions,
    DnsConfig,
    DomainOptions,
    GuestNetwork,
    GuestOptions,
    Network,
    Nic,
    Ports,
    Reported,
    Target,
    VirtualFunction,
    Vlan,
)
from converge.model.places import (
    MOST_BYTES,
    Diagnostic,
    Position,
    Severity,
    Text,
)
from converge.model.plans import (
    Change,
    Operation,
    Outcome,
    Plan,
    Recorded,
    Result,
    Step,
    Value,
)
from converge.model.resources import (
    Attributes,
    Desired,
    Device,
    Dumps,
    Key,
    Observation,
    Origin,
    PodFacts,
    PodLink,
    ProcessDump,
    Resources,
    Snapshot,
)

__all__ = [
    "MOST_BYTES",
    "Attachment",
    "Attributes",
    "Change",
    "Desired",
    "Device",
    "DhcpOptions",
    "Diagnostic",
    "DnsConfig",
    "DomainOptions",
    "Dumps",
    "GuestNetwork",
    "GuestOptions",
    "Key",
    "Network",
    "Nic",
    "Observation",
    "Operation",
    "Origin",
    "Outcome",
    "Plan",
    "PodFacts",
    "PodLink",
    "Ports",
    "Position",
    "ProcessDump",
    "Recorded",
    "Reported",
    "Resources",
    "Result",
    "Severity",
    "Snapshot",
    "Step",
    "Target",
    "Text",
    "Value",
    "VirtualFunction",
    "Vlan",
]
