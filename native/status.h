// A failed system call is a value that knows its name; it becomes a JavaScript Error in one place above.
#pragma once

#include <cstdint>

namespace evio {

// The calls that can fail towards a user. The order is that of kCallNames.
enum class Call : uint32_t { kNone, kSocket, kListen, kAccept, kRead, kWrite, kPoll, kConnect };

constexpr const char* kCallNames[] = {"", "socket", "listen", "accept", "read", "write", "poll", "connect"};
constexpr uint32_t kCallCount = sizeof(kCallNames) / sizeof(kCallNames[0]);

struct [[nodiscard]] Status {
  int error = 0;  // errno, 0 on success
  Call call = Call::kNone;

  bool ok() const { return error == 0; }
};

}  // namespace evio
