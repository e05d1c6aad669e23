"""The lane engine, compiled: :data:`LANES` trials (or points, or sample paths) abreast, as the lanes of SIMD registers.

The memory of a block of lanes is one array ``m`` of rows, a number for each lane, so that each loop over lanes becomes
vector instructions; ``at`` says in which row each part begins (:class:`Rows`), and weights and other points are known
by their first row. One array, because numba counts the references to each, and a count costs more than a step.
A point has O heads of ``at.units`` rows: its n units, padded to a multiple of :data:`UNITS` by weights of −∞ on
features of 1, votes which no head ever hears. All kernels live in this one file, since numba's cache on disk is renewed
when the file of a kernel changes, not when that of a function it calls does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import cfunc, njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from sim.stream import GAMMA, mix, scaled

LANES = 32
UNITS = 4

# What to find of a function: its value, its gradient, or both.
VALUE, SLOPE, BOTH = 1, 2, 3

DENSE, HARD, ENTROPIC, QUADRATIC = range(4)
ROUTING, LOGISTIC, SOFTMAX = range(3)

# As in aat.balance, which says why.
_PATIENCE, _MAX_STEPS = 10, 150
_EPSILON = 2.0**-52
_VECTOR = ir.VectorType(ir.DoubleType(), 8)
_ONE = np.uint64(1)
# 1/13!, 1/12! … 1/0!, and ln 2 in two parts, the first of which has few bits.
_TAYLOR = tuple(float(1 / np.prod(np.arange(1.0, n + 1))) for n in range(13, -1, -1))
_LN2_HIGH, _LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10
# 1/35, 1/33 … 1, in pairs: of a longer tuple LLVM does not unroll the loop.
_ARTANH = tuple((1 / n, 1 / (n - 2)) for n in range(35, 0, -4))


class Loss(NamedTuple):
    """A problem as arrays and numbers.

    Attributes:
        x: features, each sample's :func:`padded` by ones, flat.
        y: class or label of each sample as a number, (N,).
        support: target supports as bits, 64 units a word, flat (N·⌈n/64⌉); empty but for the routing loss.
        select: address of the :func:`selector` of the head.
        features, heads, k: n, O, K.
        head, loss: which; see the constants above.
        mu, offset: smoothing, and what a dense head adds to the sum.
        ridge: λ.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    support: NDArray[np.int64]
    select: int
    features: int
    heads: int
    k: int
    head: int
    loss: int
    mu: float
    offset: float
    ridge: float


class Rows(NamedTuple):
    """Where in the memory of a block the parts begin, and how many rows a head has.

    Attributes:
        units: n, padded.
        x: features of the sample, ``units`` rows.
        own: weights of the head that a sample teaches, ``units`` rows.
        lam: multipliers, O·``units`` rows.
        top: the largest votes, sorted.
        score, coef: of each head, O rows each.
        value, mean, norm: of the loss, the metric, and a point.
        tau, label, a, b, c, d, e: the threshold, the class, and five rows for passing use.
        points: where points may begin.
    """

    units: int
    x: int
    own: int
    lam: int
    top: int
    score: int
    coef: int
    value: int
    mean: int
    norm: int
    tau: int
    label: int
    a: int
    b: int
    c: int
    d: int
    e: int
    points: int


def padded(features: int) -> int:
    """Rows for so many units: the next multiple of :data:`UNITS`."""
    return -(-features // UNITS) * UNITS


def aligned(*rows: int) -> NDArray[np.float64]:
    """Rows of zeros that begin where a cache line does, so that no vector lies across two."""
    size = int(np.prod(rows)) * LANES
    whole = np.zeros(size + 8)
    skip = -whole.ctypes.data % 64 // 8
    return whole[skip : skip + size].reshape(*rows, LANES)


def memory(loss: Loss, places: int, points: int) -> tuple[NDArray[np.float64], NDArray[np.int64], Rows]:
    """Memory of one block: its rows, the sample and a word of the target of each lane, and the map of the rows.

    There is room for so many largest votes (``places``) and ``points``.
    """
    units = padded(loss.features)
    sizes = [units, units, loss.heads * units, places, loss.heads, loss.heads, *[1] * 10]
    at = Rows(units, *np.cumsum([0, *sizes]).tolist())
    m = aligned(at.points + points * loss.heads * units)
    m[at.x : at.own] = 1.0
    m[at.coef : at.value] = 1.0
    m[at.own : at.lam] = -np.inf
    m[at.points :] = -np.inf
    return m, np.zeros((2, LANES), np.int64), at


def compiled(function: Callable[..., Any]) -> Any:
    """``function`` by numba, without the GIL; kept on disk beside the source or in the user's cache, where one can be.

    Arithmetic stays IEEE's: no reassociation and no contraction, so that votes that tie do so in every engine.
    """
    try:
        return njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # no folder that can be written: compile anew in each process
        return njit(nogil=True, error_model="numpy")(function)


def _merged(one: list[Any], other: list[Any], exchange: Callable[[Any, Any], tuple[Any, Any]]) -> list[Any]:
    """Two lists, each with its largest first, as one: Batcher's odd–even merge; ``exchange`` puts the larger first."""
    if not one or not other:
        return one + other
    if len(one) == len(other) == 1:
        return [*exchange(one[0], other[0])]
    even, odd = (_merged(one[half::2], other[half::2], exchange) for half in (0, 1))
    pairs = [number for pair in zip(odd, even[1:], strict=False) for number in exchange(*pair)]
    return [even[0], *pairs, *even[len(odd) + 1 :], *odd[len(even) - 1 :]]


@intrinsic
def _insert(typing: Any, column: Any, lane: Any, votes: Any, like: Any) -> Any:
    """Insert the votes of a tuple into a sorted column, every ``LANES``-th number from ``column + lane`` on.

    Places are registers, as many as ``like`` has. An exchange costs a maximum and a minimum; LLVM drops those of which
    nothing reaches the column.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data, at, news, _ = arguments

        def exchange(one: Any, other: Any) -> tuple[Any, Any]:
            larger = builder.fcmp_ordered(">", one, other)
            return builder.select(larger, one, other), builder.select(larger, other, one)

        starts = [ir.Constant(at.type, place * LANES) for place in range(signature.args[3].count)]
        places = [builder.gep(data, [builder.add(at, start)]) for start in starts]
        a, b, c, d = ([builder.extract_value(news, unit)] for unit in range(UNITS))
        four = _merged(_merged(a, b, exchange), _merged(c, d, exchange), exchange)
        for place, number in zip(places, _merged([builder.load(p) for p in places], four, exchange), strict=False):
            builder.store(number, place)
        return context.get_dummy_value()

    return types.void(column, lane, votes, like), generate


@cache
def selector(places: int) -> Any:
    """The K largest votes for one K: a C function (memory, first rows of weights, features and result, n padded).

    Only this depends on K as code does, so only this is compiled for each K; the rest calls it by its address.
    """
    lowest = (-np.inf,) * places

    def select(m, weights, features, top, units):  # type: ignore[no-untyped-def]
        for place in range(len(lowest)):
            for lane in range(LANES):
                m[(top + place) * LANES + lane] = -np.inf
        for unit in range(0, units, UNITS):
            w, x = (weights + unit) * LANES, (features + unit) * LANES
            for lane in range(LANES):
                votes = (
                    m[w + lane] * m[x + lane],
                    m[w + LANES + lane] * m[x + LANES + lane],
                    m[w + 2 * LANES + lane] * m[x + 2 * LANES + lane],
                    m[w + 3 * LANES + lane] * m[x + 3 * LANES + lane],
                )
                _insert(m, top * LANES + lane, votes, lowest)

    signature = types.void(types.CPointer(types.float64), *[types.intp] * 4)
    try:
        return cfunc(signature, cache=True)(select)
    except RuntimeError:  # as in `compiled`
        return cfunc(signature)(select)


@intrinsic
def _select(typing: Any, address: Any, m: Any, weights: Any, features: Any, top: Any, units: Any) -> Any:
    """Call a :func:`selector` by its address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word, array, *numbers = arguments
        data = context.make_array(signature.args[1])(context, builder, value=array).data
        kind = ir.FunctionType(ir.VoidType(), [data.type, *(number.type for number in numbers)])
        builder.call(builder.inttoptr(word, kind.as_pointer()), [data, *numbers])
        return context.get_dummy_value()

    return types.void(address, m, weights, features, top, units), generate


def _place(context: Any, builder: Any, kind: Any, array: Any, row: Any, skip: int = 0) -> Any:
    """Address of a vector in a row, so many numbers on."""
    data = context.make_array(kind)(context, builder, value=array).data
    start = builder.add(builder.mul(row, ir.Constant(row.type, LANES)), ir.Constant(row.type, skip))
    return builder.bitcast(builder.gep(data, [start]), _VECTOR.as_pointer())


def _splat(builder: Any, number: Any) -> Any:
    vector = ir.Constant(_VECTOR, ir.Undefined)
    for lane in range(_VECTOR.count):
        vector = builder.insert_element(vector, number, ir.Constant(ir.IntType(32), lane))
    return vector


@intrinsic
def _spread(typing: Any, m: Any, row: Any, number: Any) -> Any:
    """Set a row to one number; in vectors, since LLVM unrolls a loop that only stores before it would make it these."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, row, number = arguments
        for lane in range(0, LANES, _VECTOR.count):
            place = _place(context, builder, signature.args[0], array, row, lane)
            builder.store(_splat(builder, number), place, align=8)
        return context.get_dummy_value()

    return types.void(m, types.intp, types.float64), generate


_mix, _scaled = compiled(mix), compiled(scaled)


@compiled
def exp(x):  # type: ignore[no-untyped-def]
    """e^x within 2 units in the last place for |x| ≤ 708, beyond which x is cut off; NaN of NaN.

    No call and no branch, so that it runs in all lanes at once.
    x = j ln 2 + r with |r| ≤ ln(2)/2, where Taylor's polynomial of degree 13 errs by less than 2^−57.
    """
    x = -708.0 if x < -708.0 else x
    x = 708.0 if x > 708.0 else x
    j = np.floor(x * 1.4426950408889634 + 0.5)
    r = (x - j * _LN2_HIGH) - j * _LN2_LOW
    p = 0.0
    for c in _TAYLOR:
        p = p * r + c
    return p * np.int64((np.int64(j) + 1023) << 52).view(np.float64)


@compiled
def log1p(x):  # type: ignore[no-untyped-def]
    """ln(1 + x) within 2 units in the last place for 0 ≤ x ≤ 1; NaN of NaN. No call and no branch, as in :func:`exp`.

    It is 2 artanh s with s = x/(2 + x) ≤ 1/3, where the series to s^35 errs by less than 2^−62.
    """
    s = x / (2 + x)
    p = 0.0
    for odd, even in _ARTANH:
        p = (p * (s * s) + odd) * (s * s) + even
    return 2 * s * p


@compiled
def _set(m, row, rows, value):  # type: ignore[no-untyped-def]
    for r in range(row, row + rows):
        _spread(m, r, value)


@compiled
def _copy(m, source, target, rows):  # type: ignore[no-untyped-def]
    for r in range(rows):
        for lane in range(LANES):
            m[target + r, lane] = m[source + r, lane]


@compiled
def _add(m, source, target, rows):  # type: ignore[no-untyped-def]
    for r in range(rows):
        for lane in range(LANES):
            m[target + r, lane] += m[source + r, lane]


@compiled
def _draw(key, first_lane, t, samples, bits, index):  # type: ignore[no-untyped-def]
    row = _mix(key + (t + 1) * GAMMA)
    for lane in range(LANES):
        index[0, lane] = _scaled(_mix(row + (first_lane + lane + 1) * GAMMA), samples, bits)


@compiled
def _all_draw(sample, index):  # type: ignore[no-untyped-def]
    for lane in range(LANES):
        index[0, lane] = sample


@compiled
def _fetch(x, units, m, index, row, together):  # type: ignore[no-untyped-def]
    """The features of each lane's sample; ``together`` says that all lanes have the same one.

    Only in functions like this one is memory read by a computed place: the compiler, which cannot know that it is not
    written to in between, would turn no loop into vector instructions that did so beside its arithmetic.
    """
    if together:
        start = index[0, 0] * units
        for unit in range(units):
            _spread(m, row + unit, x[start + unit])
        return
    for unit in range(0, units, UNITS):
        for lane in range(LANES):
            # unsigned, so that no place is taken to count from the end
            place = np.uint64(index[0, lane] * units + unit)
            m[row + unit, lane] = x[place]
            m[row + unit + 1, lane] = x[place + _ONE]
            m[row + unit + 2, lane] = x[place + _ONE + _ONE]
            m[row + unit + 3, lane] = x[place + _ONE + _ONE + _ONE]


@compiled
def _label(y, m, index, row):  # type: ignore[no-untyped-def]
    """The class of each lane's sample."""
    for lane in range(LANES):
        m[row, lane] = y[np.uint64(index[0, lane])]


@compiled
def _own(n, units, m, label, w, own):  # type: ignore[no-untyped-def]
    """The weights of the one head that each lane's sample teaches."""
    for unit in range(n):
        for lane in range(LANES):
            m[own + unit, lane] = m[w + int(m[label, lane]) * units + unit, lane]


@compiled
def _dense(n, offset, m, x, w, lam, score):  # type: ignore[no-untyped-def]
    _set(m, score, 1, offset)
    _set(m, lam, n, 1.0)
    for unit in range(n):
        for lane in range(LANES):
            m[score, lane] += m[w + unit, lane] * m[x + unit, lane]


@compiled
def _sum(k, m, top, tau, room, score):  # type: ignore[no-untyped-def]
    """Threshold, sum, and how many of the votes at the threshold are among the K largest."""
    _copy(m, top + k - 1, tau, 1)
    _set(m, room, 1, k)
    _set(m, score, 1, 0.0)
    for place in range(top, top + k):
        for lane in range(LANES):
            m[score, lane] += m[place, lane]
            m[room, lane] -= 1.0 if m[place, lane] > m[tau, lane] else 0.0


@compiled
def _hard(n, m, x, w, lam, tau, room):  # type: ignore[no-untyped-def]
    """The mask: every vote above the threshold, then the first of those equal to it."""
    for unit in range(n):
        for lane in range(LANES):
            vote = m[w + unit, lane] * m[x + unit, lane]
            tie = 1.0 if (vote == m[tau, lane]) & (m[room, lane] > 0) else 0.0
            m[room, lane] -= tie
            m[lam + unit, lane] = 1.0 if vote > m[tau, lane] else tie


@compiled
def _pass_nan_on(n, m, x, w, score):  # type: ignore[no-untyped-def]
    """NaN for the score if a vote is NaN: by comparisons alone it could be lost, and a run that diverged pass."""
    for unit in range(n):
        for lane in range(LANES):
            vote = m[w + unit, lane] * m[x + unit, lane]
            m[score, lane] += 0.0 if vote == vote else np.nan


@compiled
def _soft(n, k, entropic, mu, m, at, w, lam):  # type: ignore[no-untyped-def]
    """Smoothed multipliers, by the iteration of aat.balance."""
    theta, low, high, total, slope = at.a, at.b, at.c, at.d, at.e
    for lane in range(LANES):
        tau = m[at.top + k - 1, lane]
        gap = min((tau - m[at.top + k, lane]) / mu, 200.0 if entropic else 1.0)
        m[at.tau, lane] = tau
        m[low, lane] = -gap - np.log(2.0 * k) if entropic else -2.0
        m[high, lane] = np.log(2.0 * (n - k)) if entropic else 0.0
        m[theta, lane] = -gap / 2 if entropic else -(1 + gap) / 2
    for unit in range(n):
        for lane in range(LANES):
            m[lam + unit, lane] = (m[w + unit, lane] * m[at.x + unit, lane] - m[at.tau, lane]) / mu
    tolerance = 4 * k * _EPSILON
    for step in range(_MAX_STEPS):
        _set(m, total, 2, 0.0)
        if entropic:
            for unit in range(n):
                for lane in range(LANES):
                    multiplier = 1 / (1 + exp(m[theta, lane] - m[lam + unit, lane]))
                    m[total, lane] += multiplier
                    m[slope, lane] += multiplier - multiplier * multiplier
        else:
            for unit in range(n):
                for lane in range(LANES):
                    multiplier = min(max(m[lam + unit, lane] - m[theta, lane], 0.0), 1.0)
                    m[total, lane] += multiplier
                    m[slope, lane] += 1.0 if (multiplier > 0) & (multiplier < 1) else 0.0
        unsolved = 0
        for lane in range(LANES):
            here, there = m[theta, lane], m[total, lane]
            surplus = there - k
            if abs(surplus) > tolerance:
                unsolved += 1
                if surplus > 0:
                    m[low, lane] = here
                else:
                    m[high, lane] = here
                trial = (m[low, lane] + m[high, lane]) / 2
                if step < _PATIENCE or step % 2 == 0:
                    newton = surplus / m[slope, lane]
                    if entropic:
                        rest = n - there
                        newton = np.log(there * ((n - k) / k) / rest) * there * rest / (n * m[slope, lane])
                    if m[low, lane] < here + newton < m[high, lane]:
                        trial = here + newton
                m[theta, lane] = trial
        if unsolved == 0:
            break
    for unit in range(n):
        for lane in range(LANES):
            z = m[lam + unit, lane] - m[theta, lane]
            m[lam + unit, lane] = 1 / (1 + exp(-z)) if entropic else min(max(z, 0.0), 1.0)


@compiled
def _excess(n, entropic, mu, m, at, w, lam, score):  # type: ignore[no-untyped-def]
    """Add to the sum of the K largest votes what smoothing adds, as aat.smoothing writes it.

    A factor of the entropic excess is at least 1/(n+1), so that sixteen of them can share a logarithm.
    """
    room, product, excess = at.a, at.b, at.c
    _set(m, product, 1, 1.0)
    _set(m, excess, 1, 0.0)
    for unit in range(n):
        for lane in range(LANES):
            distance = m[w + unit, lane] * m[at.x + unit, lane] - m[at.tau, lane]
            tie = 1.0 if (distance == 0) & (m[room, lane] > 0) else 0.0
            m[room, lane] -= tie
            kept, share = (1.0 if distance > 0 else tie), m[lam + unit, lane]
            near = min(max(distance / mu, -1.0), 1.0)
            m[product, lane] *= share if kept > 0 else 1 - share
            m[excess, lane] += (share - kept) * near - share * share / 2
        if entropic and (unit % 16 == 15 or unit == n - 1):
            for lane in range(LANES):
                m[score, lane] -= mu * np.log(m[product, lane])
                m[product, lane] = 1.0
    if not entropic:
        for lane in range(LANES):
            m[score, lane] += mu * m[excess, lane]


@compiled
def _listen(loss, m, at, w, lam, score, valued, masked, finite):  # type: ignore[no-untyped-def]
    """Multipliers of one head, and its score where that is needed; always, if ``valued``.

    Of a hard head the mask is left out unless ``masked``; its score is NaN if a vote is, unless ``finite``.
    """
    n, k = loss.features, loss.k
    if loss.head == DENSE:
        _dense(n, loss.offset, m, at.x, w, lam, score)
        return
    _select(loss.select, m, w, at.x, at.top, at.units)
    if loss.head == HARD:
        _sum(k, m, at.top, at.tau, at.a, score)
        if masked:
            _hard(n, m, at.x, w, lam, at.tau, at.a)
        if not finite:
            _pass_nan_on(n, m, at.x, w, score)
        return
    entropic = loss.head == ENTROPIC
    _soft(n, k, entropic, loss.mu, m, at, w, lam)
    if valued or loss.loss != ROUTING:
        _sum(k, m, at.top, at.tau, at.a, score)
        _excess(n, entropic, loss.mu, m, at, w, lam, score)


@compiled
def _targets(support, words, first, index):  # type: ignore[no-untyped-def]
    """The word of the target support that has unit ``first`` as its lowest."""
    for lane in range(LANES):
        index[1, lane] = support[np.uint64(index[0, lane] * words + first // 64)]


@compiled
def _routing(support, n, heads, m, index, at, w, valued, masked):  # type: ignore[no-untyped-def]
    """λ − 1_S, for the head that the sample teaches, if ``masked``; the value, if ``valued``."""
    words = (n + 63) // 64
    if heads > 1:
        for head in range(heads):
            for lane in range(LANES):
                m[at.coef + head, lane] = 1.0 if m[at.label, lane] == head else 0.0
    if valued:
        _copy(m, at.score, at.value, 1)
    for first in range(0, n, 64):
        _targets(support, words, first, index)
        for unit in range(first, min(first + 64, n)):
            if masked:
                for lane in range(LANES):
                    m[at.lam + unit, lane] -= (index[1, lane] >> (unit - first)) & 1
            if valued:
                for lane in range(LANES):
                    vote = m[w + unit, lane] * m[at.x + unit, lane]
                    m[at.value, lane] -= vote * ((index[1, lane] >> (unit - first)) & 1)


@compiled
def _logistic(m, at, valued):  # type: ignore[no-untyped-def]
    for lane in range(LANES):
        z = -m[at.label, lane] * m[at.score, lane]
        m[at.coef, lane] = -m[at.label, lane] / (1 + exp(-z))
    if valued:
        for lane in range(LANES):
            z = -m[at.label, lane] * m[at.score, lane]
            m[at.value, lane] = (z if z > 0 else 0.0) + log1p(exp(-abs(z)))


@compiled
def _softmax(heads, m, at, valued):  # type: ignore[no-untyped-def]
    largest, total = at.a, at.b
    _copy(m, at.score, largest, 1)
    _set(m, total, 1, 0.0)
    for head in range(heads):
        for lane in range(LANES):
            m[largest, lane] = max(m[largest, lane], m[at.score + head, lane])
    for head in range(heads):
        for lane in range(LANES):
            m[at.coef + head, lane] = exp(m[at.score + head, lane] - m[largest, lane])
            m[total, lane] += m[at.coef + head, lane]
    for head in range(heads):
        for lane in range(LANES):
            right = 1.0 if m[at.label, lane] == head else 0.0
            m[at.coef + head, lane] = m[at.coef + head, lane] / m[total, lane] - right
    if valued:
        for lane in range(LANES):
            right = m[at.score + int(m[at.label, lane]), lane]
            m[at.value, lane] = m[largest, lane] + np.log(m[total, lane]) - right


@compiled
def _move(n, factor, ridge, m, coef, lam, x, w, out):  # type: ignore[no-untyped-def]
    """Add ``factor`` times the gradient of one head to the rows from ``out`` on."""
    if ridge > 0:
        for unit in range(n):
            for lane in range(LANES):
                gradient = m[coef, lane] * m[lam + unit, lane] * m[x + unit, lane] + ridge * m[w + unit, lane]
                m[out + unit, lane] += factor * gradient
    else:
        for unit in range(n):
            for lane in range(LANES):
                m[out + unit, lane] += factor * (m[coef, lane] * m[lam + unit, lane] * m[x + unit, lane])


@intrinsic
def _teach(typing: Any, m: Any, factor: Any, w: Any, x: Any, out: Any, target: Any, tau: Any, room: Any, c: Any) -> Any:
    """Add ``factor`` times the gradient of one hard head at :data:`UNITS` units of it.

    In vectors, since the compiler would have to ask at run time, for each pair of rows, whether they are one.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, factor, w, x, out, target, tau, room, c = arguments
        place = partial(_place, context, builder, signature.args[0], array)
        factors = _splat(builder, factor)
        zeros, ones = (_splat(builder, ir.Constant(ir.DoubleType(), constant)) for constant in (0.0, 1.0))
        for lane in range(0, LANES, _VECTOR.count):
            threshold, left, scale = (builder.load(place(row, lane), align=8) for row in (tau, room, c))
            for skip in range(lane, lane + UNITS * LANES, LANES):
                weight, feature, right = (builder.load(place(row, skip), align=8) for row in (w, x, target))
                vote = builder.fmul(weight, feature)
                equal, free = builder.fcmp_ordered("==", vote, threshold), builder.fcmp_ordered(">", left, zeros)
                tie = builder.select(builder.and_(equal, free), ones, zeros)
                left = builder.fsub(left, tie)
                lam = builder.fsub(builder.select(builder.fcmp_ordered(">", vote, threshold), ones, tie), right)
                step = builder.fmul(factors, builder.fmul(builder.fmul(scale, lam), feature))
                moved = place(out, skip)
                builder.store(builder.fadd(builder.load(moved, align=8), step), moved, align=8)
            builder.store(left, place(room, lane), align=8)
        return context.get_dummy_value()

    return types.void(m, factor, *[types.intp] * 7), generate


@compiled
def _move_hard(support, n, factor, m, index, at, w, out):  # type: ignore[no-untyped-def]
    """What :func:`_hard`, :func:`_routing` and :func:`_move` do for one hard head, in one pass over its units.

    ``support`` is empty but for the routing loss.
    """
    words = (n + 63) // 64
    _set(m, at.b, UNITS, 0.0)
    for first in range(0, n, 64):
        if len(support):
            _targets(support, words, first, index)
        for unit in range(first, min(first + 64, n), UNITS):
            if len(support):
                for r in range(UNITS):
                    for lane in range(LANES):
                        m[at.b + r, lane] = (index[1, lane] >> (unit + r - first)) & 1
            _teach(m, factor, w + unit, at.x + unit, out + unit, at.b, at.tau, at.a, at.coef)


@compiled
def _differentiate(loss, m, index, at, w, out, factor, wanted, together, finite):  # type: ignore[no-untyped-def]
    """Add ``factor`` times ∇f of each lane's sample, at the point ``w``, to the point ``out``, which may be the same.

    What is wanted may also be the value f, in the row ``at.value``. All lanes have one sample if ``together``.
    ``finite`` says that no weight is infinite or NaN, or that none need be passed on to the value.
    """
    n, units, ridge, valued = loss.features, at.units, loss.ridge, wanted != SLOPE
    routing, fused = loss.loss == ROUTING, loss.head == HARD and loss.heads == 1 and ridge == 0
    masked = wanted != VALUE and not fused
    _fetch(loss.x, units, m, index, at.x, together)
    _label(loss.y, m, index, at.label)
    if routing:
        own = w
        if loss.heads > 1:
            own = at.own
            _own(n, units, m, at.label, w, own)
        _listen(loss, m, at, own, at.lam, at.score, valued, masked, finite)
        _routing(loss.support, n, loss.heads, m, index, at, own, valued, masked)
    else:
        for head in range(loss.heads):
            _listen(loss, m, at, w + head * units, at.lam + head * units, at.score + head, valued, masked, finite)
        if loss.loss == LOGISTIC:
            _logistic(m, at, valued)
        else:
            _softmax(loss.heads, m, at, valued)
    if fused:
        if wanted != VALUE:
            _move_hard(loss.support, n, factor, m, index, at, w, out)
        return
    for head in range(loss.heads):
        skip = head * units
        for unit in range(n if valued and ridge > 0 else 0):
            for lane in range(LANES):
                m[at.value, lane] += ridge / 2 * m[w + skip + unit, lane] ** 2
        if wanted != VALUE:
            _move(n, factor, ridge, m, at.coef + head, at.lam + (0 if routing else skip), at.x, w + skip, out + skip)


@compiled
def walk(  # type: ignore[no-untyped-def]
    loss, m, index, at, averaged, key, bits, first_lane, first, stop, sizes, times, order, done, points
):
    """SGD, in place, at the times ``first`` … ``stop`` − 1: copy points of interest, then step, if there is a step.

    Args:
        m, index, at: memory with two points, the iterates and the sums of all that were before.
        averaged: whether averages of w_0 … w_t are of interest, or the iterates w_t.
        key, bits, first_lane: of the stream.
        sizes: −η_t of all steps; at later times none is taken.
        times: when to copy, (looks, trials).
        order: the places of the block's lanes in them, by increasing t.
        done: how many of these are before ``first``; those before ``stop`` are returned.
        points: (looks, trials, O·n).
    """
    n, size, w, lanes = loss.features, loss.heads * at.units, at.points, min(LANES, times.shape[1] - first_lane)
    for t in range(first, stop):
        if averaged:
            _add(m, w, w + size, size)
        while done < len(order):
            look, lane = order[done] // lanes, order[done] % lanes
            if times[look, first_lane + lane] > t:
                break
            for head in range(loss.heads):
                for unit in range(n):
                    row = w + head * at.units + unit
                    here = m[row + size, lane] / (t + 1) if averaged else m[row, lane]
                    points[look, first_lane + lane, head * n + unit] = here
            done += 1
        if t < len(sizes):
            _draw(key, first_lane, t, len(loss.y), bits, index)
            _differentiate(loss, m, index, at, w, w, sizes[t], SLOPE, False, True)
    return done


@compiled
def _is_finite(loss, m, at, w):  # type: ignore[no-untyped-def]
    """Whether no weight of the point is infinite or NaN; if so, as all features are finite, no vote is NaN."""
    _set(m, at.a, 1, 0.0)
    for head in range(loss.heads):
        for unit in range(loss.features):
            for lane in range(LANES):
                m[at.a, lane] += 0.0 * m[w + head * at.units + unit, lane]
    return np.all(m[at.a] == 0)


@compiled
def _mean(loss, m, index, at, w, gradient, wanted, row):  # type: ignore[no-untyped-def]
    """F at the point ``w`` into a row, ∇F into the point ``gradient``; if ∇F only is wanted, ‖∇F‖² into the row."""
    samples, size = len(loss.y), loss.heads * at.units
    finite = _is_finite(loss, m, at, w)
    _set(m, row, 1, 0.0)
    if wanted != VALUE:
        _set(m, gradient, size, 0.0)
    for sample in range(samples):
        _all_draw(sample, index)
        _differentiate(loss, m, index, at, w, gradient, 1.0, wanted, True, finite)
        if wanted != SLOPE:
            _add(m, at.value, row, 1)
    for lane in range(LANES):
        m[row, lane] /= samples
    if wanted != VALUE:
        for r in range(gradient, gradient + size):
            for lane in range(LANES):
                m[r, lane] /= samples
                if wanted == SLOPE:
                    m[row, lane] += m[r, lane] ** 2


@compiled
def survey(loss, m, index, at, points, wanted, values, slopes):  # type: ignore[no-untyped-def]
    """What is wanted of F and ∇F at points, ``LANES`` of them at a time.

    Args:
        m, index, at: memory with two points.
        points: (P, O·n).
        values: (P,), for F.
        slopes: (P, O·n), for ∇F.
    """
    n, w, size = loss.features, at.points, loss.heads * at.units
    for first in range(0, len(points), LANES):
        used = min(LANES, len(points) - first)
        for lane in range(LANES):
            here = first + min(lane, used - 1)  # lanes without a point of their own repeat the last one
            for head in range(loss.heads):
                for unit in range(n):
                    m[w + head * at.units + unit, lane] = points[here, head * n + unit]
        _mean(loss, m, index, at, w, w + size, wanted, at.mean)
        for lane in range(used):
            if wanted != SLOPE:
                values[first + lane] = m[at.mean, lane]
            if wanted != VALUE:
                for head in range(loss.heads):
                    for unit in range(n):
                        slopes[first + lane, head * n + unit] = m[w + size + head * at.units + unit, lane]


# The points of a tree: three for passing use, then for each level the iterate and the sum of all so far.
_POINT, _GRADIENT, FAR, LEVELS = range(4)


def tree_points(levels: int) -> int:
    """The points that :func:`grow` needs, for levels 0 … T."""
    return LEVELS + 2 * levels


@compiled
def _measure(loss, m, index, at, mean, t, squared, averaged):  # type: ignore[no-untyped-def]
    """Add the metric at the node of level t to the mean over what is below it."""
    size = loss.heads * at.units
    point, far = at.points + _POINT * size, at.points + FAR * size
    w = at.points + (LEVELS + 2 * t + averaged) * size
    for r in range(size):
        for lane in range(LANES):
            m[point + r, lane] = m[w + r, lane] / (t + 1) if averaged else m[w + r, lane]
    _mean(loss, m, index, at, point, at.points + _GRADIENT * size, SLOPE if squared else VALUE, at.mean)
    _set(m, at.norm, 1, 0.0)
    for head in range(loss.heads):
        for r in range(point + head * at.units, point + head * at.units + loss.features):
            for lane in range(LANES):
                m[at.norm, lane] += m[r, lane] ** 2
    for lane in range(LANES):
        mean[t, lane] += m[at.mean, lane]
        mean[-2, lane] = max(mean[-2, lane], abs(m[at.mean, lane]))
        if m[at.norm, lane] > mean[-1, lane]:
            mean[-1, lane] = m[at.norm, lane]
            for r in range(size):
                m[far + r, lane] = m[point + r, lane]


@compiled
def _descend(loss, m, index, at, t, size):  # type: ignore[no-untyped-def]
    """The point of level t + 1: one step of ``size`` = −η on each lane's sample."""
    rows = loss.heads * at.units
    w = at.points + (LEVELS + 2 * t) * rows
    _copy(m, w, w + 2 * rows, rows)
    _differentiate(loss, m, index, at, w + 2 * rows, w + 2 * rows, size, SLOPE, False, True)
    for r in range(rows):
        for lane in range(LANES):
            m[w + 3 * rows + r, lane] = m[w + rows + r, lane] + m[w + 2 * rows + r, lane]


@compiled
def grow(  # type: ignore[no-untyped-def]
    loss, m, index, at, mean, child, first_path, prefix, sizes, begin, squared, averaged
):
    """Each lane walks its own first ``prefix`` steps, those of path ``first_path`` + lane; below, all walk abreast.

    Args:
        m, index, at: memory with the points of a tree, of which level 0 is given.
        mean: zeros, (T + 3, lanes). Row 0 becomes the sum over times of the mean of the metric below the lane's
            prefix; the last two rows the largest metric, and the largest squared norm of a point.
        child: zeros, (T + 1,).
        first_path, prefix: see above.
        sizes: −η_t, T of them.
        begin: the first time at which to measure; the last is T.
        squared, averaged: whether the metric is ‖∇F‖², else F; at the average of the iterates, else the iterate.

    A mean over the tree is a mean of means, level by level: its rounding grows with T, not with N^T.
    """
    samples, last = len(loss.y), len(sizes)
    if begin == 0:
        _measure(loss, m, index, at, mean, 0, squared, averaged)
    for t in range(prefix):
        for lane in range(LANES):
            index[0, lane] = (first_path + lane) // samples ** (prefix - 1 - t) % samples
        _descend(loss, m, index, at, t, sizes[t])
        if begin <= t + 1:
            _measure(loss, m, index, at, mean, t + 1, squared, averaged)
    t = prefix
    while True:
        if t < last and child[t] < samples:
            _all_draw(child[t], index)
            child[t] += 1
            _descend(loss, m, index, at, t, sizes[t])
            t += 1
            child[t] = 0
            for lane in range(LANES):
                mean[t, lane] = 0.0
            if begin <= t:
                _measure(loss, m, index, at, mean, t, squared, averaged)
        elif t > prefix:
            for lane in range(LANES):
                mean[t - 1, lane] += mean[t, lane] / samples
            t -= 1
        else:
            break
    for t in range(prefix, 0, -1):
        for lane in range(LANES):
            mean[t - 1, lane] += mean[t, lane]
