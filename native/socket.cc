#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace evio {
namespace {

bool SetOption(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

// Where the systems differ. EVIO_KQUEUE_SHIM takes the way of macOS, so that the specs run it.
#if defined(__APPLE__) || defined(EVIO_KQUEUE_SHIM)

// macOS has neither SOCK_NONBLOCK and SOCK_CLOEXEC nor accept4(). A child that another thread forks in
// between may inherit the descriptor.
bool SetDescriptorFlags(int fd) {
  return fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

int NewSocket(int family) {
  Fd fd(socket(family, SOCK_STREAM, 0));
  return fd.valid() && SetDescriptorFlags(fd.get()) ? fd.Release() : -1;
}

int AcceptOne(int listener, SocketAddress* remote) {
  Fd fd(accept(listener, remote->get(), &remote->length));
  return fd.valid() && SetDescriptorFlags(fd.get()) ? fd.Release() : -1;
}

#else

int NewSocket(int family) { return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

int AcceptOne(int listener, SocketAddress* remote) {
  return accept4(listener, remote->get(), &remote->length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

#endif

#if defined(MSG_NOSIGNAL)
constexpr int kSendFlags = MSG_NOSIGNAL;
#else
constexpr int kSendFlags = 0;  // macOS: SO_NOSIGPIPE stands in
#endif

// A write to a peer that has gone must be EPIPE, not a signal. A socket that has been reset refuses the
// option (EINVAL, macOS): there is nothing to be written to it any more.
void RefuseSigpipe(int fd) {
#if defined(SO_NOSIGPIPE)
  (void)SetOption(fd, SOL_SOCKET, SO_NOSIGPIPE, 1);
#else
  (void)fd;
#endif
}

#if defined(__APPLE__)
constexpr int kKeepIdle = TCP_KEEPALIVE;
#elif defined(TCP_KEEPIDLE)
constexpr int kKeepIdle = TCP_KEEPIDLE;
#endif

#if defined(__APPLE__) || defined(TCP_KEEPIDLE)
// As in Go and evio, the same time before the first probe and between probes.
bool SetKeepAliveTimes(int fd, int seconds) {
  return SetOption(fd, IPPROTO_TCP, kKeepIdle, seconds) && SetOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds);
}
#else
// OpenBSD has one time for the whole system, net.inet.tcp.keepidle.
bool SetKeepAliveTimes(int, int) { return true; }
#endif

// FreeBSD spreads connections over the sockets of a port only when asked by another name. On macOS, OpenBSD
// and NetBSD several sockets may share a port, but the kernel does not spread.
#if defined(SO_REUSEPORT_LB)
constexpr int kReusePort = SO_REUSEPORT_LB;
#else
constexpr int kReusePort = SO_REUSEPORT;
#endif

// macOS refuses to send 2 GiB and more at once (EINVAL); nowhere does the kernel take as much.
constexpr size_t kLongestSend = size_t{1} << 30;

bool SetStreamOptions(int fd, const StreamOptions& options) {
  if (options.no_delay && !SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1)) return false;
  if (options.keep_alive_seconds == 0) return true;
  return SetOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1) &&
         SetKeepAliveTimes(fd, static_cast<int>(options.keep_alive_seconds));
}

bool SetListenerOptions(int fd, int family, const ListenOptions& options) {
  if (family == AF_UNIX) return true;
  // SO_REUSEADDR: the address of a server that has just ended can be bound again (socket(7)).
  if (!SetOption(fd, SOL_SOCKET, SO_REUSEADDR, 1)) return false;
  if (options.reuse_port && !SetOption(fd, SOL_SOCKET, kReusePort, 1)) return false;
  if (family == AF_INET6 && !SetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only ? 1 : 0))
    return false;
  // What is accepted inherits these from its listener, on Linux and on the BSDs, which saves calls per
  // connection.
  return SetStreamOptions(fd, options.accepted);
}

}  // namespace

Fd::~Fd() {
  // EINTR from close() is not tried again: Linux and the BSDs have released the descriptor by then
  // (close(2)).
  if (fd_ >= 0) close(fd_);
}

bool Transfer::WouldBlock() const { return error == EAGAIN || error == EWOULDBLOCK; }

Status OpenListener(const SocketAddress& address, const ListenOptions& options, Fd* listener,
                    SocketAddress* bound) {
  const int family = address.storage.ss_family;
  Fd fd(NewSocket(family));
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
  Fd fd(AcceptOne(listener, remote));
  if (!fd.valid()) return {errno, Call::kAccept};
  RefuseSigpipe(fd.get());
  *connection = std::move(fd);
  return {};
}

Status Connect(const SocketAddress& remote, const SocketAddress* local, const StreamOptions& options,
               Fd* connection) {
  const int family = remote.storage.ss_family;
  Fd fd(NewSocket(family));
  if (!fd.valid()) return {errno, Call::kSocket};
  RefuseSigpipe(fd.get());
  if (family != AF_UNIX && !SetStreamOptions(fd.get(), options)) return {errno, Call::kConnect};
  if (local != nullptr && bind(fd.get(), local->get(), local->length) != 0) return {errno, Call::kConnect};
  // EINTR: it goes on in the background, as after EINPROGRESS (connect(2)).
  if (connect(fd.get(), remote.get(), remote.length) != 0 && errno != EINPROGRESS && errno != EINTR) {
    return {errno, Call::kConnect};
  }
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

SocketAddress RemoteAddress(int fd) {
  SocketAddress address;
  address.length = sizeof(address.storage);
  if (getpeername(fd, address.get(), &address.length) != 0) address.length = 0;
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
  if (count == 1) {
    const size_t length = std::min(pieces[0].iov_len, kLongestSend);
    return Retry([&] { return send(fd, pieces[0].iov_base, length, kSendFlags); });
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces);
  message.msg_iovlen = count;
  return Retry([&] { return sendmsg(fd, &message, kSendFlags); });
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
