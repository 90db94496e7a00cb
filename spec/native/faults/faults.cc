// Faults under the native sockets, for the specs: the linker puts these functions in the place of the system
// calls of the same name (ld --wrap). What a call does wrong, a kernel may do as well; where that would be
// seen by the peer (a reset), the peer sees it here too.
//
// The environment variable EVIO_FAULTS says how often, in calls of a thousand, and with which seed:
//   EVIO_FAULTS="run=7 seed=42 short=300 eagain=100 ..."
// It is read when it has changed since the last connect() or epoll_wait(), which is where a new run begins;
// so a run is given a number to differ from the one before. Without it nothing is done wrong. Like the
// environment, this is of the main thread alone.
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <unordered_map>
#include <utility>

extern "C" {
ssize_t __real_recv(int fd, void* into, size_t capacity, int flags);
ssize_t __real_send(int fd, const void* bytes, size_t length, int flags);
ssize_t __real_sendmsg(int fd, const msghdr* message, int flags);
int __real_accept(int fd, sockaddr* address, socklen_t* length);
int __real_accept4(int fd, sockaddr* address, socklen_t* length, int flags);
int __real_connect(int fd, const sockaddr* address, socklen_t length);
int __real_getsockopt(int fd, int level, int name, void* value, socklen_t* length);
int __real_epoll_ctl(int epoll, int operation, int fd, epoll_event* event);
int __real_epoll_wait(int epoll, epoll_event* events, int capacity, int timeout);
int __real_close(int fd);
}

namespace {

class Faults {
 public:
  // Begins a run if the environment says so.
  void Refresh() {
    const char* text = std::getenv("EVIO_FAULTS");
    if (text == nullptr) text = "";
    if (text_ == text) return;
    text_ = text;
    state_ = Setting("seed") * 0x9e3779b97f4a7c15u + 1;
    doomed_.clear();
    short_ = Setting("short");
    interrupted_ = Setting("eintr");
    again_ = Setting("eagain");
    reset_ = Setting("reset");
    no_buffers_ = Setting("enobufs");
    accept_ = Setting("accept");
    connect_ = Setting("connect");
    control_ = Setting("control");
    late_ = Setting("late");
  }

  bool Short() { return Happens(short_); }
  bool Interrupted() { return Happens(interrupted_); }
  bool Again() { return Happens(again_); }
  bool Reset() { return Happens(reset_); }
  bool NoBuffers() { return Happens(no_buffers_); }
  bool Accept() { return Happens(accept_); }
  bool Connect() { return Happens(connect_); }
  bool Control() { return Happens(control_); }
  bool Late() { return Happens(late_); }

  // 0 to bound - 1.
  uint64_t Below(uint64_t bound) { return Next() % bound; }

  template <size_t count>
  int OneOf(const int (&errors)[count]) {
    return errors[Below(count)];
  }

  // Of a length more than one: the part that is done, mostly a few bytes or nearly all.
  size_t PartOf(size_t length) {
    const uint64_t few = 1 + Below(std::min<uint64_t>(length - 1, 16));
    switch (Below(3)) {
      case 0:
        return few;
      case 1:
        return length - few;
      default:
        return 1 + Below(length - 1);
    }
  }

  // A connection under way that will turn out to have failed.
  void Doom(int fd, int error) { doomed_[fd] = error; }
  int TakeDoom(int fd) {
    const auto found = doomed_.find(fd);
    if (found == doomed_.end()) return 0;
    const int error = found->second;
    doomed_.erase(found);
    return error;
  }

 private:
  // splitmix64
  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  bool Happens(uint64_t rate) { return rate > 0 && Below(1000) < rate; }

  uint64_t Setting(const char* name) const {
    const std::string key = std::string(" ") + name + "=";
    const size_t at = (" " + text_).find(key);
    return at == std::string::npos ? 0 : std::strtoull(text_.c_str() + at + key.size() - 1, nullptr, 10);
  }

  std::string text_;
  uint64_t state_ = 0;
  uint64_t short_ = 0;
  uint64_t interrupted_ = 0;
  uint64_t again_ = 0;
  uint64_t reset_ = 0;
  uint64_t no_buffers_ = 0;
  uint64_t accept_ = 0;
  uint64_t connect_ = 0;
  uint64_t control_ = 0;
  uint64_t late_ = 0;
  std::unordered_map<int, int> doomed_;
};

Faults& faults() {
  thread_local Faults of_thread;
  return of_thread;
}

int Fail(int error) {
  errno = error;
  return -1;
}

// Breaks a TCP connection as a reset from the peer would, and sends the peer one: Linux does both when a
// connected socket is connected to nowhere. What the call after it finds is no invention.
void Break(int fd) {
  sockaddr nowhere{};
  nowhere.sa_family = AF_UNSPEC;
  (void)__real_connect(fd, &nowhere, sizeof(nowhere));
}

bool IsTcp(int fd) {
  int domain = 0;
  socklen_t length = sizeof(domain);
  return __real_getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain != AF_UNIX;
}

// A socket that has failed or is shut both ways never says EAGAIN: there is nothing left to wait for.
bool MayBlock(int fd) {
  pollfd of = {fd, 0, 0};
  return poll(&of, 1, 0) == 0;
}

// An errno for a send that does not come to the kernel, or 0.
int SendError(int fd) {
  if (faults().Interrupted()) return EINTR;
  if (faults().Again() && MayBlock(fd)) return EAGAIN;
  if (faults().NoBuffers()) return faults().Below(2) == 0 ? ENOBUFS : ENOMEM;
  if (faults().Reset() && IsTcp(fd)) Break(fd);
  return 0;
}

// The same for accepting.
int AcceptError() {
  if (faults().Interrupted()) return EINTR;
  if (faults().Again()) return EAGAIN;
  if (faults().Accept()) return faults().OneOf({EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED, EPROTO});
  return 0;
}

}  // namespace

extern "C" {

ssize_t __wrap_recv(int fd, void* into, size_t capacity, int flags) {
  if (faults().Interrupted()) return Fail(EINTR);
  if (faults().Again() && MayBlock(fd)) return Fail(EAGAIN);
  if (faults().Reset() && IsTcp(fd)) Break(fd);
  if (capacity > 1 && faults().Short()) capacity = faults().PartOf(capacity);
  return __real_recv(fd, into, capacity, flags);
}

ssize_t __wrap_send(int fd, const void* bytes, size_t length, int flags) {
  if (const int error = SendError(fd)) return Fail(error);
  if (length > 1 && faults().Short()) length = faults().PartOf(length);
  return __real_send(fd, bytes, length, flags);
}

ssize_t __wrap_sendmsg(int fd, const msghdr* message, int flags) {
  if (const int error = SendError(fd)) return Fail(error);
  if (!faults().Short()) return __real_sendmsg(fd, message, flags);
  // Some whole pieces and a part of the next.
  const size_t whole = faults().Below(message->msg_iovlen);
  msghdr part = *message;
  iovec cut[64];
  part.msg_iov = cut;
  part.msg_iovlen = std::min<size_t>(whole + 1, 64);
  std::copy_n(message->msg_iov, part.msg_iovlen, cut);
  iovec& last = cut[part.msg_iovlen - 1];
  if (last.iov_len > 1) last.iov_len = faults().PartOf(last.iov_len);
  return __real_sendmsg(fd, &part, flags);
}

int __wrap_accept4(int fd, sockaddr* address, socklen_t* length, int flags) {
  if (const int error = AcceptError()) return Fail(error);
  return __real_accept4(fd, address, length, flags);
}

// Without accept4(), as on macOS.
int __wrap_accept(int fd, sockaddr* address, socklen_t* length) {
  if (const int error = AcceptError()) return Fail(error);
  return __real_accept(fd, address, length);
}

int __wrap_connect(int fd, const sockaddr* address, socklen_t length) {
  faults().Refresh();
  if (faults().Connect()) {
    const int error = faults().OneOf({ECONNREFUSED, ETIMEDOUT, ENETUNREACH, EADDRNOTAVAIL});
    if (faults().Below(2) == 0) return Fail(error);
    faults().Doom(fd, error);  // found out later, as it usually is
  }
  const int result = __real_connect(fd, address, length);
  // The signal came while it was being made, which goes on.
  const bool under_way = result == 0 || errno == EINPROGRESS;
  return under_way && faults().Interrupted() ? Fail(EINTR) : result;
}

int __wrap_getsockopt(int fd, int level, int name, void* value, socklen_t* length) {
  const int result = __real_getsockopt(fd, level, name, value, length);
  if (result != 0 || level != SOL_SOCKET || name != SO_ERROR) return result;
  if (const int error = faults().TakeDoom(fd)) *static_cast<int*>(value) = error;
  return result;
}

int __wrap_epoll_ctl(int epoll, int operation, int fd, epoll_event* event) {
  if (operation == EPOLL_CTL_ADD && faults().Control()) return Fail(faults().OneOf({ENOMEM, ENOSPC}));
  return __real_epoll_ctl(epoll, operation, fd, event);
}

// Readiness is level-triggered: what is kept back here is told at the next call.
int __wrap_epoll_wait(int epoll, epoll_event* events, int capacity, int timeout) {
  faults().Refresh();
  if (faults().Interrupted()) return Fail(EINTR);
  const int count = __real_epoll_wait(epoll, events, capacity, timeout);
  int told = 0;
  for (int i = 0; i < count; i++) {
    if (!faults().Late()) std::swap(events[told++], events[i]);
  }
  for (int i = told; i > 1 && faults().Late(); i--) {
    std::swap(events[i - 1], events[faults().Below(static_cast<uint64_t>(i))]);
  }
  return count < 0 ? count : told;
}

// What is closed twice goes unnoticed, until somebody else has the number meanwhile: so this is the end.
int __wrap_close(int fd) {
  (void)faults().TakeDoom(fd);
  const int result = __real_close(fd);
  if (result != 0 && errno == EBADF) {
    std::fprintf(stderr, "descriptor %d is closed twice\n", fd);
    std::abort();
  }
  return result;
}

}  // extern "C"
