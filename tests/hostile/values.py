"""Hostile values for options: what people, scripts and damaged files give, and worse."""

from hypothesis import strategies as st

WORDS = (
    "", " ", "0", "-0", "-1", "1", "2", "3.5", "1e-320", "1e400", "-1e400", "nan", "-nan", "inf", "-inf", "9" * 30,
    "1e9", "0x10", "1_0", "١٢", "true", "None", "null", "[]", "{}", "a=b", "=", "a=[", "--", "-", "-x", "--nope",
    "dense", "hard", "two\nlines", "\x00", "\ud800", "\u202e", "ﬀ", "é", "e\u0301", "🦄" * 80, "a" * 300, "a" * 5000,
    "%s", "[red]", "[/]", "{0}", "$HOME", "~", ".", "..", "/", "/dev/null", "/proc/self/mem", "/proc/aat", "a-file",
    "a-file/below", "a-folder", "empty.npz", "damaged.json", "nowhere", "nowhere/x.npz", "x.py", "broken.py",
)  # fmt: skip
words = st.sampled_from(WORDS) | st.text(max_size=20) | st.integers().map(str) | st.floats().map(str)
