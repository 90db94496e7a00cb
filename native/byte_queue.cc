#include "byte_queue.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace evio {
namespace {

// Small writes share a chunk, so that many of them leave in few pieces.
constexpr size_t kSmallestChunk = 16 * 1024;

}  // namespace

bool ByteQueue::Append(const uint8_t* bytes, size_t length) {
  if (length == 0) return true;
  const bool was_empty = kept_ == nullptr;
  if (was_empty) kept_.reset(new (std::nothrow) Kept());
  if (kept_ == nullptr) return false;
  std::vector<Chunk>& chunks = kept_->chunks;
  size_t fits = 0;
  if (!chunks.empty()) fits = std::min(length, chunks.back().capacity - chunks.back().end);
  if (fits < length) {
    const size_t capacity = std::max(length - fits, kSmallestChunk);
    std::unique_ptr<uint8_t[]> fresh(new (std::nothrow) uint8_t[capacity]);
    if (fresh == nullptr) {
      if (was_empty) Clear();
      return false;
    }
    if (fits > 0) {
      std::memcpy(chunks.back().bytes.get() + chunks.back().end, bytes, fits);
      chunks.back().end += fits;
    }
    std::memcpy(fresh.get(), bytes + fits, length - fits);
    chunks.push_back({std::move(fresh), capacity, 0, length - fits});
  } else {
    std::memcpy(chunks.back().bytes.get() + chunks.back().end, bytes, length);
    chunks.back().end += length;
  }
  kept_->size += length;
  return true;
}

size_t ByteQueue::Peek(iovec* pieces, size_t capacity) const {
  if (kept_ == nullptr) return 0;
  size_t count = 0;
  for (size_t i = kept_->first; i < kept_->chunks.size() && count < capacity; i++) {
    const Chunk& chunk = kept_->chunks[i];
    pieces[count++] = {chunk.bytes.get() + chunk.begin, chunk.end - chunk.begin};
  }
  return count;
}

void ByteQueue::Drop(size_t length) {
  if (length == size()) return Clear();
  Kept& kept = *kept_;
  kept.size -= length;
  while (length > 0) {
    Chunk& chunk = kept.chunks[kept.first];
    const size_t taken = std::min(length, chunk.end - chunk.begin);
    chunk.begin += taken;
    length -= taken;
    if (chunk.begin == chunk.end) {
      chunk.bytes.reset();
      kept.first += 1;
    }
  }
  if (kept.first > 64 && kept.first * 2 > kept.chunks.size()) {
    kept.chunks.erase(kept.chunks.begin(), kept.chunks.begin() + static_cast<std::ptrdiff_t>(kept.first));
    kept.first = 0;
  }
}

}  // namespace evio
