// Memory for a call.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <new>
#include <vector>

namespace {

// Memory of finished calls, kept for the next: to ask the system for pages anew takes longer than to fill them.
class Shelf {
    struct Piece {
        void* memory;
        size_t size;
    };
    static constexpr size_t MOST = size_t(64) << 20;
    std::mutex mutex;
    std::vector<Piece> pieces;
    size_t kept = 0;

public:
    ~Shelf() {
        for (const Piece& piece : pieces) std::free(piece.memory);
    }

    // The smallest piece that is large enough, or a new one; `size` becomes what it has.
    void* take(size_t& size) {
        {
            std::lock_guard<std::mutex> lock(mutex);
            auto best = pieces.end();
            for (auto piece = pieces.begin(); piece != pieces.end(); ++piece)
                if (piece->size >= size && piece->size <= 2 * size && (best == pieces.end() || piece->size < best->size))
                    best = piece;
            if (best != pieces.end()) {
                void* memory = best->memory;
                size = best->size;
                kept -= size;
                pieces.erase(best);
                return memory;
            }
        }
        void* memory = std::aligned_alloc(64, size);
        if (!memory) throw std::bad_alloc();
        return memory;
    }

    void give(void* memory, size_t size) {
        std::lock_guard<std::mutex> lock(mutex);
        pieces.push_back({memory, size});
        kept += size;
        // the oldest go first
        while (kept > MOST) {
            kept -= pieces.front().size;
            std::free(pieces.front().memory);
            pieces.erase(pieces.begin());
        }
    }
};

Shelf shelf;

template <class T>
struct Array {
    size_t bytes;
    T* data;
    explicit Array(int64_t size)
        : bytes((size * sizeof(T) + 127) / 64 * 64), data(static_cast<T*>(shelf.take(bytes))) {}
    Array(const Array&) = delete;
    ~Array() { shelf.give(data, bytes); }
    T* operator+(int64_t offset) const { return data + offset; }
};

}  // namespace
