"""Hostile values, for options and for arguments: what people, scripts and damaged files give, and worse."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import torch
from hypothesis import strategies as st
from torch import nn

WORDS = (
    "", " ", "0", "-0", "-1", "1", "2", "3.5", "1e-320", "1e400", "-1e400", "nan", "-nan", "inf", "-inf", "9" * 30,
    "1e9", "0x10", "1_0", "١٢", "true", "None", "null", "[]", "{}", "a=b", "=", "a=[", "--", "-", "-x", "--nope",
    "dense", "hard", "two\nlines", "\x00", "\ud800", "\u202e", "ﬀ", "é", "e\u0301", "🦄" * 80, "a" * 300, "a" * 5000,
    "%s", "[red]", "[/]", "{0}", "$HOME", "~", ".", "..", "/", "/dev/null", "/proc/self/mem", "/proc/aat", "a-file",
    "a-file/below", "a-folder", "empty.npz", "damaged.json", "nowhere", "nowhere/x.npz", "x.py", "broken.py",
)  # fmt: skip
words = st.sampled_from(WORDS) | st.text(max_size=20) | st.integers().map(str) | st.floats().map(str)
# Examples: of options of commands, and of arguments of functions.
NIGHTLY = hypothesis.settings.get_current_profile_name() == "nightly"
OF_COMMANDS, OF_FUNCTIONS = (10_000, 10_000) if NIGHTLY else (400, 1500)

# Arguments of functions, made anew for each call. Sizes beyond memory are beyond that of any machine: one that some
# machines have would be filled there, and take minutes.
TENSORS: tuple[Callable[[], Any], ...] = (
    lambda: torch.empty(0), lambda: torch.empty(2, 0), lambda: torch.tensor(1.0), lambda: torch.tensor([[1, 2]]),
    lambda: torch.tensor([[True, False]]), lambda: torch.full((2, 4), torch.nan), lambda: torch.full((2, 4), torch.inf),
    lambda: torch.full((2, 4), -torch.inf), lambda: torch.full((2, 4), 1e38), lambda: torch.full((2, 4), 1e-45),
    lambda: torch.zeros(2, 4, dtype=torch.complex64), lambda: torch.zeros(2, 4, dtype=torch.float16),
    lambda: torch.ones(2, 4, dtype=torch.float64), lambda: torch.zeros(2, 4, dtype=torch.bfloat16),
    lambda: torch.zeros(1, 2, 3, 4, 5), lambda: torch.zeros(2, 4).to_sparse(), lambda: torch.empty(2, 4, device="meta"),
    lambda: torch.ones(2, 4, requires_grad=True), lambda: torch.zeros(2, 4, dtype=torch.float8_e4m3fn),
    lambda: torch.tensor([0, 1]), lambda: torch.tensor([-1, 2**62]), lambda: torch.ones(1, 2, 2).to(torch.uint8),
    lambda: np.ones((2, 4)), lambda: np.array(["x"]), lambda: np.array([object()]), lambda: np.float64(2),
    lambda: np.int64(2), lambda: np.float32(2), lambda: torch.tensor(2), lambda: np.ma.masked,
)  # fmt: skip
NOTHING = (lambda *_, **__: None, lambda *_, **__: "x")
PLAIN: tuple[Any, ...] = (
    *NOTHING, None, True, False, -1, 0, 1, 2, 3, 5, 2**40, 2**70, 10**5000, -(2**70), 0.0, -0.0, 2.0, 2.5, 1e-320,
    1e308, math.nan, math.inf, -math.inf, 1j, "", "x", "entropic", "0", "R1", "digits", "\x00", "\ud800", "two\nlines",
    "🦄" * 80, "a" * 5000, b"", [], [1], [[]], [math.nan], [None], ["x"], {}, {"k": 1}, {1: "x"}, (), set(), object(),
    int, len, lambda: 1 / 0, range(3), nn.Linear, nn.Linear(4, 3), nn.Identity(), nn.Sequential(), nn.Conv2d(1, 1, 1),
    torch.optim.SGD,
    *(Path(path) for path in ("", ".", "/dev/null", "nowhere/é", "a-file/below", "a" * 5000, "\x00", "\ud800")),
)  # fmt: skip
# What would be right, and take for ever: so many steps, epochs, trials or images.
ENDLESS = tuple(value for value in PLAIN if type(value) is int and value > 5)
# Functions that fail when called with a number: where a function is asked for, their error is for who wrote them.
FAILING = tuple(value for value in PLAIN if callable(value) and value not in (int, *NOTHING))
