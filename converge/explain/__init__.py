"""Readers of resources: where does a packet go, and what does a plan change about that? Pure; they know the kernel's rules, no
binding's.

`walk` follows one packet through a set of resources; `consequences` compares two sets, over every class of flows, in words.
"""

from converge.explain.consequence import Sentence, consequences, settled
from converge.explain.flow import Flow, Origin, follow
from converge.explain.pod import pod
from converge.explain.walk import Packet, Receiver, Trace, walk

__all__ = ["Flow", "Origin", "Packet", "Receiver", "Sentence", "Trace", "consequences", "follow", "pod", "settled", "walk"]
