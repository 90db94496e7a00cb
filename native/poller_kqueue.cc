// kqueue(2) backend: macOS, FreeBSD, OpenBSD, NetBSD, DragonFly. It has run on Linux only, over the emulation
// in spec/native/kqueue.
//
// A descriptor has two filters, EVFILT_READ and EVFILT_WRITE, which report separately. What epoll calls
// EPOLLRDHUP, EPOLLERR and EPOLLHUP is EV_EOF of the read filter, with the socket's error in `fflags`; it is
// set as soon as FIN is there, with data left or without. So the read filter is always registered:
// level-triggered while input is wanted, and otherwise only for the end of input.
#if !defined(__linux__) || defined(EVIO_KQUEUE_SHIM)

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/event.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "poller.h"
#include "socket.h"

namespace evio {
namespace {

constexpr size_t kBatch = 512;

struct kevent Change(int fd, short filter, unsigned flags) {
  struct kevent change {};
  change.ident = static_cast<decltype(change.ident)>(fd);
  change.filter = filter;
  change.flags = static_cast<decltype(change.flags)>(flags);
  return change;
}

// Input that nobody wants must not be reported, only its end. EV_CLEAR: once, and again when something
// changes; the end would otherwise be reported for ever. NOTE_LOWAT: not for data at all. A system that cuts
// the mark to the size of the socket's buffer (macOS) tells of data once, which Wait() drops.
struct kevent EndOfInput(int fd) {
  struct kevent change = Change(fd, EVFILT_READ, EV_ADD | EV_CLEAR);
  change.fflags = NOTE_LOWAT;
  change.data = INT_MAX;
  return change;
}

struct Watch {
  uint64_t key = 0;
  Interest interest;
  uint64_t batch = 0;  // the Wait() that has last reported this descriptor,
  size_t index = 0;    // and where
};

class KqueuePoller final : public Poller {
 public:
  explicit KqueuePoller(Fd kqueue) : kqueue_(std::move(kqueue)) {}

  Status Add(int fd, uint64_t key, Interest interest) override {
    const size_t index = static_cast<size_t>(fd);
    if (watches_.size() <= index) watches_.resize(index + 1);
    // What stands there is of a descriptor that was closed, which has ended its filters.
    watches_[index] = Watch();
    struct kevent changes[2];
    int count = 0;
    changes[count++] = interest.readable ? Change(fd, EVFILT_READ, EV_ADD) : EndOfInput(fd);
    if (interest.writable) changes[count++] = Change(fd, EVFILT_WRITE, EV_ADD);
    return Apply(fd, key, interest, changes, count);
  }

  Status Modify(int fd, uint64_t key, Interest interest) override {
    const Interest before = watches_[static_cast<size_t>(fd)].interest;
    struct kevent changes[3];
    int count = 0;
    // EV_CLEAR of a filter is settled when it is added, so it is deleted first; adding looks at the socket
    // afresh.
    const bool look_again = interest.hangup && !before.hangup;
    if (interest.readable != before.readable || (look_again && !interest.readable)) {
      changes[count++] = Change(fd, EVFILT_READ, EV_DELETE);
      changes[count++] = interest.readable ? Change(fd, EVFILT_READ, EV_ADD) : EndOfInput(fd);
    }
    if (interest.writable != before.writable) {
      changes[count++] = Change(fd, EVFILT_WRITE, interest.writable ? EV_ADD : EV_DELETE);
    }
    return Apply(fd, key, interest, changes, count);
  }

  Status Remove(int fd) override {
    struct kevent changes[2];
    int count = 0;
    changes[count++] = Change(fd, EVFILT_READ, EV_DELETE);
    if (watches_[static_cast<size_t>(fd)].interest.writable) {
      changes[count++] = Change(fd, EVFILT_WRITE, EV_DELETE);
    }
    return Apply(fd, 0, Interest(), changes, count);
  }

  Status Wait(Event* events, size_t capacity, size_t* count) override {
    struct kevent ready[kBatch];
    const timespec now{};
    const int n =
        kevent(kqueue_.get(), nullptr, 0, ready, static_cast<int>(std::min(capacity, kBatch)), &now);
    *count = 0;
    batch_ += 1;
    for (int i = 0; i < n; i++) Merge(ready[i], events, count);
    return n < 0 && errno != EINTR ? Status{errno, Call::kPoll} : Status{};
  }

  int fd() const override { return kqueue_.get(); }

 private:
  void Merge(const struct kevent& from, Event* events, size_t* count) {
    Watch& watch = watches_[static_cast<size_t>(from.ident)];
    const bool input = from.filter == EVFILT_READ;
    const bool end = (from.flags & EV_EOF) != 0;
    Event event;
    event.readable = input && watch.interest.readable;
    event.writable = !input && watch.interest.writable;
    event.hangup = input && end && watch.interest.hangup;
    event.failed = end && from.fflags != 0;
    if (!event.readable && !event.writable && !event.hangup && !event.failed) return;
    if (watch.batch != batch_) {
      watch.batch = batch_;
      watch.index = (*count)++;
      events[watch.index] = Event();
      events[watch.index].key = watch.key;
    }
    Event& merged = events[watch.index];
    merged.readable |= event.readable;
    merged.writable |= event.writable;
    merged.hangup |= event.hangup;
    merged.failed |= event.failed;
  }

  Status Apply(int fd, uint64_t key, Interest interest, const struct kevent* changes, int count) {
    if (count > 0 && kevent(kqueue_.get(), changes, count, nullptr, 0, nullptr) != 0) {
      return {errno, Call::kPoll};
    }
    Watch& watch = watches_[static_cast<size_t>(fd)];
    watch.key = key;
    watch.interest = interest;
    return {};
  }

  Fd kqueue_;
  uint64_t batch_ = 0;
  std::vector<Watch> watches_;  // by descriptor
};

}  // namespace

std::unique_ptr<Poller> CreateKqueuePoller(Status* status) {
  // A child of fork() does not inherit a kqueue, but one of exec() would.
  Fd queue(kqueue());
  if (!queue.valid() || fcntl(queue.get(), F_SETFD, FD_CLOEXEC) != 0) {
    *status = {errno, Call::kPoll};
    return nullptr;
  }
  return std::make_unique<KqueuePoller>(std::move(queue));
}

}  // namespace evio

#endif
