#include "socket.h"

#include <doctest/doctest.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "loopback.h"
#include "scarcity.h"

namespace evio {
namespace {

bool IsOpen(int fd) { return fcntl(fd, F_GETFD) >= 0; }

int Option(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof(value);
  REQUIRE(getsockopt(fd, level, name, &value, &length) == 0);
  return value;
}

ListenOptions WithBacklog(int backlog) {
  ListenOptions options;
  options.backlog = backlog;
  return options;
}

struct Accepted {
  Accepted(const SocketAddress& address, const ListenOptions& options) {
    REQUIRE(OpenListener(address, options, &listener, &bound).ok());
    client.emplace_back(bound);
    REQUIRE(client[0].connected());
    REQUIRE(IsReadable(listener.get()));
    REQUIRE(Accept(listener.get(), &connection, &remote).ok());
  }

  Fd listener;
  Fd connection;
  SocketAddress bound;
  SocketAddress remote;
  std::vector<Client> client;
};

void CheckFlags(int fd) {
  CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
  CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
}

Fd AnyDescriptor() {
  Fd fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
  REQUIRE(fd.valid());
  return fd;
}

}  // namespace

TEST_CASE("descriptor: it is closed by its owner, whoever that has become") {
  int number;
  {
    Fd first = AnyDescriptor();
    number = first.get();
    const Fd second(std::move(first));
    CHECK_FALSE(first.valid());
    CHECK(second.get() == number);
    CHECK(IsOpen(number));
  }
  CHECK_FALSE(IsOpen(number));
}

TEST_CASE("descriptor: a temporary that is assigned leaves none open") {
  const size_t before = OpenDescriptors();
  {
    Fd fd = AnyDescriptor();
    fd = AnyDescriptor();
    CHECK(OpenDescriptors() == before + 1);
    fd = Fd();
    CHECK_FALSE(fd.valid());
    CHECK(OpenDescriptors() == before);
  }
  CHECK(OpenDescriptors() == before);
}

TEST_CASE("socket: listeners and what they accept never block and end at exec") {
  SUBCASE("IPv4") {
    const Accepted accepted(LoopbackAddress(), WithBacklog(1));
    CheckFlags(accepted.listener.get());
    CheckFlags(accepted.connection.get());
  }
  SUBCASE("unix") {
    const SocketFolder folder;
    ListenOptions options = WithBacklog(1);
    options.accepted.no_delay = false;
    {
      const Accepted accepted(folder.AddressOf("socket"), options);
      CheckFlags(accepted.listener.get());
      CheckFlags(accepted.connection.get());
    }
    CHECK(unlink(folder.PathOf("socket").c_str()) == 0);
  }
}

TEST_CASE("socket: a listener on port 0 says which port it got") {
  Fd listener;
  SocketAddress bound;
  REQUIRE(OpenListener(LoopbackAddress(), WithBacklog(1), &listener, &bound).ok());
  CHECK(PortOf(bound) != 0);
  CHECK(Client(bound).connected());
}

TEST_CASE("socket: a client is accepted with its address") {
  const Accepted accepted(LoopbackAddress(), WithBacklog(1));
  CHECK(PortOf(accepted.remote) == accepted.client[0].port());
  CHECK(accepted.remote.family() == Family::kIPv4);
}

TEST_CASE("socket: an empty backlog would block") {
  Fd listener;
  Fd connection;
  SocketAddress address;
  REQUIRE(OpenListener(LoopbackAddress(), WithBacklog(1), &listener, &address).ok());
  const Status status = Accept(listener.get(), &connection, &address);
  CHECK((status.error == EAGAIN || status.error == EWOULDBLOCK));
  CHECK(status.call == Call::kAccept);
  CHECK_FALSE(connection.valid());
}

TEST_CASE("socket: options of the listener are those of its connections") {
  ListenOptions options = WithBacklog(1);
  SUBCASE("as they are by default") {
    const Accepted accepted(LoopbackAddress(), options);
    CHECK(Option(accepted.connection.get(), IPPROTO_TCP, TCP_NODELAY) != 0);
    CHECK(Option(accepted.connection.get(), SOL_SOCKET, SO_KEEPALIVE) == 0);
  }
  SUBCASE("with delay and keep-alive") {
    options.accepted.no_delay = false;
    options.accepted.keep_alive_seconds = 77;
    const Accepted accepted(LoopbackAddress(), options);
    CHECK(Option(accepted.connection.get(), IPPROTO_TCP, TCP_NODELAY) == 0);
    CHECK(Option(accepted.connection.get(), SOL_SOCKET, SO_KEEPALIVE) != 0);
    CHECK(Option(accepted.connection.get(), IPPROTO_TCP, TCP_KEEPIDLE) == 77);
    CHECK(Option(accepted.connection.get(), IPPROTO_TCP, TCP_KEEPINTVL) == 77);
  }
}

TEST_CASE("socket: an address in use is an error of listen, unless its port is shared") {
  ListenOptions options = WithBacklog(1);
  Fd first;
  Fd second;
  SocketAddress bound;
  SocketAddress again;
  SUBCASE("not shared") {
    REQUIRE(OpenListener(LoopbackAddress(), options, &first, &bound).ok());
    const Status status = OpenListener(bound, options, &second, &again);
    CHECK(status.error == EADDRINUSE);
    CHECK(status.call == Call::kListen);
    CHECK_FALSE(second.valid());
  }
  SUBCASE("shared") {
    options.reuse_port = true;
    REQUIRE(OpenListener(LoopbackAddress(), options, &first, &bound).ok());
    CHECK(OpenListener(bound, options, &second, &again).ok());
    CHECK(PortOf(again) == PortOf(bound));
  }
}

TEST_CASE("socket: an address that is not of this machine is an error of listen") {
  SocketAddress address;
  REQUIRE(ParseAddress(Family::kIPv4, "192.0.2.1", 0, &address).ok());
  Fd listener;
  SocketAddress bound;
  const Status status = OpenListener(address, WithBacklog(1), &listener, &bound);
  CHECK(status.error == EADDRNOTAVAIL);
  CHECK(status.call == Call::kListen);
}

TEST_CASE("socket: without descriptors, listening fails at socket and accepting at accept") {
  Fd listener;
  Fd connection;
  SocketAddress bound;
  SocketAddress remote;
  REQUIRE(OpenListener(LoopbackAddress(), WithBacklog(1), &listener, &bound).ok());
  const Client client(bound);
  REQUIRE(IsReadable(listener.get()));
  Status listening;
  Status accepting;
  {
    const NoDescriptors none;
    Fd other;
    SocketAddress address;
    listening = OpenListener(LoopbackAddress(), WithBacklog(1), &other, &address);
    accepting = Accept(listener.get(), &connection, &remote);
  }
  CHECK(listening.error == EMFILE);
  CHECK(listening.call == Call::kSocket);
  CHECK(accepting.error == EMFILE);
  CHECK(accepting.call == Call::kAccept);
  CHECK(Accept(listener.get(), &connection, &remote).ok());
}

TEST_CASE("socket: IPv6 alone or both families, as told" * doctest::skip(!HasIPv6())) {
  ListenOptions options = WithBacklog(1);
  Fd listener;
  SocketAddress any;
  SocketAddress bound;
  REQUIRE(ParseAddress(Family::kIPv6, "::", 0, &any).ok());
  SUBCASE("alone") {
    options.ipv6_only = true;
    REQUIRE(OpenListener(any, options, &listener, &bound).ok());
    CHECK(Client(LoopbackAddress(Family::kIPv4, PortOf(bound))).connect_error() == ECONNREFUSED);
    CHECK(Client(LoopbackAddress(Family::kIPv6, PortOf(bound))).connected());
  }
  SUBCASE("both, where a client of IPv4 is shown under the address it has") {
    REQUIRE(OpenListener(any, options, &listener, &bound).ok());
    const Client client(LoopbackAddress(Family::kIPv4, PortOf(bound)));
    REQUIRE(client.connected());
    REQUIRE(IsReadable(listener.get()));
    Fd connection;
    SocketAddress remote;
    REQUIRE(Accept(listener.get(), &connection, &remote).ok());
    CHECK(remote.family() == Family::kIPv4);
    CHECK(LocalAddress(connection.get()).family() == Family::kIPv4);
    CHECK(ToRecord(remote).bytes[0] == 127);
  }
}

TEST_CASE("socket: what accept says of one client is not held against the listener") {
  for (const int error : {ECONNABORTED, EINTR, EPROTO, EPERM, EHOSTUNREACH, ENETUNREACH, ENETDOWN}) {
    CAPTURE(error);
    CHECK(ConcernsOneClient(error));
  }
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM, EBADF, EINVAL, ENOTSOCK, EAGAIN}) {
    CAPTURE(error);
    CHECK_FALSE(ConcernsOneClient(error));
  }
}

TEST_CASE("socket: a transfer says how much it moved, or that it would block") {
  const SocketPair pair = UnixPair();
  uint8_t bytes[16];
  const Transfer nothing = Receive(pair.ours.get(), bytes, sizeof(bytes));
  CHECK(nothing.WouldBlock());
  CHECK_FALSE(nothing.ok());
  char one[] = "one, ";
  char two[] = "two";
  const iovec pieces[] = {{one, 5}, {two, 3}};
  CHECK(Send(pair.theirs.get(), pieces, 2).bytes == 8);
  const Transfer some = Receive(pair.ours.get(), bytes, sizeof(bytes));
  CHECK(some.ok());
  CHECK(std::string(reinterpret_cast<const char*>(bytes), some.bytes) == "one, two");
  (void)Fill(pair.ours.get());
  CHECK(Send(pair.ours.get(), pieces, 1).WouldBlock());
}

TEST_CASE("socket: a peek takes nothing and tells input, its end and its absence apart") {
  const SocketPair pair = UnixPair();
  CHECK(Peek(pair.ours.get()).WouldBlock());
  char byte[] = "x";
  const iovec piece = {byte, 1};
  REQUIRE(Send(pair.theirs.get(), &piece, 1).ok());
  CHECK(Peek(pair.ours.get()).bytes == 1);
  CHECK(Peek(pair.ours.get()).bytes == 1);
  ShutdownWrite(pair.theirs.get());
  CHECK(Drain(pair.ours.get()) == 1);
  const Transfer end = Peek(pair.ours.get());
  CHECK(end.ok());
  CHECK(end.bytes == 0);
}

TEST_CASE("socket: sending to a peer that has gone is an error and no signal") {
  SocketPair pair = UnixPair();
  pair.theirs = Fd();
  char bytes[] = "xy";
  const iovec pieces[] = {{bytes, 1}, {bytes + 1, 1}};
  CHECK(Send(pair.ours.get(), pieces, 1).error == EPIPE);
  CHECK(Send(pair.ours.get(), pieces, 2).error == EPIPE);
}

TEST_CASE("socket: a reset reaches the peer as an error, which is taken once") {
  SocketPair pair = TcpPair();
  ResetOnClose(pair.theirs.get());
  pair.theirs = Fd();
  REQUIRE(IsReadable(pair.ours.get()));
  CHECK(TakeError(pair.ours.get()) == ECONNRESET);
  CHECK(TakeError(pair.ours.get()) == 0);
}

TEST_CASE("socket: a FIN to a peer that has reset is nobody's error") {
  SocketPair pair = TcpPair();
  ResetOnClose(pair.theirs.get());
  pair.theirs = Fd();
  REQUIRE(IsReadable(pair.ours.get()));
  ShutdownWrite(pair.ours.get());
  CHECK(Peek(pair.ours.get()).error == ECONNRESET);
}

}  // namespace evio
