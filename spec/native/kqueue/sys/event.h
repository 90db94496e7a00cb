// What native/poller_kqueue.cc needs of <sys/event.h>, with the names of kqueue(2); kqueue.cc does it over
// epoll.
#pragma once

#include <time.h>

#include <cstdint>

struct kevent {
  uintptr_t ident;
  short filter;
  unsigned short flags;
  unsigned int fflags;
  int64_t data;
  void* udata;
};

constexpr short EVFILT_READ = -1;
constexpr short EVFILT_WRITE = -2;

constexpr unsigned short EV_ADD = 0x0001;
constexpr unsigned short EV_DELETE = 0x0002;
constexpr unsigned short EV_CLEAR = 0x0020;
constexpr unsigned short EV_EOF = 0x8000;

// Of EVFILT_READ: not before that many bytes are there. Here: not for data at all.
constexpr unsigned int NOTE_LOWAT = 0x0001;

int kqueue();
// Changes or events: not both in one call. It never waits, whatever `timeout` says. Room for less than two
// events is EINVAL.
int kevent(int queue, const struct kevent* changes, int change_count, struct kevent* events, int event_count,
           const timespec* timeout);
