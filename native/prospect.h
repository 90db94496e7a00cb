// Whether to ask the poller again at the end of a round, by what came of it lately.
//
// To ask in vain costs a system call. To ask and find something saves a turn of the host's loop: one or two
// waits of its own and all that it looks at besides, some four times as much. So it is worth it from one
// success in four.
#pragma once

#include <algorithm>
#include <cstdint>

namespace evio {

class Prospect {
 public:
  // Asked before each time; while the answer is mostly no, one time in kTrial is a yes, to learn.
  bool Good() {
    if (score_ > 0) return true;
    refused_ = (refused_ + 1) % kTrial;
    return refused_ == 0;
  }
  // What came of a yes.
  void Learn(bool found) { score_ = found ? std::min(score_ + kFound, kMost) : std::max(score_ - 1, 0); }

 private:
  static constexpr int kFound = 3;
  static constexpr int kMost = 24;
  static constexpr uint32_t kTrial = 16;

  int score_ = 0;
  uint32_t refused_ = 0;
};

}  // namespace evio
