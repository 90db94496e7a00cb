#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace evio {
namespace {

#if defined(__linux__)
constexpr int kSocketFlags = SOCK_NONBLOCK | SOCK_CLOEXEC;
#endif

bool SetOption(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

// What is accepted inherits these from its listener (Linux copies the whole socket), which saves calls per
// connection.
bool SetInheritedOptions(int fd, const ListenOptions& options) {
  if (options.no_delay && !SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1)) return false;
  if (options.keep_alive_seconds == 0) return true;
  const int seconds = static_cast<int>(options.keep_alive_seconds);
  // As in Go and evio, the same time before the first probe and between probes.
  return SetOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1) && SetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds) &&
         SetOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds);
}

bool SetListenerOptions(int fd, int family, const ListenOptions& options) {
  if (family == AF_UNIX) return true;
  // SO_REUSEADDR: the address of a server that has just ended can be bound again (socket(7)).
  if (!SetOption(fd, SOL_SOCKET, SO_REUSEADDR, 1)) return false;
  if (options.reuse_port && !SetOption(fd, SOL_SOCKET, SO_REUSEPORT, 1)) return false;
  if (family == AF_INET6 && !SetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only ? 1 : 0))
    return false;
  return SetInheritedOptions(fd, options);
}

}  // namespace

Fd::~Fd() {
  // EINTR from close() is not tried again: Linux has released the descriptor by then (close(2)).
  if (fd_ >= 0) close(fd_);
}

bool Transfer::WouldBlock() const { return error == EAGAIN || error == EWOULDBLOCK; }

Status OpenListener(const SocketAddress& address, const ListenOptions& options, Fd* listener,
                    SocketAddress* bound) {
  const int family = address.storage.ss_family;
  Fd fd(socket(family, SOCK_STREAM | kSocketFlags, 0));
  if (!fd.valid()) return {errno, Call::kSocket};
  // bind(2)'s errors go by the name `listen`, as they do in Node.
  if (!SetListenerOptions(fd.get(), family, options) || bind(fd.get(), address.get(), address.length) != 0 ||
      listen(fd.get(), options.backlog) != 0) {
    return {errno, Call::kListen};
  }
  *bound = LocalAddress(fd.get());
  *listener = std::move(fd);
  return {};
}

Status Accept(int listener, Fd* connection, SocketAddress* remote) {
  remote->length = sizeof(remote->storage);
  Fd fd(accept4(listener, remote->get(), &remote->length, kSocketFlags));
  if (!fd.valid()) return {errno, Call::kAccept};
  *connection = std::move(fd);
  return {};
}

bool ConcernsOneClient(int error) {
  switch (error) {
    case EINTR:
    case ECONNABORTED:  // the client reset before it was accepted
    case EPERM:         // a firewall rule refused it
    case EPROTO:        // the rest: "treat them like EAGAIN by retrying", accept(2)
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
#if defined(__linux__)
    case ENONET:
#endif
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

SocketAddress LocalAddress(int fd) {
  SocketAddress address;
  address.length = sizeof(address.storage);
  if (getsockname(fd, address.get(), &address.length) != 0) address.length = 0;
  return address;
}

namespace {

template <typename Attempt>
Transfer Retry(Attempt attempt) {
  for (;;) {
    const ssize_t n = attempt();
    if (n >= 0) return {static_cast<size_t>(n), 0};
    if (errno != EINTR) return {0, errno};
  }
}

}  // namespace

Transfer Receive(int fd, uint8_t* into, size_t capacity) {
  return Retry([&] { return recv(fd, into, capacity, 0); });
}

Transfer Peek(int fd) {
  uint8_t byte;
  return Retry([&] { return recv(fd, &byte, 1, MSG_PEEK); });
}

Transfer Send(int fd, const iovec* pieces, size_t count) {
  if (count == 1) return Retry([&] { return send(fd, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL); });
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces);
  message.msg_iovlen = count;
  return Retry([&] { return sendmsg(fd, &message, MSG_NOSIGNAL); });
}

void ShutdownWrite(int fd) { (void)shutdown(fd, SHUT_WR); }

void ResetOnClose(int fd) {
  const linger now = {1, 0};
  (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

int TakeError(int fd) {
  int error = 0;
  socklen_t length = sizeof(error);
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

}  // namespace evio
