"""Settings of all tests: the same examples every time, and one thread, so that results do not depend on the machine."""

import os

# Triton programs run on any machine by its interpreter, which is chosen when they are imported.
os.environ.setdefault("TRITON_INTERPRET", "1")
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import hypothesis
import torch

hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=2000, print_blob=True)
hypothesis.settings.register_profile("nightly", deadline=None, max_examples=2000, print_blob=True)
# a mutant need only be found, not made small
hypothesis.settings.register_profile(
    "mutation", derandomize=True, deadline=None, phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate]
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

torch.set_num_threads(1)
