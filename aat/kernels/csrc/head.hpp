// The hard AAT head, z[b, o] = bias[o] + the sum of the K largest of x[b, i] w[o, i], without its B x O x n votes.
//
// Lanes of a SIMD register are outputs: the weights are packed in tiles of LANES outputs, unit by unit. Of each sample
// the units are ordered by |x|, largest first, once for all outputs; a tile visits them in this order and stops where
// the next |x| times the largest |w| of a lane is below the K-th largest vote of that lane, for all lanes. Votes are
// taken M at a time: a sorting network puts them in order, a merging one joins them to the C > K largest so far, all by
// minima and maxima, without a branch on data. The (K+1)-th largest tells whether votes tie at the threshold.
//
// Minima and maxima are those of integers: floating-point numbers that are not negative order as their bits do, and on
// some machines this is twice as fast. If a threshold turns out negative the tile is done again with ordered keys.
//
// The backward pass visits the same units and compares each vote with the threshold. Only where votes tie and not all
// of them are kept does it go through all units in their own order, since the lowest ones are kept.
//
// One source for all instruction sets: the flags decide the width of a register. Each has a file that includes this one.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>

#ifdef __SSE2__
#include <immintrin.h>
#endif

#include "memory.hpp"
#include "network.hpp"
#include "threads.hpp"

#ifdef __AVX512F__
constexpr int WIDTH = 64;
#elif defined(__AVX2__)
constexpr int WIDTH = 32;
#else
constexpr int WIDTH = 16;
#endif

namespace {

template <class T>
struct Simd;

template <>
struct Simd<float> {
    using Int = int32_t;
    typedef float V __attribute__((vector_size(WIDTH)));
    typedef int32_t I __attribute__((vector_size(WIDTH)));
    static constexpr int BUCKET_SHIFT = 19;  // the exponent and four more bits
};

template <>
struct Simd<double> {
    using Int = int64_t;
    typedef double V __attribute__((vector_size(WIDTH)));
    typedef int64_t I __attribute__((vector_size(WIDTH)));
    static constexpr int BUCKET_SHIFT = 48;
};

constexpr int BUCKETS = 256;    // of |x| below the largest, sixteen an octave
constexpr int64_t BLOCK = 256;  // samples that go through the tiles together, so that a tile stays in the cache
constexpr int LARGEST_K = 64;
constexpr int64_t FETCHED = 128;  // units of a sample that most tiles do not go beyond

// --- Packing and ordering ---

// What became of a call. Where a number is not finite the result is worth nothing, and the caller goes another way;
// where threads are refused nothing was done.
enum Outcome { DONE, NOT_FINITE, NO_MEMORY, REFUSED };

template <class T>
struct Head {
    using S = Simd<T>;
    using V = typename S::V;
    using I = typename S::I;
    using Int = typename S::Int;
    static constexpr int LANES = WIDTH / sizeof(T);
    static constexpr Int LOWEST = Int(1) << (8 * sizeof(T) - 1);

    static I bits(V v) { return (I)v; }
    static V number(I i) { return (V)i; }
    static I larger(I a, I b) { return a > b ? a : b; }
    static I smaller(I a, I b) { return a > b ? b : a; }
    // Own inverse: turns the bits of negative numbers round, so that integers order as the numbers do.
    static I ordered(I i) { return i ^ ((i >> (8 * sizeof(T) - 1)) & ~LOWEST); }

    // What is added to a product makes +0 of -0, which as numbers tie.
    static V vote(T x, V w) { return x * w + (V){}; }

    // The bits of infinity: of a number that is not finite they are as large, or larger.
    static Int infinity() {
        const T value = INFINITY;
        Int b;
        std::memcpy(&b, &value, sizeof b);
        return b;
    }

    // One tile: a row of LANES weights for each unit, then a row of -inf, which no head ever hears. A square of numbers
    // at a time, to read and to write whole cache lines. Returns whether all are finite.
    static bool pack(const Shape& s, const T* w, int64_t tile, V* rows, V& largest) {
        const int64_t o = tile * LANES, lanes = o + LANES <= s.O ? LANES : s.O - o;
        I most = {};
        for (int64_t first = 0; first < s.n; first += LANES) {
            const int64_t units = first + LANES <= s.n ? LANES : s.n - first;
            T square[LANES][LANES] = {};
            for (int64_t lane = 0; lane < lanes; lane++)
                for (int64_t i = 0; i < units; i++) square[i][lane] = w[(o + lane) * s.n + first + i];
            std::memcpy(static_cast<void*>(rows + first), square, units * sizeof(V));
            for (int64_t i = 0; i < units; i++) most = larger(most, bits(rows[first + i]) & ~((I){} + LOWEST));
        }
        largest = number(most);
        rows[s.n] = (V){} - T(INFINITY);
        return !any_negative(~(most < infinity()));
    }

    // The units of a sample by |x|, largest first up to a sixteenth of an octave.
    static void order(const Shape& s, const T* x, int32_t* unit, T* value, int32_t* zeros, int32_t* places) {
        Int largest = 0;
        int32_t some = 0, none = 0;
        auto size = [&](int64_t i) {
            Int b;
            std::memcpy(&b, x + i, sizeof b);
            return Int(b & ~LOWEST);
        };
        // zeros are many after a ReLU, and last in any order
        for (int64_t i = 0; i < s.n; i++) {
            const Int here = size(i);
            largest = here > largest ? here : largest;
            unit[some] = int32_t(i);
            zeros[none] = int32_t(i);
            some += here != 0;
            none += here == 0;
        }
        const Int top = largest >> S::BUCKET_SHIFT;
        auto bucket = [&](int64_t i) {
            const Int below = top - (size(i) >> S::BUCKET_SHIFT);
            return int(below < BUCKETS - 1 ? below : BUCKETS - 1);
        };
        std::memcpy(places, unit, some * sizeof *places);
        // two counters a bucket, in turn: neighbours often share a bucket, and would wait for each other
        int32_t first[BUCKETS][2] = {};
        for (int32_t j = 0; j < some; j++) first[bucket(places[j])][j & 1]++;
        int32_t sum = 0;
        for (auto& counters : first) {
            for (int32_t& f : counters) {
                const int32_t count = f;
                f = sum;
                sum += count;
            }
            if (sum == some) break;
        }
        for (int32_t j = 0; j < some; j++) {
            const int32_t i = places[j], place = first[bucket(i)][j & 1]++;
            unit[place] = i;
            value[place] = x[i];
        }
        std::memcpy(unit + some, zeros, none * sizeof *zeros);
        for (int32_t j = some; j < s.n; j++) value[j] = 0;
    }

    // What is left of the units at each group, and what fills the last one. Returns whether all numbers are finite.
    static bool finish_order(const Shape& s, int32_t* unit, T* value, T* bound) {
        for (int64_t p = s.n; p < s.padded; p++) {
            unit[p] = int32_t(s.n);
            value[p] = std::numeric_limits<T>::min();  // too small to matter to the bound
        }
        Int rest = 0;
        for (int64_t p = s.padded - GROUP; p >= 0; p -= GROUP) {
            // as integers, of which the compiler finds the largest by vectors
            Int sizes[GROUP], most = 0;
            std::memcpy(sizes, value + p, sizeof sizes);
            for (const Int b : sizes) most = (b & ~LOWEST) > most ? b & ~LOWEST : most;
            rest = most > rest ? most : rest;
            std::memcpy(bound + p / GROUP, &rest, sizeof rest);
        }
        return rest < infinity();
    }

    // Whether a lane is negative: of a comparison, whether it is true anywhere.
    static bool any_negative(I a) {
#if defined(__AVX512DQ__)
        if constexpr (sizeof(T) == 4) return _mm512_movepi32_mask((__m512i)a);
        else return _mm512_movepi64_mask((__m512i)a);
#elif defined(__AVX2__)
        if constexpr (sizeof(T) == 4) return _mm256_movemask_ps((__m256)a);
        else return _mm256_movemask_pd((__m256d)a);
#elif defined(__SSE2__)
        if constexpr (sizeof(T) == 4) return _mm_movemask_ps((__m128)a);
        else return _mm_movemask_pd((__m128d)a);
#else
        Int any = 0;
        for (int lane = 0; lane < LANES; lane++) any |= a[lane];
        return any < 0;
#endif
    }

    static bool all_less(V a, V b) { return !any_negative(~(a < b)); }

    // The numbers of one sample for a tile, of which the last may have fewer than LANES outputs.
    template <class Lanes, class Number>
    static Lanes load(const Shape& s, const Number* from, int64_t b, int64_t tile, Number missing) {
        Number lanes[LANES];
        const int64_t o = tile * LANES;
        if (o + LANES <= s.O) std::memcpy(lanes, from + b * s.O + o, sizeof lanes);
        else for (int lane = 0; lane < LANES; lane++) lanes[lane] = o + lane < s.O ? from[b * s.O + o + lane] : missing;
        Lanes result;
        if constexpr (sizeof lanes == sizeof result) std::memcpy(&result, lanes, sizeof result);
        else for (int lane = 0; lane < LANES; lane++) result[lane] = lanes[lane];
        return result;
    }

    template <class Lanes, class Number>
    static void store(const Shape& s, Lanes values, Number* to, int64_t b, int64_t tile) {
        Number lanes[LANES];
        if constexpr (sizeof lanes == sizeof values) std::memcpy(lanes, &values, sizeof values);
        else for (int lane = 0; lane < LANES; lane++) lanes[lane] = Number(values[lane]);
        const int64_t o = tile * LANES, there = o + LANES <= s.O ? LANES : s.O - o;
        if (there == LANES) std::memcpy(to + b * s.O + o, lanes, sizeof lanes);
        else std::memcpy(to + b * s.O + o, lanes, there * sizeof(Number));
    }

    // What one sample and one tile are to each other: units and features in order, what is left of them at each group,
    // and the weights, with the largest of each lane.
    struct Visits {
        const int32_t* unit;
        const T* value;
        const T* bound;
        const V* w;
        V most;

        // Whether no vote from place p on reaches the thresholds.
        bool over(int64_t p, V threshold) const { return all_less(bound[p / GROUP] * most, threshold); }
    };

    // The units of all samples in order, and the weights in tiles, once for each row of threads.
    struct Prepared {
        const Shape& s;
        const int64_t row;  // of a tile: n units and the one that no head hears
        const Array<V> packed, most;
        const Array<int32_t> unit, scratch;
        const Array<T> value, bound;

        explicit Prepared(const Shape& s)
            : s(s), row(s.n + 1), packed(s.rows * s.tiles * row), most(s.rows * s.tiles), unit(s.B * s.padded),
              scratch(s.threads * 2 * row), value(s.B * s.padded), bound(s.B * s.padded / GROUP) {}

        // The part of one thread: all of them make it whole. Returns whether all its numbers are finite.
        bool fill(const T* x, const T* w, int thread) const {
            bool finite = true;
            const Range tiles = s.column(thread), samples = share(s.B, thread, s.threads);
            for (int64_t tile = tiles.begin; tile < tiles.end; tile++) {
                const int64_t at = s.row(thread) * s.tiles + tile;
                finite &= pack(s, w, tile, packed + at * row, most.data[at]);
            }
            int32_t* space = scratch + thread * 2 * row;
            for (int64_t b = samples.begin; b < samples.end; b++) {
                int32_t* units = unit + b * s.padded;
                T* values = value + b * s.padded;
                if (s.sorted) order(s, x + b * s.n, units, values, space, space + row);
                else
                    for (int64_t i = 0; i < s.n; i++) {
                        units[i] = int32_t(i);
                        values[i] = x[b * s.n + i];
                    }
                finite &= finish_order(s, units, values, bound + b * s.padded / GROUP);
            }
            return finite;
        }

        // Asks for the first units of a sample, where another core may have put them in order.
        void fetch(int64_t b) const {
            if (s.columns == 1 || b >= s.B) return;
            const int64_t at = b * s.padded, end = at + std::min<int64_t>(s.padded, FETCHED);
            for (int64_t p = at; p < end; p += 64 / sizeof(int32_t)) __builtin_prefetch(unit + p);
            for (int64_t p = at; p < end; p += 64 / sizeof(T)) __builtin_prefetch(value + p);
            __builtin_prefetch(bound + at / GROUP);
        }

        // For a thread of a row, one of its samples and one of its tiles.
        Visits of(int row_of_threads, int64_t b, int64_t tile) const {
            const int64_t at = b * s.padded, here = row_of_threads * s.tiles + tile;
            return {unit + at, value + at, bound + at / GROUP, packed + here * row, most.data[here]};
        }
    };

    // --- Forward ---

    // The C largest votes of each lane, as keys; largest first. Looks at list[k - 1], which is one of the last STEP
    // before the last.
    template <int C, int M, int STEP, bool ORDERED>
    static void select(const Shape& s, int k, const Visits& visits, I* list) {
        constexpr auto sort = sorter<M>();
        constexpr auto merge = merger<C, M>();
        static_assert(merges<C, M>());
        I best[C];
        for (I& b : best) b = (I){} + LOWEST;
        for (int64_t p = 0; p < s.padded; p += GROUP) {
            if (p >= k) {
                I threshold = best[C - 2];
                for (int j = C - 3; j >= C - 1 - STEP && j >= 0; j--)
                    if (k - 1 <= j) threshold = best[j];
                if (!any_negative(threshold) && visits.over(p, number(threshold))) break;
            }
            for (int64_t q = p; q < p + GROUP; q += M) {
                I news[M];
#pragma GCC unroll 16
                for (int j = 0; j < M; j++) {
                    news[j] = bits(vote(visits.value[q + j], visits.w[visits.unit[q + j]]));
                    if (ORDERED) news[j] = ordered(news[j]);
                }
#pragma GCC unroll 64
                for (int c = 0; c < sort.size; c++) exchange(news[sort.at[c].high], news[sort.at[c].low]);
#pragma GCC unroll 65
                for (int j = 0; j < C; j++)
                    if (C - 1 - j < M) best[j] = larger(best[j], news[C - 1 - j]);
#pragma GCC unroll 256
                for (int c = 0; c < merge.size; c++) exchange(best[merge.at[c].high], best[merge.at[c].low]);
            }
        }
        for (int j = 0; j < C; j++) list[j] = best[j];
    }

    static void exchange(I& high, I& low) {
        const I more = larger(high, low);
        low = smaller(high, low);
        high = more;
    }

    using Select = void (*)(const Shape&, int, const Visits&, I*);

    template <bool ORDERED>
    static Select selector(int k) {
        switch (k) {
            case 1: return select<2, 8, 1, ORDERED>;
            case 2: return select<3, 8, 1, ORDERED>;
            case 3: return select<4, 8, 1, ORDERED>;
            case 4: return select<5, 8, 1, ORDERED>;
            case 5: return select<6, 8, 1, ORDERED>;
            case 6: return select<7, 8, 1, ORDERED>;
            case 7: return select<8, 8, 1, ORDERED>;
            case 8: return select<9, 8, 1, ORDERED>;
            case 9:
            case 10: return select<11, 8, 2, ORDERED>;
            case 11:
            case 12: return select<13, 8, 2, ORDERED>;
        }
        if (k <= 16) return select<17, 8, 4, ORDERED>;
        if (k <= 20) return select<21, 8, 4, ORDERED>;
        if (k <= 25) return select<26, 8, 5, ORDERED>;
        if (k <= 32) return select<33, 16, 7, ORDERED>;
        if (k <= 48) return select<49, 16, 16, ORDERED>;
        return select<65, 16, 16, ORDERED>;
    }

    // Sum, threshold, and how many of the votes at the threshold are kept: 0 where all are.
    static void finish(const Shape& s, int k, bool turned, const I* list, int64_t b, int64_t tile, V sum, T* z, T* tau,
                       int8_t* ties) {
        for (int j = 0; j < k; j++) sum += number(turned ? ordered(list[j]) : list[j]);
        const I last = list[k - 1];
        I tied = {};
        for (int j = 0; j < k; j++) tied -= list[j] == last;
        store(s, sum, z, b, tile);
        store(s, number(turned ? ordered(last) : last), tau, b, tile);
        store(s, tied & (list[k] == last), ties, b, tile);
    }

    static Outcome forward(const T* x, const T* w, const T* bias, int64_t B, int64_t n, int64_t O, int k, T* z, T* tau,
                        int8_t* ties, int threads_wanted) {
        const Shape s(B, n, O, LANES, threads_wanted, 5 + 1.4 * k);
        const Prepared prepared(s);
        const Select plain = selector<false>(k), careful = selector<true>(k);
        std::atomic<bool> finite{true};
        const bool done = in_parallel(s.threads, [&](int t) {
            if (!prepared.fill(x, w, t)) finite = false;
            if (s.columns > 1) meet();
            const Range samples = s.samples(t), tiles = s.column(t);
            for (int64_t first = samples.begin; first < samples.end; first += BLOCK)
                for (int64_t tile = tiles.begin; tile < tiles.end; tile++) {
                    const V biases = bias ? load<V>(s, bias, 0, tile, T(0)) : V{};
                    for (int64_t b = first; b < first + BLOCK && b < samples.end; b++) {
                        I list[LARGEST_K + 1];
                        if (tile == tiles.begin) prepared.fetch(b + 2);
                        const Visits visits = prepared.of(s.row(t), b, tile);
                        // no hardware foresees a walk down a column
                        const int64_t at = b * O + tile * LANES;
                        for (const void* row : {(void*)(z + at), (void*)(tau + at), (void*)(ties + at)})
                            __builtin_prefetch(row, 1);
                        plain(s, k, visits, list);
                        const bool turned = any_negative(list[k - 1]);
                        if (turned) careful(s, k, visits, list);
                        finish(s, k, turned, list, b, tile, biases, z, tau, ties);
                    }
                }
        });
        return !done ? REFUSED : finite ? DONE : NOT_FINITE;
    }

    // --- Backward ---

    static constexpr int FOLD = LANES >= 4 ? 4 : LANES;

    static V masked(I mask, V v) { return number(mask & bits(v)); }

    // One sample and one tile: adds to the rows of dw, and for each visited unit to FOLD partial sums of dx.
    // Those from `reached` on are not there yet.
    static void visit(const Shape& s, const Visits& visits, V tau, V g, V* dw, T* dx, int32_t& reached) {
        const bool stops = !any_negative(bits(tau));
        for (int32_t p = 0; p < s.padded; p += GROUP) {
            if (stops && visits.over(p, tau)) break;
            if (p == reached) {
                std::memset(dx + p * FOLD, 0, GROUP * FOLD * sizeof(T));
                reached += GROUP;
            }
            for (int64_t q = p; q < p + GROUP; q++) {
                const int64_t i = visits.unit[q];
                const T x = visits.value[q];
                const V weight = visits.w[i], kept = masked(vote(x, weight) >= tau, g);
                dw[i] += kept * x;
                fold(dx + q * FOLD, kept, weight);
            }
        }
    }

    static void fold(T* out, V kept, V weight) {
        typedef T F __attribute__((vector_size(FOLD * sizeof(T))));
        const V product = kept * weight;
        F parts[LANES / FOLD], sum;
        std::memcpy(parts, &product, sizeof product);
        std::memcpy(&sum, out, sizeof sum);
        if (LANES / FOLD == 4) sum += (parts[0] + parts[1]) + (parts[2 % (LANES / FOLD)] + parts[3 % (LANES / FOLD)]);
        else for (const F& part : parts) sum += part;
        std::memcpy(out, &sum, sizeof sum);
    }

    // The same where not all of the votes at a threshold are kept: the lowest units first. `place` is room for n.
    static void visit_all(const Shape& s, const T* x, const Visits& visits, V tau, I room, V g, V* dw, T* dx,
                          int32_t& reached, int32_t* place) {
        std::memset(dx + reached * FOLD, 0, (s.padded - reached) * FOLD * sizeof(T));
        reached = int32_t(s.padded);
        for (int32_t p = 0; p < s.n; p++) place[visits.unit[p]] = p;
        for (int64_t i = 0; i < s.n; i++) {
            const V weight = visits.w[i], v = vote(x[i], weight);
            const I tie = (v == tau) & (room > 0);
            room += tie;
            const V kept = masked((v > tau) | tie, g);
            dw[i] += kept * x[i];
            fold(dx + place[i] * FOLD, kept, weight);
        }
    }

    static Outcome backward(const T* g, const T* x, const T* w, const T* tau, const int8_t* ties, int64_t B, int64_t n,
                         int64_t O, T* dx, T* dw, T* db, int threads_wanted) {
        const Shape s(B, n, O, LANES, threads_wanted, 14);
        const Prepared prepared(s);
        // blocks: as many for all threads, since they wait for each other
        const int64_t row = n + 1, apart = s.padded * FOLD, blocks = s.blocks(BLOCK);
        const Array<V> dws(s.rows * s.tiles * row), dbs(s.rows * s.tiles);
        const Array<T> partials(s.threads * BLOCK * apart);
        const Array<int32_t> reaches(s.threads * BLOCK), room_for_places(s.threads * n);
        std::atomic<bool> finite{true};
        const bool done = in_parallel(s.threads, [&](int t) {
            if (!prepared.fill(x, w, t)) finite = false;
            if (s.columns > 1) meet();
            const int part = s.row(t), column = t % s.columns;
            const Range samples = s.samples(t), tiles = s.column(t);
            V *dw_part = dws + part * s.tiles * row, *db_part = dbs + part * s.tiles;
            T* sums = partials + t * BLOCK * apart;
            int32_t* reached = reaches + t * BLOCK;
            for (int64_t block = 0; block < blocks; block++) {
                const int64_t first = std::min(samples.begin + block * BLOCK, samples.end),
                              last = std::min(first + BLOCK, samples.end);
                std::memset(reached, 0, BLOCK * sizeof *reached);
                for (int64_t tile = tiles.begin; tile < tiles.end; tile++) {
                    V *rows = dw_part + tile * row, sum = block ? db_part[tile] : V{};
                    if (!block) std::memset(static_cast<void*>(rows), 0, row * sizeof(V));
                    for (int64_t b = first; b < last; b++) {
                        const int64_t next = (b + 1) * O + tile * LANES;
                        for (const void* soon : {(void*)(g + next), (void*)(tau + next), (void*)(ties + next)})
                            __builtin_prefetch(soon);
                        if (tile == tiles.begin) prepared.fetch(b + 2);
                        V gradient, threshold;
                        I room;
                        const Visits visits = prepared.of(part, b, tile);
                        const bool all_kept = gather(s, g, tau, ties, b, tile, gradient, threshold, room);
                        sum += gradient;
                        T* dx_of = sums + (b - first) * apart;
                        if (all_kept) visit(s, visits, threshold, gradient, rows, dx_of, reached[b - first]);
                        else
                            visit_all(s, x + b * n, visits, threshold, room, gradient, rows, dx_of, reached[b - first],
                                      room_for_places + t * n);
                    }
                    db_part[tile] = sum;
                }
                if (s.columns > 1) meet();
                // what the threads of a row found of a sample, one of them adds
                const Range mine = share(last - first, column, s.columns);
                for (int64_t b = first + mine.begin; b < first + mine.end; b++) {
                    std::memset(dx + b * n, 0, n * sizeof(T));
                    for (int c = 0; c < s.columns; c++) {
                        const int64_t at = (part * s.columns + c) * BLOCK + b - first;
                        scatter(partials + at * apart, prepared.unit + b * s.padded, std::min<int64_t>(reaches.data[at], n),
                                dx + b * n);
                    }
                }
                if (s.rows > 1 || block + 1 < blocks) meet();
            }
            const Range finished = share(s.tiles, t, s.threads);
            for (int64_t tile = finished.begin; tile < finished.end; tile++) {
                unpack(s, dws + tile * row, s.tiles * row, tile, dw);
                V sum = {};
                for (int r = 0; r < s.rows; r++) sum += dbs.data[r * s.tiles + tile];
                store(s, sum, db, 0, tile);
            }
        });
        return !done ? REFUSED : finite ? DONE : NOT_FINITE;
    }

    // The sums of one sample and one thread, to the units that they belong to.
    static void scatter(const T* sums, const int32_t* unit, int64_t size, T* dx) {
        for (int64_t p = 0; p < size; p++) {
            T sum = 0;
            for (int j = 0; j < FOLD; j++) sum += sums[p * FOLD + j];
            dx[unit[p]] += sum;
        }
    }

    // What pack does, backwards, added over the rows of threads, `apart` from each other.
    static void unpack(const Shape& s, const V* rows, int64_t apart, int64_t tile, T* dw) {
        const int64_t o = tile * LANES, lanes = o + LANES <= s.O ? LANES : s.O - o;
        for (int64_t first = 0; first < s.n; first += LANES) {
            const int64_t units = first + LANES <= s.n ? LANES : s.n - first;
            V square[LANES];
            for (int64_t i = 0; i < units; i++) {
                square[i] = rows[first + i];
                for (int r = 1; r < s.rows; r++) square[i] += rows[r * apart + first + i];
            }
            const T* numbers = reinterpret_cast<const T*>(square);
            for (int64_t lane = 0; lane < lanes; lane++)
                for (int64_t i = 0; i < units; i++) dw[(o + lane) * s.n + first + i] = numbers[i * LANES + lane];
        }
    }

    // What is known of one sample and one tile, and whether all votes at the thresholds are kept. A lane without an
    // output keeps nothing, and does not keep its tile from stopping.
    static bool gather(const Shape& s, const T* g, const T* tau, const int8_t* ties, int64_t b, int64_t tile,
                       V& gradient, V& threshold, I& room) {
        gradient = load<V>(s, g, b, tile, T(0));
        threshold = load<V>(s, tau, b, tile, T(INFINITY));
        const I kept = load<I>(s, ties, b, tile, int8_t(0));
        room = kept > 0 ? kept : (I){} + (Int(1) << 30);
        return !any_negative(-kept);
    }
};

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

// The plain C interface: returns an Outcome, never REFUSED.
#define DEFINE(NAME, T)                                                                                                \
    EXPORT int aat_forward_##NAME(const T* x, const T* w, const T* bias, int64_t B, int64_t n, int64_t O, int k,       \
                                  T* z, T* tau, int8_t* ties, int threads) noexcept try {                              \
        const Outcome outcome = Head<T>::forward(x, w, bias, B, n, O, k, z, tau, ties, threads);                       \
        return outcome == REFUSED ? Head<T>::forward(x, w, bias, B, n, O, k, z, tau, ties, 1) : outcome;               \
    } catch (const std::bad_alloc&) {                                                                                  \
        return NO_MEMORY;                                                                                              \
    }                                                                                                                  \
    EXPORT int aat_backward_##NAME(const T* g, const T* x, const T* w, const T* tau, const int8_t* ties, int64_t B,    \
                                   int64_t n, int64_t O, T* dx, T* dw, T* db, int threads) noexcept try {              \
        const Outcome outcome = Head<T>::backward(g, x, w, tau, ties, B, n, O, dx, dw, db, threads);                   \
        return outcome == REFUSED ? Head<T>::backward(g, x, w, tau, ties, B, n, O, dx, dw, db, 1) : outcome;           \
    } catch (const std::bad_alloc&) {                                                                                  \
        return NO_MEMORY;                                                                                              \
    }

DEFINE(f32, float)
DEFINE(f64, double)
