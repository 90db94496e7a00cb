// Whether clients come alone or in crowds, which decides how many are accepted at once.
//
// To accept until the kernel says that nobody is left takes a call that fails, and on Linux a dear one: it
// makes a socket before it looks for a client. For clients who come alone that is one more call each. So
// after one who was alone the next few are taken as if they were; readiness is level-triggered, and whoever
// is left behind is reported again.
#pragma once

namespace evio {

class Arrivals {
 public:
  // As many are to be accepted before others get their turn.
  int most() const { return singles_ > 0 ? 1 : kMost; }
  // So many were there, or as many as most() said.
  void Learn(int count) {
    if (singles_ > 0) {
      singles_ -= 1;
    } else if (count <= 1) {
      singles_ = kSingles;
    }
  }

 private:
  // One call in vain for so many clients and one more, if all of them come alone; and as many rounds until a
  // crowd behind them is let in.
  static constexpr int kSingles = 4;
  static constexpr int kMost = 128;

  int singles_ = 0;
};

}  // namespace evio
