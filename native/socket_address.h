// Addresses of sockets, between the kernel's form, numeric text and the record that JavaScript reads.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "status.h"

namespace evio {

enum class Family : uint8_t { kUnix = 1, kIPv4 = 4, kIPv6 = 6 };

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }

  // IPv4-mapped IPv6 counts as IPv4: a client of a dual-stack listener is shown under the address it has.
  Family family() const;
  // 0.0.0.0 or ::
  bool IsWildcard() const;
};

// `text` is a numeric address (an IPv6 one may carry a zone) or, for kUnix, a path.
// EINVAL when it is not one; ENAMETOOLONG when a path does not fit (sun_path: 107 bytes on Linux, unix(7)).
Status ParseAddress(Family family, const std::string& text, uint16_t port, SocketAddress* address);

// What JavaScript reads of an address: family, then the port, then the address in network order.
struct AddressRecord {
  uint8_t family = 0;
  uint8_t reserved = 0;
  uint16_t port = 0;  // host order
  uint8_t bytes[16] = {};
};
static_assert(sizeof(AddressRecord) == 20, "read by JavaScript at fixed offsets");

AddressRecord ToRecord(const SocketAddress& address);

}  // namespace evio
