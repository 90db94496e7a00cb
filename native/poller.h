// Readiness notification: the native half of the contract of pollers. One backend per operating system,
// chosen in poller.cc; what is above it (loop.h) is the same code for all of them.
//
// Guarantees
// - Level-triggered: as long as a descriptor is readable or writable and that is asked for, Wait() says so.
// - At most one Event per descriptor and Wait(): directions are merged, and so are input and its end.
// - Event::readable, writable and hangup are set only while they are asked for.
// - Event::hangup says that the peer will send no more (FIN or worse); unread bytes may lie before that.
//   It is level-triggered while `readable` is asked for too; otherwise it is reported once at least.
// - Event::failed (an error is pending) is reported whatever is asked for, Interest() included, once at
//   least. A backend may report it as well when both directions are shut, and again and again: whoever sees
//   it calls Remove().
// - Wait() never blocks. Events come in no order that could be relied upon, but what finds no room is
//   reported by a later call, and nobody waits for ever behind others.
// - fd() becomes readable when Wait() would report something, so that another event loop can watch it.
//
// Hints
// - fd() may be readable when Wait() finds nothing, and an Event may have no direction set.
// - An Event may be stale within its batch: its descriptor was closed, and perhaps opened again, since
//   Wait() returned. `key` comes back as it was given, so the caller puts a generation into it (token.h).
//
// Rules for the caller
// - All calls are made from one thread. Add(), Modify() and Remove() may be called between handling the
//   events of one Wait().
// - Add() is for a descriptor that is not watched, Modify() and Remove() for one that is. close() ends the
//   watch by itself; Add() then starts afresh.
//
// Errors: every operation returns Call::kPoll with the errno of the system call, after which the caller
// gives that descriptor up. What can happen to a correct caller is ENOMEM and ENOSPC (max_user_watches,
// epoll(7)) in Add() and Modify().
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
  uint64_t key = 0;  // as given to Add() or the latest Modify()
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
  // Fills at most `capacity` events (2 at least) and sets `count`. EINTR counts as no event.
  virtual Status Wait(Event* events, size_t capacity, size_t* count) = 0;
  virtual int fd() const = 0;
};

// The backend of this build: `epoll` or `kqueue`.
extern const char* const kPollerName;

// nullptr with a Status when the kernel refuses one (EMFILE, ENFILE, ENOMEM).
std::unique_ptr<Poller> CreatePoller(Status* status);

}  // namespace evio
