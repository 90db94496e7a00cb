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
  size_t fits = 0;
  if (first_ < chunks_.size()) fits = std::min(length, chunks_.back().capacity - chunks_.back().end);
  if (fits < length) {
    const size_t capacity = std::max(length - fits, kSmallestChunk);
    std::unique_ptr<uint8_t[]> fresh(new (std::nothrow) uint8_t[capacity]);
    if (fresh == nullptr) return false;
    if (fits > 0) {
      std::memcpy(chunks_.back().bytes.get() + chunks_.back().end, bytes, fits);
      chunks_.back().end += fits;
    }
    std::memcpy(fresh.get(), bytes + fits, length - fits);
    chunks_.push_back({std::move(fresh), capacity, 0, length - fits});
  } else {
    std::memcpy(chunks_.back().bytes.get() + chunks_.back().end, bytes, length);
    chunks_.back().end += length;
  }
  size_ += length;
  return true;
}

size_t ByteQueue::Peek(iovec* pieces, size_t capacity) const {
  size_t count = 0;
  for (size_t i = first_; i < chunks_.size() && count < capacity; i++) {
    const Chunk& chunk = chunks_[i];
    pieces[count++] = {chunk.bytes.get() + chunk.begin, chunk.end - chunk.begin};
  }
  return count;
}

void ByteQueue::Drop(size_t length) {
  size_ -= length;
  while (length > 0) {
    Chunk& chunk = chunks_[first_];
    const size_t taken = std::min(length, chunk.end - chunk.begin);
    chunk.begin += taken;
    length -= taken;
    if (chunk.begin == chunk.end) {
      chunk.bytes.reset();
      first_ += 1;
    }
  }
  if (size_ == 0) {
    Clear();
  } else if (first_ > 64 && first_ * 2 > chunks_.size()) {
    chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void ByteQueue::Clear() {
  std::vector<Chunk>().swap(chunks_);
  first_ = 0;
  size_ = 0;
}

}  // namespace evio
