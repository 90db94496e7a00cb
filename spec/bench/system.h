// What the load generator asks of the system, and how it says what went wrong.
#pragma once

#include <netinet/in.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string>

#include "histogram.h"

constexpr Nanoseconds kSecond = 1'000'000'000;

[[noreturn]] inline void Fail(const std::string& what) { throw std::runtime_error(what); }

[[noreturn]] inline void FailedCall(const char* call) {
  Fail(std::string(call) + ": " + std::strerror(errno));
}

inline Nanoseconds Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<Nanoseconds>(now.tv_sec) * kSecond + static_cast<Nanoseconds>(now.tv_nsec);
}

inline double CpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

inline void AllowAllDescriptors() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) FailedCall("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) < 0) FailedCall("setrlimit");
}

inline sockaddr_in Loopback(uint32_t host, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host);
  return address;
}

inline std::string Quoted(const char* bytes, size_t count) {
  std::string text;
  for (size_t i = 0; i < count && i < 80; i++) text += bytes[i] >= ' ' && bytes[i] <= '~' ? bytes[i] : '.';
  return text;
}

inline std::string Json(const std::string& text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c >= ' ' && c <= '~' ? c : '.';
  }
  return quoted + '"';
}
