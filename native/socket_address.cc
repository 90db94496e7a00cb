#include "socket_address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

namespace evio {
namespace {

const sockaddr_in& AsIPv4(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr_in&>(address.storage);
}

const sockaddr_in6& AsIPv6(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr_in6&>(address.storage);
}

Status ParsePath(const std::string& path, SocketAddress* address) {
  auto* un = reinterpret_cast<sockaddr_un*>(&address->storage);
  if (path.empty()) return {EINVAL, Call::kListen};
  if (path.size() >= sizeof(un->sun_path)) return {ENAMETOOLONG, Call::kListen};
  un->sun_family = AF_UNIX;
  std::memcpy(un->sun_path, path.data(), path.size());
  address->length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return {};
}

}  // namespace

Family SocketAddress::family() const {
  if (storage.ss_family == AF_INET) return Family::kIPv4;
  if (storage.ss_family != AF_INET6) return Family::kUnix;
  return IN6_IS_ADDR_V4MAPPED(&AsIPv6(*this).sin6_addr) ? Family::kIPv4 : Family::kIPv6;
}

bool SocketAddress::IsWildcard() const {
  if (storage.ss_family == AF_INET) return AsIPv4(*this).sin_addr.s_addr == htonl(INADDR_ANY);
  return storage.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&AsIPv6(*this).sin6_addr);
}

Status ParseAddress(Family family, const std::string& text, uint16_t port, SocketAddress* address) {
  *address = SocketAddress();
  if (family == Family::kUnix) return ParsePath(text, address);
  addrinfo hints{};
  hints.ai_family = family == Family::kIPv4 ? AF_INET : AF_INET6;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  // AI_NUMERICHOST never asks a name server; it is getaddrinfo(3) that knows IPv6 zones.
  if (getaddrinfo(text.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
    return {EINVAL, Call::kListen};
  std::memcpy(&address->storage, found->ai_addr, found->ai_addrlen);
  address->length = found->ai_addrlen;
  freeaddrinfo(found);
  return {};
}

AddressRecord ToRecord(const SocketAddress& address) {
  AddressRecord record;
  record.family = static_cast<uint8_t>(address.family());
  if (address.storage.ss_family == AF_INET) {
    record.port = ntohs(AsIPv4(address).sin_port);
    std::memcpy(record.bytes, &AsIPv4(address).sin_addr, 4);
  } else if (address.storage.ss_family == AF_INET6) {
    const sockaddr_in6& in6 = AsIPv6(address);
    const bool mapped = address.family() == Family::kIPv4;
    record.port = ntohs(in6.sin6_port);
    std::memcpy(record.bytes, in6.sin6_addr.s6_addr + (mapped ? 12 : 0), mapped ? 4 : 16);
  }
  return record;
}

}  // namespace evio
