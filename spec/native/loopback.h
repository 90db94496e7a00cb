// Sockets of the loopback device, and waits for them that end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "socket.h"
#include "socket_address.h"

namespace evio {

// A wait is a number of rounds, each of which takes no longer than poll(2) is allowed to.
constexpr int kRounds = 500;
constexpr int kPatience = 5;  // milliseconds
// For what should not happen: how long it is given to happen.
constexpr int kSilence = 15;  // milliseconds

// Within that time; an end of input and an error count as well.
bool IsReadable(int fd, int milliseconds = kRounds * kPatience);
bool IsWritable(int fd, int milliseconds = kRounds * kPatience);

// Bytes that differ wherever two parts of them could be confused.
std::string Pattern(size_t length, uint32_t seed = 1);

SocketAddress LoopbackAddress(Family family = Family::kIPv4, uint16_t port = 0);
uint16_t PortOf(const SocketAddress& address);
bool HasIPv6();

// A folder of its own for socket files.
class SocketFolder {
 public:
  SocketFolder();
  ~SocketFolder();
  SocketFolder(const SocketFolder&) = delete;
  SocketFolder& operator=(const SocketFolder&) = delete;

  std::string PathOf(const std::string& name) const { return path_ + "/" + name; }
  SocketAddress AddressOf(const std::string& name) const;

 private:
  std::string path_;
};

bool Exists(const std::string& path);

// Sends until the kernel takes no more and none of it moves on; the number of bytes.
size_t Fill(int fd);
// Reads what is there; the number of bytes.
size_t Drain(int fd);

// Two ends of one connection.
struct SocketPair {
  Fd ours;
  Fd theirs;
};
SocketPair TcpPair();
SocketPair UnixPair();

// The other side of a connection. It never blocks.
class Client {
 public:
  // To a listener with room in its backlog.
  explicit Client(const SocketAddress& to);

  bool connected() const { return connect_error_ == 0; }
  int connect_error() const { return connect_error_; }
  int fd() const { return fd_.get(); }
  uint16_t port() const { return PortOf(LocalAddress(fd_.get())); }

  // The number of bytes that the kernel has taken.
  size_t Send(std::string_view bytes);
  void SendUrgent(char byte);
  void Finish() { ShutdownWrite(fd_.get()); }
  void Reset();
  void Close() { fd_ = Fd(); }

  // Takes in what has arrived; in a condition of Host::Until().
  const Client& Look();
  const std::string& received() const { return received_; }
  bool ended() const { return ended_; }
  int error() const { return error_; }

 private:
  Fd fd_;
  int connect_error_ = 0;
  std::string received_;
  bool ended_ = false;
  int error_ = 0;
};

}  // namespace evio
