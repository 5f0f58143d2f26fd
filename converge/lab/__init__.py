"""Throw-away pods for the demo, the tests and the bench: network namespaces wired as a CNI would wire them.

Nothing here knows what converge does to a pod; the lab only makes the before, sends packets, and clears up. It acts in namespaces
that it makes itself, never in the host's own, and no part of the product imports it.

    run       run `ip` and small scripts, in a namespace or none
    pods      a few pods, a node and an outside host, reachable from each other
    herd      a thousand cheap pods in seconds, for the bench
    guest     a stand-in for the guest, on the far side of a pod's tap
    packets   who answers when this namespace asks that address?
    wire, talk   the child processes of guest and packets: standard library only, run as files
    demo      all of it, as a story with converge in the middle
"""
