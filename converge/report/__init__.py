"""What people and programs read: made from Results and plans, which are never written to. Pure; nothing here asks the kernel.

    Result -changes, document-> the public JSON value -text, check, unified-> lines for people

All text about plans is made from the JSON value, so no text can know more than the JSON does. Diagnostics likewise have one JSON
shape; carets, GitHub's commands and SARIF are renderings of it.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
"""An object of the public JSON. What is in it is added to, never changed."""
