// kqueue()/kevent() on Linux, so that the specs can run native/poller_kqueue.cc: sockets, EVFILT_READ and
// EVFILT_WRITE, level-triggered or, with EV_CLEAR and NOTE_LOWAT, for the end of input alone.
//
// A kqueue is an epoll descriptor, which libuv can watch. All filters of a socket share one level-triggered
// registration; that EV_CLEAR reports once is done by asking no more for what has been reported.
#include <errno.h>
#include <sys/epoll.h>
#include <sys/event.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace {

// Linux gives a socket's error away only by taking it (SO_ERROR), and then reading would not find it any
// more. So this stands for every error: EV_EOF with `fflags` other than 0.
constexpr unsigned int kSomeError = EIO;

struct Socket {
  ino_t inode = 0;
  bool reading = false;
  bool only_end = false;  // EV_CLEAR | NOTE_LOWAT
  bool writing = false;
  bool end_told = false;   // of only_end
  bool dead_told = false;  // of only_end: EPOLLHUP or EPOLLERR, which epoll tells whatever was asked for
  bool registered = false;

  bool wanted() const { return writing || (reading && !(only_end && dead_told)); }
  uint32_t mask() const {
    uint32_t mask = writing ? EPOLLOUT : 0u;
    if (reading && !only_end) mask |= EPOLLIN | EPOLLRDHUP;
    if (reading && only_end && !end_told) mask |= EPOLLRDHUP;
    return mask;
  }
};

class Queue {
 public:
  explicit Queue(int epoll) : epoll_(epoll) {}

  int Change(const struct kevent& change) {
    const int fd = static_cast<int>(change.ident);
    struct stat now;
    if (fstat(fd, &now) != 0) return -1;
    Socket& socket = sockets_[fd];
    // close() ends the filters of a descriptor; a number that is used again is another socket.
    if (socket.inode != now.st_ino) {
      socket = Socket();
      socket.inode = now.st_ino;
    }
    bool& filter = change.filter == EVFILT_READ ? socket.reading : socket.writing;
    if ((change.flags & EV_DELETE) != 0 && !filter) {
      errno = ENOENT;
      return -1;
    }
    filter = (change.flags & EV_ADD) != 0;
    if (change.filter == EVFILT_READ) {
      socket.only_end = (change.flags & EV_CLEAR) != 0;
      socket.end_told = socket.dead_told = false;
    }
    return Register(fd, &socket);
  }

  int Wait(struct kevent* events, int capacity) {
    std::vector<epoll_event> ready(static_cast<size_t>(capacity) / 2);
    const int n = epoll_wait(epoll_, ready.data(), static_cast<int>(ready.size()), 0);
    int count = 0;
    for (int i = 0; i < n; i++) count += Report(ready[static_cast<size_t>(i)], events + count);
    return n < 0 ? -1 : count;
  }

 private:
  int Register(int fd, Socket* socket) {
    epoll_event event{};
    event.events = socket->mask();
    event.data.fd = fd;
    const int operation = !socket->wanted()    ? EPOLL_CTL_DEL
                          : socket->registered ? EPOLL_CTL_MOD
                                               : EPOLL_CTL_ADD;
    if (operation == EPOLL_CTL_DEL && !socket->registered) return 0;
    if (epoll_ctl(epoll_, operation, fd, &event) != 0) return -1;
    socket->registered = socket->wanted();
    return 0;
  }

  // One epoll event may be two of kqueue.
  int Report(const epoll_event& from, struct kevent* events) {
    const int fd = from.data.fd;
    Socket& socket = sockets_[fd];
    const bool error = (from.events & EPOLLERR) != 0;
    const bool dead = error || (from.events & EPOLLHUP) != 0;
    const bool end = dead || (from.events & EPOLLRDHUP) != 0;
    int count = 0;
    if (socket.reading && !(socket.only_end && socket.dead_told) && (end || (from.events & EPOLLIN) != 0)) {
      events[count++] = Make(fd, EVFILT_READ, end, error);
    }
    if (socket.writing && (dead || (from.events & EPOLLOUT) != 0)) {
      events[count++] = Make(fd, EVFILT_WRITE, dead, error);
    }
    if (socket.reading && socket.only_end) {
      socket.end_told |= end;
      socket.dead_told |= dead;
      (void)Register(fd, &socket);
    }
    return count;
  }

  static struct kevent Make(int fd, short filter, bool end, bool error) {
    struct kevent event {};
    event.ident = static_cast<uintptr_t>(fd);
    event.filter = filter;
    event.flags = end ? EV_EOF : static_cast<unsigned short>(0);
    event.fflags = error ? kSomeError : 0;
    return event;
  }

  int epoll_;
  std::unordered_map<int, Socket> sockets_;
};

std::mutex mutex;
// By descriptor. A queue is not told when it is closed: its entry goes when the number is used again.
std::unordered_map<int, std::shared_ptr<Queue>>& Queues() {
  static auto* queues = new std::unordered_map<int, std::shared_ptr<Queue>>();
  return *queues;
}

std::shared_ptr<Queue> Find(int queue) {
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = Queues().find(queue);
  return found == Queues().end() ? nullptr : found->second;
}

}  // namespace

int kqueue() {
  const int epoll = epoll_create1(0);
  if (epoll < 0) return -1;
  const std::lock_guard<std::mutex> lock(mutex);
  Queues()[epoll] = std::make_shared<Queue>(epoll);
  return epoll;
}

int kevent(int queue, const struct kevent* changes, int change_count, struct kevent* events, int event_count,
           const timespec*) {
  const std::shared_ptr<Queue> found = Find(queue);
  if (found == nullptr) {
    errno = EBADF;
    return -1;
  }
  if ((change_count > 0) == (event_count > 0) || event_count == 1) {
    errno = EINVAL;
    return -1;
  }
  if (event_count > 0) return found->Wait(events, event_count);
  for (int i = 0; i < change_count; i++) {
    if (found->Change(changes[i]) != 0) return -1;
  }
  return 0;
}
