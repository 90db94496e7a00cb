// Descriptors and the socket calls this library makes. Every descriptor is non-blocking and close-on-exec.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "socket_address.h"
#include "status.h"

namespace evio {

// Owns one descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd();

  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

struct StreamOptions {
  bool no_delay = true;             // not for unix sockets
  uint32_t keep_alive_seconds = 0;  // 0 leaves keep-alive off
};

struct ListenOptions {
  int backlog = 0;
  bool reuse_port = false;
  bool ipv6_only = false;
  StreamOptions accepted;
};

// Bound and listening. `bound` gets the real address, with the port that the kernel chose.
Status OpenListener(const SocketAddress& address, const ListenOptions& options, Fd* listener,
                    SocketAddress* bound);

// Takes one connection from the backlog; EAGAIN when it is empty.
Status Accept(int listener, Fd* connection, SocketAddress* remote);

// Begins to connect; the socket becomes writable when it is known how that went (TakeError). `local` is where
// from, of the same family, or nullptr.
Status Connect(const SocketAddress& remote, const SocketAddress* local, const StreamOptions& options,
               Fd* connection);

// What accept(2) says of one client or of a passing state, not of the listener: the next call may succeed.
bool ConcernsOneClient(int error);

// Empty when the system does not know it (any more).
SocketAddress LocalAddress(int fd);
SocketAddress RemoteAddress(int fd);

// The result of one transfer: bytes moved, or an errno. EINTR is tried again inside.
struct Transfer {
  size_t bytes = 0;
  int error = 0;

  bool ok() const { return error == 0; }
  bool WouldBlock() const;
};

Transfer Receive(int fd, uint8_t* into, size_t capacity);
// Whether there is unread input: 1 byte, 0 at its end, or the error that reading would give.
Transfer Peek(int fd);
Transfer Send(int fd, const iovec* pieces, size_t count);

// FIN. Failure is ignored on purpose: ENOTCONN means that the peer has reset, which reading and writing
// report.
void ShutdownWrite(int fd);
// Makes the coming close() send RST (SO_LINGER with a time of 0, socket(7)).
void ResetOnClose(int fd);
// Takes the pending error of a socket (SO_ERROR), 0 for none.
int TakeError(int fd);

}  // namespace evio
