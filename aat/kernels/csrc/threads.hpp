// How threads share out a call.
#pragma once

#include <atomic>
#include <cmath>
#include <cstdint>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace {

constexpr int64_t GROUP = 16;  // units between two looks at the bound
constexpr double PACK = 50;   // cycles that a row of a tile costs to pack, and to unpack
constexpr double ORDER = 12;  // cycles that a unit of a sample costs to put in order
constexpr double COPY = 2;    // and to leave where it is
constexpr double FOREIGN = 2000;  // cycles to read the order of a sample that another core may have found
constexpr double WORTH = 150e3;  // cycles that make a thread worth its while

// Threads are OpenMP's, as PyTorch's are: they are at hand when a call comes. Returns false, with nothing done, where
// the system grants fewer than were asked for.
template <class Work>
bool in_parallel(int threads, const Work& work) {
#ifdef _OPENMP
    if (threads > 1) {
        std::atomic<bool> granted{true};
#pragma omp parallel num_threads(threads)
        {
            if (omp_get_num_threads() == threads) work(omp_get_thread_num());
            else granted = false;
        }
        return granted;
    }
#endif
    if (threads == 1) work(0);
    return threads == 1;
}

// Where all threads of a call wait for each other.
void meet() {
#ifdef _OPENMP
#pragma omp barrier
#endif
}

struct Range {
    int64_t begin, end;
    int64_t size() const { return end - begin; }
};

Range share(int64_t size, int part, int parts) { return {size * part / parts, size * (part + 1) / parts}; }

// Threads share out tiles and samples, as columns and rows of a table. Each packs the tiles of its place for itself; the
// samples they put in order together.
struct Shape {
    int64_t B, n, O, tiles, padded;  // padded: units rounded up to a whole group
    int threads = 1, columns = 1, rows = 1;
    bool sorted;  // whether it pays to visit the largest units first

    // `visit`: cycles that a tile spends with a unit of a sample
    Shape(int64_t B, int64_t n, int64_t O, int lanes, int threads_wanted, double visit)
        : B(B), n(n), O(O), tiles((O + lanes - 1) / lanes), padded((n + GROUP - 1) / GROUP * GROUP) {
        // about half of the visits are saved; the sort costs so many cycles
        sorted = visit * tiles * n / 2 > 1000 + ORDER * n;
        auto cycles = [&](int c, int r) {
            const double of_tiles = double((tiles + c - 1) / c), of_samples = double((B + r - 1) / r);
            const double order = (sorted ? ORDER : COPY) * B / (c * r);
            return n * (PACK * of_tiles + order + visit / (sorted ? 8 : 1) * of_samples * of_tiles) +
                   (c > 1 ? FOREIGN * of_samples : 0);
        };
        // with less to do for each, another thread costs more than it brings
        const double worth = cycles(1, 1) / WORTH;
        const int most = worth < threads_wanted ? int(worth) : threads_wanted;
        double best = INFINITY;
        for (int c = 1; c <= most && c <= tiles; c++) {
            const int r = most / c < B ? most / c : int(B);
            const double cost = cycles(c, r);
            if (cost < best) {
                best = cost;
                threads = c * r;
                columns = c;
                rows = r;
            }
        }
    }

    int row(int thread) const { return thread / columns; }
    Range samples(int thread) const { return share(B, row(thread), rows); }
    Range column(int thread) const { return share(tiles, thread % columns, columns); }
    // Of `size` samples, in the longest row; one if there are no samples.
    int64_t blocks(int64_t size) const { return B ? ((B + rows - 1) / rows + size - 1) / size : 1; }
};

}  // namespace
