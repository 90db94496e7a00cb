// Output that the kernel has not taken yet, owned, in order.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace evio {

class ByteQueue {
 public:
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  // Copies; false when there is no memory for it, and then nothing is appended.
  bool Append(const uint8_t* bytes, size_t length);
  // Points at the first bytes, at most `capacity` pieces; valid until the next change.
  size_t Peek(iovec* pieces, size_t capacity) const;
  void Drop(size_t length);
  void Clear();

 private:
  struct Chunk {
    std::unique_ptr<uint8_t[]> bytes;
    size_t capacity;
    size_t begin;
    size_t end;
  };

  std::vector<Chunk> chunks_;
  size_t first_ = 0;  // chunks before this one are spent
  size_t size_ = 0;
};

}  // namespace evio
