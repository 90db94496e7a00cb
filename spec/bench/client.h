// One of the connections of the load generator.
#pragma once

#include <cstddef>

#include "histogram.h"

// What goes on in a stream: there and back, only to the server (which ends by FIN), or only from it.
enum class Flow { kNone, kBoth, kIn, kOut };

struct Client {
  enum class State { kAbsent, kConnecting, kOpen, kWaiting, kClosing };

  State state = State::kAbsent;
  int fd = -1;
  size_t place = 0;  // where in the script's text this batch lies
  size_t sent = 0;   // of this batch, or of this stream
  size_t received = 0;
  Nanoseconds started = 0;
};
