#include "scarcity.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <new>

namespace {

thread_local bool out_of_memory = false;

constexpr int kHighestDescriptor = 4096;

}  // namespace

// The sanitizers' own operator stays underneath, so that they see what is allocated.
void* operator new[](size_t size, const std::nothrow_t&) noexcept {
  return out_of_memory ? nullptr : ::operator new[](size);
}

namespace evio {

NoDescriptors::NoDescriptors() {
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before_) == 0);
  const int lowest_free = open("/dev/null", O_RDONLY | O_CLOEXEC);
  REQUIRE(lowest_free >= 0);
  close(lowest_free);
  rlimit now = before_;
  now.rlim_cur = static_cast<rlim_t>(lowest_free);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &now) == 0);
}

NoDescriptors::~NoDescriptors() { CHECK(setrlimit(RLIMIT_NOFILE, &before_) == 0); }

NoMemory::NoMemory() { out_of_memory = true; }

NoMemory::~NoMemory() { out_of_memory = false; }

bool MayOpen(size_t descriptors) {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  if (limit.rlim_cur >= descriptors) return true;
  limit.rlim_cur = std::min<rlim_t>(descriptors, limit.rlim_max);
  return limit.rlim_cur >= descriptors && setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

size_t OpenDescriptors() {
  size_t count = 0;
  for (int fd = 0; fd < kHighestDescriptor; fd++) count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

}  // namespace evio
