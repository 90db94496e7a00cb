#include "loopback.h"

#include <doctest/doctest.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace evio {
namespace {

bool IsReady(int fd, short direction, int milliseconds) {
  pollfd entry = {fd, direction, 0};
  return poll(&entry, 1, milliseconds) > 0;
}

void SetNonBlocking(int fd) { REQUIRE(fcntl(fd, F_SETFL, O_NONBLOCK) == 0); }

}  // namespace

bool IsReadable(int fd, int milliseconds) { return IsReady(fd, POLLIN, milliseconds); }

bool IsWritable(int fd, int milliseconds) { return IsReady(fd, POLLOUT, milliseconds); }

std::string Pattern(size_t length, uint32_t seed) {
  std::string bytes(length, '\0');
  uint32_t state = seed * 2654435761u + 1;
  for (size_t i = 0; i < length; i += sizeof(state)) {
    state = state * 1664525u + 1013904223u;
    std::memcpy(bytes.data() + i, &state, std::min(sizeof(state), length - i));
  }
  return bytes;
}

SocketAddress LoopbackAddress(Family family, uint16_t port) {
  SocketAddress address;
  REQUIRE(ParseAddress(family, family == Family::kIPv4 ? "127.0.0.1" : "::1", port, &address).ok());
  return address;
}

uint16_t PortOf(const SocketAddress& address) { return ToRecord(address).port; }

bool HasIPv6() {
  SocketAddress address;
  if (!ParseAddress(Family::kIPv6, "::1", 0, &address).ok()) return false;
  const Fd fd(socket(AF_INET6, SOCK_STREAM, 0));
  return fd.valid() && bind(fd.get(), address.get(), address.length) == 0;
}

SocketFolder::SocketFolder() {
  const char* parent = std::getenv("TMPDIR");
  path_ = std::string(parent == nullptr ? "/tmp" : parent) + "/evio-XXXXXX";
  REQUIRE(mkdtemp(path_.data()) != nullptr);
}

// What a test leaves in it stays, and says so by staying.
SocketFolder::~SocketFolder() { CHECK(rmdir(path_.c_str()) == 0); }

SocketAddress SocketFolder::AddressOf(const std::string& name) const {
  SocketAddress address;
  REQUIRE(ParseAddress(Family::kUnix, PathOf(name), 0, &address).ok());
  return address;
}

bool Exists(const std::string& path) {
  struct stat status;
  return lstat(path.c_str(), &status) == 0;
}

size_t Fill(int fd) {
  const std::string bytes = Pattern(64 * 1024);
  size_t total = 0;
  for (int round = 0; round < kRounds; round++) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) total += static_cast<size_t>(sent);
    if (sent < 0 && !IsWritable(fd, kSilence)) return total;
  }
  FAIL("there is no end to what this socket takes");
  return total;
}

size_t Drain(int fd) {
  uint8_t bytes[64 * 1024];
  size_t total = 0;
  for (;;) {
    const Transfer got = Receive(fd, bytes, sizeof(bytes));
    if (!got.ok() || got.bytes == 0) return total;
    total += got.bytes;
  }
}

SocketPair TcpPair() {
  Fd listener;
  SocketAddress bound;
  SocketAddress remote;
  ListenOptions options;
  options.backlog = 1;
  REQUIRE(OpenListener(LoopbackAddress(), options, &listener, &bound).ok());
  SocketPair pair;
  pair.theirs = Fd(socket(AF_INET, SOCK_STREAM, 0));
  REQUIRE(connect(pair.theirs.get(), bound.get(), bound.length) == 0);
  SetNonBlocking(pair.theirs.get());
  REQUIRE(IsReadable(listener.get()));
  REQUIRE(Accept(listener.get(), &pair.ours, &remote).ok());
  return pair;
}

SocketPair UnixPair() {
  int fds[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  SocketPair pair{Fd(fds[0]), Fd(fds[1])};
  SetNonBlocking(pair.ours.get());
  SetNonBlocking(pair.theirs.get());
  return pair;
}

Client::Client(const SocketAddress& to) : fd_(socket(to.storage.ss_family, SOCK_STREAM, 0)) {
  REQUIRE(fd_.valid());
  if (connect(fd_.get(), to.get(), to.length) != 0) connect_error_ = errno;
  SetNonBlocking(fd_.get());
}

size_t Client::Send(std::string_view bytes) {
  const ssize_t sent = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return sent > 0 ? static_cast<size_t>(sent) : 0;
}

void Client::SendUrgent(char byte) { REQUIRE(send(fd_.get(), &byte, 1, MSG_NOSIGNAL | MSG_OOB) == 1); }

void Client::Reset() {
  ResetOnClose(fd_.get());
  Close();
}

const Client& Client::Look() {
  uint8_t bytes[64 * 1024];
  while (fd_.valid() && !ended_ && error_ == 0) {
    const Transfer got = Receive(fd_.get(), bytes, sizeof(bytes));
    if (got.WouldBlock()) break;
    error_ = got.error;
    ended_ = got.ok() && got.bytes == 0;
    received_.append(reinterpret_cast<const char*>(bytes), got.bytes);
  }
  return *this;
}

}  // namespace evio
