"""
All tests of the project.

Hypothesis draws the same examples in every run of one checkout, so that what passes here passes in CI; `HYPOTHESIS_PROFILE=hunt make test` draws new ones each
time. A defect that a hunt finds is written down as an example of its test. Without Hypothesis, in the environment that `make run` makes, the simulators run.
"""

from __future__ import annotations

import os
from contextlib import suppress

with suppress(ModuleNotFoundError):
    from hypothesis import HealthCheck, settings

    # how long an example takes says how busy the machine is, and nothing of the law
    patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("repeatable", patient, derandomize=True)
    settings.register_profile("hunt", patient, derandomize=False, max_examples=500)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
