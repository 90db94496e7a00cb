// What a process can run out of.
#pragma once

#include <sys/resource.h>

#include <cstddef>

namespace evio {

// While it lives, no descriptor can be opened.
class NoDescriptors {
 public:
  NoDescriptors();
  ~NoDescriptors();
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_;
};

// While it lives, `new (std::nothrow)` of an array gives nullptr in this thread.
class NoMemory {
 public:
  NoMemory();
  ~NoMemory();
  NoMemory(const NoMemory&) = delete;
  NoMemory& operator=(const NoMemory&) = delete;
};

// Raises the limit when it must; false when it cannot.
bool MayOpen(size_t descriptors);
// Of this process, now.
size_t OpenDescriptors();

}  // namespace evio
