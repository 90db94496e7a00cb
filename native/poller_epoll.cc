// epoll(7) backend, Linux.
//
// epoll forgets a descriptor by itself only when its last duplicate closes. Ours are CLOEXEC, so a duplicate
// lives no longer than between fork and exec of a child; an event in that moment carries a generation that
// has ended.
#if defined(__linux__) && !defined(EVIO_KQUEUE_SHIM)

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>

#include "poller.h"
#include "socket.h"

namespace evio {
namespace {

constexpr size_t kBatch = 512;

uint32_t ToEpoll(Interest interest) {
  uint32_t mask = 0;
  if (interest.readable) mask |= EPOLLIN;
  if (interest.writable) mask |= EPOLLOUT;
  if (interest.hangup) mask |= EPOLLRDHUP;
  return mask;
}

Event FromEpoll(const epoll_event& from) {
  Event event;
  event.key = from.data.u64;
  event.readable = (from.events & EPOLLIN) != 0;
  event.writable = (from.events & EPOLLOUT) != 0;
  event.hangup = (from.events & EPOLLRDHUP) != 0;
  event.failed = (from.events & (EPOLLERR | EPOLLHUP)) != 0;
  return event;
}

class EpollPoller final : public Poller {
 public:
  explicit EpollPoller(Fd epoll) : epoll_(std::move(epoll)) {}

  Status Add(int fd, uint64_t key, Interest interest) override {
    return Control(EPOLL_CTL_ADD, fd, key, interest);
  }

  Status Modify(int fd, uint64_t key, Interest interest) override {
    return Control(EPOLL_CTL_MOD, fd, key, interest);
  }

  Status Remove(int fd) override { return Control(EPOLL_CTL_DEL, fd, 0, Interest()); }

  Status Wait(Event* events, size_t capacity, size_t* count) override {
    epoll_event ready[kBatch];
    const int n = epoll_wait(epoll_.get(), ready, static_cast<int>(std::min(capacity, kBatch)), 0);
    *count = n > 0 ? static_cast<size_t>(n) : 0;
    for (size_t i = 0; i < *count; i++) events[i] = FromEpoll(ready[i]);
    // EINTR: a signal came first; whatever is ready still is at the next call.
    return n < 0 && errno != EINTR ? Status{errno, Call::kPoll} : Status{};
  }

  int fd() const override { return epoll_.get(); }

 private:
  Status Control(int operation, int fd, uint64_t key, Interest interest) {
    epoll_event event{};
    event.events = ToEpoll(interest);
    event.data.u64 = key;
    return epoll_ctl(epoll_.get(), operation, fd, &event) == 0 ? Status{} : Status{errno, Call::kPoll};
  }

  Fd epoll_;
};

}  // namespace

std::unique_ptr<Poller> CreateEpollPoller(Status* status) {
  Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) {
    *status = {errno, Call::kPoll};
    return nullptr;
  }
  return std::make_unique<EpollPoller>(std::move(epoll));
}

}  // namespace evio

#endif
