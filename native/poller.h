// Readiness notification, one backend per operating system.
//
// Every backend keeps these promises:
// - level-triggered: a descriptor stays ready until it is drained;
// - at most one Event per descriptor and Wait(), directions merged;
// - Event::failed (error, or both directions shut) is reported whatever was asked for, so whoever sees it
// must Remove()
//   the descriptor or read it empty, or the next Wait() returns at once again;
// - Event::hangup (the peer will send no more) is reported only while Interest::hangup is asked for;
// - Wait() never blocks;
// - fd() becomes readable when Wait() would report something, so that another event loop can watch it.
// All calls are made from one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "status.h"

namespace evio {

struct Interest {
  bool readable = false;
  bool writable = false;
  bool hangup = false;

  bool operator==(const Interest& other) const {
    return readable == other.readable && writable == other.writable && hangup == other.hangup;
  }
  bool operator!=(const Interest& other) const { return !(*this == other); }
};

struct Event {
  uint64_t key = 0;  // as given to Add()
  bool readable = false;
  bool writable = false;
  bool hangup = false;
  bool failed = false;
};

class Poller {
 public:
  virtual ~Poller() = default;
  virtual Status Add(int fd, uint64_t key, Interest interest) = 0;
  virtual Status Modify(int fd, uint64_t key, Interest interest) = 0;
  virtual Status Remove(int fd) = 0;
  // Fills at most `capacity` events and sets `count`. EINTR counts as no event.
  virtual Status Wait(Event* events, size_t capacity, size_t* count) = 0;
  virtual int fd() const = 0;
  virtual const char* name() const = 0;
};

// The backend of this operating system; nullptr with a Status when the kernel refuses one.
std::unique_ptr<Poller> CreatePoller(Status* status);

}  // namespace evio
