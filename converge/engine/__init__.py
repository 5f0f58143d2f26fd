"""From two sets of resources to an ordered list of operations. Knows no kind and no binding by name."""

from converge.engine.diff import Scope, diff
from converge.engine.kinds import Kind, Kinds
from converge.engine.plan import effect, plan, replay
from converge.engine.state import State

__all__ = ["Kind", "Kinds", "Scope", "State", "diff", "effect", "plan", "replay"]
