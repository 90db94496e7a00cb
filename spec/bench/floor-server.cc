// The floor: what a server of one thread costs on this kernel with nothing between it and epoll. It does what
// a C programmer would do, no less: level-triggered epoll, one read per event into one buffer, replies sent
// at once, and EPOLLOUT watched (and reading stopped) only while the kernel does not take them all.
//
//   floor-server --port N [--protocol echo|stream|resp|counted|weighed|sink|source|fan-out]
//
// echo, stream: what was sent. resp: floor-resp.h. sink: nothing. source: bytes without end. fan-out: to all,
// whoever sent it. counted: an echo that answers each line of standard input with what it has seen of
// connections, in JSON.
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "floor-resp.h"

namespace {

constexpr size_t kReadBytes = 64 * 1024;
constexpr size_t kMostQueued = 16 * 1024 * 1024;  // a client of a fan-out that reads less than it is sent
constexpr int kBacklog = 4096;

[[noreturn]] void Fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

enum class Protocol { kEcho, kResp, kCounted, kSink, kSource, kFanOut };

struct Connection {
  bool open = false;
  bool blocked = false;    // EPOLLOUT is watched instead of EPOLLIN
  size_t sent = 0;         // of `unsent`
  std::string unsent;      // what the kernel did not take
  std::string unfinished;  // the beginning of a request
};

class Server {
 public:
  Server(uint16_t port, Protocol protocol) : protocol_(protocol) {
    rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) Fail("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) Fail("setrlimit");
    connections_.resize(limit.rlim_cur < kMostDescriptors ? limit.rlim_cur : kMostDescriptors);
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) Fail("epoll_create1");
    Listen(port);
    if (protocol_ == Protocol::kCounted) Watch(EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN);
    if (protocol_ == Protocol::kSource) std::memset(buffer_.get(), 'x', kReadBytes);
  }

  [[noreturn]] void Run() {
    std::vector<epoll_event> events(1024);
    for (;;) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      if (count < 0 && errno != EINTR) Fail("epoll_wait");
      for (int i = 0; i < count; i++) {
        const int fd = events[static_cast<size_t>(i)].data.fd;
        if (fd == listener_) {
          Accept();
        } else if (fd == STDIN_FILENO) {
          Report();
        } else if (Of(fd).open) {  // not closed earlier in this batch
          Of(fd).blocked ? Writable(fd) : Readable(fd);
        }
      }
    }
  }

 private:
  static constexpr rlim_t kMostDescriptors = 1 << 20;

  void Listen(uint16_t port) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener_ < 0) Fail("socket");
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) Fail("bind");
    if (listen(listener_, kBacklog) < 0) Fail("listen");
    Watch(EPOLL_CTL_ADD, listener_, EPOLLIN);
  }

  void Accept() {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0)
        return;  // EAGAIN, or a client that has gone again; out of descriptors: tried at the next event
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      Of(fd).open = true;
      opened_++;
      Watch(EPOLL_CTL_ADD, fd, EPOLLIN);
      if (protocol_ == Protocol::kSource) Pour(fd);
    }
  }

  void Readable(int fd) {
    const ssize_t count = recv(fd, buffer_.get(), kReadBytes, 0);
    if (count > 0) return Heard(fd, static_cast<size_t>(count));
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    Close(fd);  // nothing is left to send: a blocked connection is not read
  }

  void Heard(int fd, size_t count) {
    switch (protocol_) {
      case Protocol::kEcho:
      case Protocol::kCounted:
        return Send(fd, buffer_.get(), count);
      case Protocol::kResp:
        return Answer(fd, count);
      case Protocol::kFanOut:
        for (int to = 0; to <= highest_; to++) {
          if (Of(to).open) Send(to, buffer_.get(), count);
        }
        return;
      case Protocol::kSink:
      case Protocol::kSource:
        return;
    }
  }

  void Answer(int fd, size_t count) {
    Connection& connection = Of(fd);
    const char* bytes = buffer_.get();
    const bool joined = !connection.unfinished.empty();
    if (joined) {
      connection.unfinished.append(bytes, count);
      bytes = connection.unfinished.data();
      count = connection.unfinished.size();
    }
    replies_.clear();
    const ptrdiff_t used = resp_.Answer(bytes, count, replies_);
    if (used < 0) return Close(fd);
    const auto complete = static_cast<size_t>(used);
    if (joined) {
      connection.unfinished.erase(0, complete);
    } else if (complete < count) {
      connection.unfinished.assign(bytes + complete, count - complete);
    }
    if (!replies_.empty()) Send(fd, replies_.data(), replies_.size());
  }

  // At once; what the kernel does not take waits for EPOLLOUT, and so does the next read.
  void Send(int fd, const char* bytes, size_t size) {
    Connection& connection = Of(fd);
    size_t taken = 0;
    if (!connection.blocked) {
      const ssize_t count = send(fd, bytes, size, MSG_NOSIGNAL);
      if (count == static_cast<ssize_t>(size)) return;
      if (count < 0 && errno != EAGAIN && errno != EINTR) return Close(fd);
      if (count > 0) taken = static_cast<size_t>(count);
      Block(fd, true);
    }
    if (connection.unsent.size() > kMostQueued) return Close(fd);
    connection.unsent.append(bytes + taken, size - taken);
  }

  void Writable(int fd) {
    Connection& connection = Of(fd);
    if (protocol_ == Protocol::kSource) return Pour(fd);
    const size_t left = connection.unsent.size() - connection.sent;
    const ssize_t count = send(fd, connection.unsent.data() + connection.sent, left, MSG_NOSIGNAL);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count < 0) return Close(fd);
    connection.sent += static_cast<size_t>(count);
    if (connection.sent < connection.unsent.size()) return;
    connection.unsent.clear();
    connection.sent = 0;
    Block(fd, false);
  }

  // Until the kernel takes no more, but not for ever: others want their turn.
  void Pour(int fd) {
    for (int i = 0; i < 16; i++) {
      const ssize_t count = send(fd, buffer_.get(), kReadBytes, MSG_NOSIGNAL);
      if (count < 0 && errno != EAGAIN && errno != EINTR) return Close(fd);
      if (count < static_cast<ssize_t>(kReadBytes)) break;
    }
    Block(fd, true);
  }

  void Block(int fd, bool blocked) {
    if (Of(fd).blocked == blocked) return;
    Of(fd).blocked = blocked;
    Watch(EPOLL_CTL_MOD, fd, blocked ? EPOLLOUT : EPOLLIN);
  }

  void Close(int fd) {
    close(fd);
    Of(fd) = Connection();
    closed_++;
  }

  // The lines themselves do not matter. Memory is what malloc has given out.
  void Report() {
    char line[256];
    const ssize_t count = read(STDIN_FILENO, line, sizeof line);
    if (count <= 0) std::exit(0);
    const struct mallinfo2 memory = mallinfo2();
    for (ssize_t i = 0; i < count; i++) {
      if (line[i] != '\n') continue;
      std::printf("{\"opened\":%zu,\"closed\":%zu,\"repeated\":0,\"heap\":0,\"held\":%zu}\n", opened_,
                  closed_, memory.uordblks + memory.hblkhd);
    }
    std::fflush(stdout);
  }

  void Watch(int operation, int fd, uint32_t what) {
    epoll_event event{};
    event.events = what;
    event.data.fd = fd;
    if (epoll_ctl(epoll_, operation, fd, &event) < 0) Fail("epoll_ctl");
    if (fd > highest_) highest_ = fd;
  }

  Connection& Of(int fd) { return connections_[static_cast<size_t>(fd)]; }

  const Protocol protocol_;
  std::vector<Connection> connections_;  // by descriptor
  std::unique_ptr<char[]> buffer_{new char[kReadBytes]};
  int epoll_ = -1;
  int listener_ = -1;
  int highest_ = 0;
  size_t opened_ = 0;
  size_t closed_ = 0;
  Resp resp_;
  std::string replies_;  // of one read
};

}  // namespace

int main(int argc, char** argv) {
  static const std::map<std::string, Protocol> protocols = {
      {"echo", Protocol::kEcho},     {"stream", Protocol::kEcho},     {"weighed", Protocol::kCounted},
      {"resp", Protocol::kResp},     {"counted", Protocol::kCounted}, {"sink", Protocol::kSink},
      {"source", Protocol::kSource}, {"fan-out", Protocol::kFanOut}};
  std::map<std::string, std::string> options = {{"--port", ""}, {"--protocol", "echo"}};
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  const auto protocol = protocols.find(options["--protocol"]);
  const int port = std::atoi(options["--port"].c_str());
  if (argc % 2 == 0 || options.size() != 2 || protocol == protocols.end() || port < 1 || port > 65535) {
    std::fprintf(stderr,
                 "usage: %s --port N [--protocol echo|stream|resp|counted|weighed|sink|source|fan-out]\n",
                 argv[0]);
    return 2;
  }
  Server(static_cast<uint16_t>(port), protocol->second).Run();
}
