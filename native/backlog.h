// How many connections to accept at once, by how many have lately waited together.
//
// To accept until the kernel says that nobody is left takes a call that fails, and a dear one: the kernel
// makes a socket before it looks for a client. Where clients come one at a time that is one more call for
// each of them. Whoever is left behind waits no longer than for the next Wait(), since readiness is
// level-triggered.
#pragma once

#include <algorithm>

namespace evio {

class Backlog {
 public:
  // At least 1, at most kMost.
  int expected() const { return expected_; }
  // As many as were expected have been accepted; there may be more.
  void Met() {
    if (expected_ == 1 && ++singles_ < kSinglesInARow) return;
    singles_ = 0;
    expected_ = std::min(2 * expected_, kMost);
  }
  // There were so many and no more.
  void Emptied(int accepted) {
    singles_ = 0;
    expected_ = std::max(accepted, 1);
  }

 private:
  // Clients who come one at a time cost one call in vain for so many of them.
  static constexpr int kSinglesInARow = 4;
  // Others get their turn.
  static constexpr int kMost = 128;

  int expected_ = 1;
  int singles_ = 0;
};

}  // namespace evio
