"""Virtual functions are set for real: in a guest whose kernel simulates a card that has some.

What is interrupted takes minutes there, so here are only two rows of it; `./just under-debian --netdevsim
tests/kernel/test_vf_interrupted.py` runs all.
"""

from __future__ import annotations

import io

from tests.guest import full_kernel

INTERRUPTED = "tests/kernel/test_vf_interrupted.py"
TESTS = (
    "tests/kernel/test_vf.py",
    f"{INTERRUPTED}::test_killed_anywhere[wired]",
    f"{INTERRUPTED}::test_fails_anywhere[wired-half done]",
)


def test_functions_are_set_on_a_simulated_card() -> None:
    out = io.StringIO()
    code = full_kernel.run([full_kernel.NETDEVSIM, *TESTS, "-q"], out, most_seconds=900)
    print(out.getvalue())
    assert code == 0, out.getvalue()
    assert "skipped" not in out.getvalue()
