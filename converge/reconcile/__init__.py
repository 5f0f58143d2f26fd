"""The arrows of the picture: lock, observe, plan, apply, verify, roll back. The only package that sees both sides.

Every verb is this: what is, what should be, the plan between them. `view` looks, `pod` acts on one, `pods` on many.
"""

from converge.reconcile.pod import Approve, reconcile, shows_loss
from converge.reconcile.pods import run
from converge.reconcile.prune import Unknown, anonymous, nothing, orphans
from converge.reconcile.record import record
from converge.reconcile.view import NOTHING, Look, look

__all__ = [
    "NOTHING",
    "Approve",
    "Look",
    "Unknown",
    "anonymous",
    "look",
    "nothing",
    "orphans",
    "reconcile",
    "record",
    "run",
    "shows_loss",
]
