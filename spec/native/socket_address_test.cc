#include "socket_address.h"

#include <doctest/doctest.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <string>
#include <vector>

#include "loopback.h"

namespace evio {
namespace {

std::vector<int> BytesOf(const AddressRecord& record) {
  return {std::begin(record.bytes), std::end(record.bytes)};
}

std::vector<int> Padded(std::vector<int> bytes) {
  bytes.resize(16);
  return bytes;
}

SocketAddress Parsed(Family family, const std::string& text, uint16_t port = 0) {
  SocketAddress address;
  REQUIRE(ParseAddress(family, text, port, &address).ok());
  return address;
}

}  // namespace

TEST_CASE("address: an IPv4 address becomes a record in network order, with its port in host order") {
  const SocketAddress address = Parsed(Family::kIPv4, "192.0.2.33", 0x1234);
  CHECK(address.length == sizeof(sockaddr_in));
  CHECK(address.family() == Family::kIPv4);
  const AddressRecord record = ToRecord(address);
  CHECK(record.family == 4);
  CHECK(record.port == 0x1234);
  CHECK(BytesOf(record) == Padded({192, 0, 2, 33}));
}

TEST_CASE("address: an IPv6 address becomes a record in network order") {
  const SocketAddress address = Parsed(Family::kIPv6, "2001:db8::1:ff", 65535);
  CHECK(address.length == sizeof(sockaddr_in6));
  const AddressRecord record = ToRecord(address);
  CHECK(record.family == 6);
  CHECK(record.port == 65535);
  CHECK(BytesOf(record) == std::vector<int>{0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0xff});
}

TEST_CASE("address: an IPv4-mapped one counts as IPv4") {
  const AddressRecord record = ToRecord(Parsed(Family::kIPv6, "::ffff:192.0.2.33", 7));
  CHECK(record.family == 4);
  CHECK(record.port == 7);
  CHECK(BytesOf(record) == Padded({192, 0, 2, 33}));
}

TEST_CASE("address: a path is a unix address without port and bytes") {
  const SocketAddress address = Parsed(Family::kUnix, "/somewhere/socket", 99);
  CHECK(address.storage.ss_family == AF_UNIX);
  CHECK(std::string(reinterpret_cast<const sockaddr_un*>(&address.storage)->sun_path) == "/somewhere/socket");
  const AddressRecord record = ToRecord(address);
  CHECK(record.family == 1);
  CHECK(record.port == 0);
  CHECK(BytesOf(record) == Padded({}));
}

TEST_CASE("address: only the addresses that mean all are wildcards") {
  CHECK(Parsed(Family::kIPv4, "0.0.0.0").IsWildcard());
  CHECK(Parsed(Family::kIPv6, "::").IsWildcard());
  CHECK_FALSE(Parsed(Family::kIPv4, "127.0.0.1").IsWildcard());
  CHECK_FALSE(Parsed(Family::kIPv6, "::1").IsWildcard());
  CHECK_FALSE(Parsed(Family::kUnix, "/0.0.0.0").IsWildcard());
  CHECK_FALSE(SocketAddress().IsWildcard());
}

TEST_CASE("address: text that is no address of its family is refused") {
  for (const char* text :
       {"", " ", "localhost", "127.0.0.1 ", "127.0.0.256", "1.2.3.4.5", "::1", "127.0.0.1:80"}) {
    CAPTURE(text);
    SocketAddress address;
    const Status status = ParseAddress(Family::kIPv4, text, 1, &address);
    CHECK(status.error == EINVAL);
    CHECK(status.call == Call::kListen);
  }
  for (const char* text : {"", "localhost", "127.0.0.1", "[::1]", "1:2:3:4:5:6:7:8:9", ":::"}) {
    CAPTURE(text);
    SocketAddress address;
    CHECK(ParseAddress(Family::kIPv6, text, 1, &address).error == EINVAL);
  }
  SocketAddress address;
  CHECK(ParseAddress(Family::kUnix, "", 0, &address).error == EINVAL);
}

TEST_CASE("address: an IPv6 zone is kept" * doctest::skip(!HasIPv6())) {
  const SocketAddress address = Parsed(Family::kIPv6, "fe80::1%1");
  CHECK(reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_scope_id == 1);
}

TEST_CASE("address: a path fits to the last byte of sun_path but its terminator") {
  const size_t longest = sizeof(sockaddr_un::sun_path) - 1;
  const SocketAddress address = Parsed(Family::kUnix, std::string(longest, 'p'));
  const auto* un = reinterpret_cast<const sockaddr_un*>(&address.storage);
  CHECK(un->sun_path[longest] == '\0');
  CHECK(address.length <= sizeof(sockaddr_un));
  SocketAddress other;
  const Status status = ParseAddress(Family::kUnix, std::string(longest + 1, 'p'), 0, &other);
  CHECK(status.error == ENAMETOOLONG);
  CHECK(status.call == Call::kListen);
}

TEST_CASE("address: parsing into one that was used leaves nothing of the old") {
  SocketAddress address = Parsed(Family::kUnix, "/a/longer/path");
  REQUIRE(ParseAddress(Family::kUnix, "/short", 0, &address).ok());
  CHECK(std::string(reinterpret_cast<const sockaddr_un*>(&address.storage)->sun_path) == "/short");
}

}  // namespace evio
