// Loops on threads, as workers have them: nothing of a loop is the process's. Worth most under a sanitizer of
// threads.

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "host.h"
#include "loop.h"
#include "loopback.h"

namespace evio {
namespace {

// One loop with a few clients, each of whom gets every message back.
bool Converse(uint32_t seed, int exchanges) {
  Host host;
  host.Listen();
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<Token> tokens;
  std::vector<std::string> sent(3);
  for (size_t i = 0; i < sent.size(); i++) {
    clients.push_back(std::make_unique<Client>(host.address()));
    tokens.push_back(host.Accept());
    host.Read(tokens[i]);
  }
  for (int n = 0; n < exchanges; n++) {
    for (size_t i = 0; i < clients.size(); i++) {
      const std::string message = Pattern(1 + seed % 100 + i * 1000, seed + static_cast<uint32_t>(n));
      sent[i] += message;
      clients[i]->Send(message);
      if (!host.Until([&] { return host.of(tokens[i]).data.size() == sent[i].size(); })) return false;
      host.Write(tokens[i], message);
    }
    for (size_t i = 0; i < clients.size(); i++) {
      if (!host.Until([&] { return clients[i]->Look().received().size() == sent[i].size(); })) return false;
    }
  }
  for (size_t i = 0; i < clients.size(); i++) {
    if (clients[i]->received() != sent[i] || host.of(tokens[i]).data != sent[i]) return false;
  }
  return true;
}

// A loop that ends in the middle of everything.
void BeginAndEnd(uint32_t seed) {
  Host host;
  host.Listen();
  Client client(host.address());
  const Token token = host.Accept();
  host.Read(token);
  client.Send(Pattern(1000, seed));
  std::string bytes = Pattern(8 * 1024 * 1024, seed);
  host.loop().Send(token, reinterpret_cast<uint8_t*>(bytes.data()), bytes.size());
  if (seed % 2 == 0) client.Reset();
  host.Turn();
  host.Write(token, "not flushed");
}

int CountOf(const std::vector<std::function<bool()>>& jobs) {
  std::atomic<int> succeeded = 0;
  std::vector<std::thread> threads;
  threads.reserve(jobs.size());
  for (const auto& job : jobs) threads.emplace_back([&] { succeeded += job() ? 1 : 0; });
  for (std::thread& thread : threads) thread.join();
  return succeeded;
}

}  // namespace

TEST_CASE("threads: loops of several threads do not know of each other") {
  std::vector<std::function<bool()>> jobs;
  for (uint32_t seed = 1; seed <= 4; seed++) jobs.push_back([seed] { return Converse(seed, 25); });
  CHECK(CountOf(jobs) == 4);
}

TEST_CASE("threads: a loop that ends leaves those of other threads alone") {
  std::vector<std::function<bool()>> jobs;
  for (uint32_t seed = 1; seed <= 2; seed++) jobs.push_back([seed] { return Converse(seed, 25); });
  for (uint32_t seed = 1; seed <= 2; seed++) {
    jobs.push_back([seed] {
      for (uint32_t i = 0; i < 4; i++) BeginAndEnd(seed * 4 + i);
      return true;
    });
  }
  CHECK(CountOf(jobs) == 4);
}

TEST_CASE("threads: a loop can be made on one thread, used on a second, and ended on a third") {
  std::unique_ptr<Host> host;
  std::string received;
  std::thread([&] {
    host = std::make_unique<Host>();
    host->Listen();
  }).join();
  std::thread([&] {
    Client client(host->address());
    host->Write(host->Accept(), "hello");
    host->Until([&] { return client.Look().received().size() == 5; });
    received = client.received();
  }).join();
  std::thread([&] { host.reset(); }).join();
  CHECK(received == "hello");
}

}  // namespace evio
