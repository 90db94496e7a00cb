// Output that the kernel has not taken yet, owned, in order.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace evio {

// A pointer while it is empty, which it is with nearly all connections at nearly all times.
class ByteQueue {
 public:
  bool empty() const { return kept_ == nullptr; }
  size_t size() const { return kept_ == nullptr ? 0 : kept_->size; }

  // Copies; false when there is no memory for it, and then nothing is appended.
  bool Append(const uint8_t* bytes, size_t length);
  // Points at the first bytes, at most `capacity` pieces; valid until the next change.
  size_t Peek(iovec* pieces, size_t capacity) const;
  void Drop(size_t length);
  void Clear() { kept_.reset(); }

 private:
  struct Chunk {
    std::unique_ptr<uint8_t[]> bytes;
    size_t capacity;
    size_t begin;
    size_t end;
  };

  struct Kept {
    std::vector<Chunk> chunks;
    size_t first = 0;  // chunks before this one are spent
    size_t size = 0;
  };

  std::unique_ptr<Kept> kept_;
};

}  // namespace evio
