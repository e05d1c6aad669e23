// Comparator networks, made at compile time and checked there on all 0-1 inputs (Knuth, TAOCP 3, section 5.3.4).
#pragma once

namespace {

struct Comparator {
    int high, low;  // afterwards the larger number is at `high`
};

template <int Capacity>
struct Network {
    Comparator at[Capacity > 0 ? Capacity : 1] = {};
    int size = 0;

    constexpr void add(int high, int low) { at[size++] = {high, low}; }
};

// Batcher's odd-even merge sort of M numbers, M a power of two, largest first.
template <int M>
constexpr auto sorter() {
    Network<M * 6> network;
    for (int p = 1; p < M; p *= 2)
        for (int k = p; k >= 1; k /= 2)
            for (int j = k % p; j + k < M; j += 2 * k)
                for (int i = 0; i < k && i + j + k < M; i++)
                    if ((i + j) / (2 * p) == (i + j + k) / (2 * p)) network.add(i + j, i + j + k);
    return network;
}

template <int M>
constexpr bool sorts() {
    constexpr auto network = sorter<M>();
    for (unsigned bits = 0; bits < 1u << M; bits++) {
        unsigned b = bits;
        for (int c = 0; c < network.size; c++) {
            const unsigned high = b >> network.at[c].high & 1, low = b >> network.at[c].low & 1;
            if (!high && low) b ^= 1u << network.at[c].high | 1u << network.at[c].low;
        }
        if (b & (b + 1)) return false;
    }
    return true;
}

// A valley of C bits: `left` ones, zeros, `right` ones. It is what the places j of max(L[j], N[C - 1 - j]) look like
// for sorted L (C numbers) and N (at most M of them, the rest -inf), by the 0-1 principle.
template <int C>
struct Bits {
    bool at[C] = {};

    constexpr Bits(int left, int right) {
        for (int j = 0; j < C; j++) at[j] = j < left || j >= C - right;
    }

    // Whether the comparator had something to do.
    constexpr bool apply(Comparator c) {
        if (at[c.high] || !at[c.low]) return false;
        at[c.high] = true;
        at[c.low] = false;
        return true;
    }

    constexpr bool sorted() const {
        for (int j = 1; j < C; j++)
            if (at[j] && !at[j - 1]) return false;
        return true;
    }
};

// Sorts every valley with at most M ones on the right: the bitonic merge of the next power of two, as if infinities came
// first, less the comparators that then never act.
template <int C, int M>
constexpr auto merger() {
    int width = 1;
    while (width < C) width *= 2;
    Network<C * 8> whole, needed;
    for (int step = width / 2; step >= 1; step /= 2)
        for (int i = width - C; i + step < width; i++)
            if (i / step % 2 == 0) whole.add(i - (width - C), i + step - (width - C));
    bool acts[C * 8] = {};
    for (int left = 0; left <= C; left++)
        for (int right = 0; right <= M && right <= C; right++) {
            Bits<C> bits(left, right);
            for (int c = 0; c < whole.size; c++)
                if (bits.apply(whole.at[c])) acts[c] = true;
        }
    for (int c = 0; c < whole.size; c++)
        if (acts[c]) needed.add(whole.at[c].high, whole.at[c].low);
    return needed;
}

template <int C, int M>
constexpr bool merges() {
    constexpr auto network = merger<C, M>();
    for (int left = 0; left <= C; left++)
        for (int right = 0; right <= M && right <= C; right++) {
            Bits<C> bits(left, right);
            for (int c = 0; c < network.size; c++) bits.apply(network.at[c]);
            if (!bits.sorted()) return false;
        }
    return true;
}

}  // namespace
