// How often which latency was seen.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

using Nanoseconds = uint64_t;

// Counts by value, 64 steps per power of two: a percentile is right to 1 %.
class Histogram {
 public:
  void Add(Nanoseconds value) {
    unsigned shift = value < 128 ? 0 : 57 - static_cast<unsigned>(__builtin_clzll(value));
    counts_[shift * 64 + (value >> shift)]++;
    total_++;
  }

  void Add(const Histogram& other) {
    for (size_t i = 0; i < counts_.size(); i++) counts_[i] += other.counts_[i];
    total_ += other.total_;
  }

  double Microseconds(double share) const {
    auto wanted = static_cast<uint64_t>(share * static_cast<double>(total_));
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); i++) {
      seen += counts_[i];
      if (counts_[i] == 0 || seen < wanted) continue;
      size_t shift = i < 128 ? 0 : i / 64 - 1;
      return (static_cast<double>(i - shift * 64) + 0.5) * static_cast<double>(uint64_t{1} << shift) / 1e3;
    }
    return 0;
  }

  void Clear() {
    counts_.fill(0);
    total_ = 0;
  }

 private:
  std::array<uint64_t, 64 * 59> counts_{};
  uint64_t total_ = 0;
};
