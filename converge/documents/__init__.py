"""Documents: text -> Document -> GuestNetwork. Pure: bytes come in, values go out.

The files in the order in which data flows: text, nodes, compose (YAML with places); scalars, fields (reading nodes);
schema, schema_errors; envelope (which kinds); guest_network, kubevirt (each kind -> Draft); check_*, binding_rules (rules
over a Draft); build; load.
"""

from converge.documents.load import Loaded, load
from converge.documents.schema import KINDS, schema
from converge.model import MOST_BYTES, Text

__all__ = ["KINDS", "MOST_BYTES", "Loaded", "Text", "load", "schema"]
