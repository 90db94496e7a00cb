// Listeners of a loop: who is accepted, when, and what is said of it.

#include <doctest/doctest.h>
#include <errno.h>

#include <string>
#include <vector>

#include "host.h"
#include "loop.h"
#include "loopback.h"
#include "scarcity.h"

namespace evio {
namespace {

constexpr size_t kSwarm = kMaxEvents + 128;

bool Same(Token a, Token b) { return a.Pack() == b.Pack(); }

}  // namespace

TEST_CASE("accepting: a client comes with the listener it came to and both addresses") {
  Host host;
  const Token listener = host.Listen();
  const Client client(host.address());
  const Story& story = host.of(host.Accept());
  CHECK(Same(story.listener, listener));
  CHECK(story.local.family == 4);
  CHECK(story.local.bytes[0] == 127);
  CHECK(story.local.port == PortOf(host.address()));
  CHECK(story.remote.family == 4);
  CHECK(story.remote.bytes[0] == 127);
  CHECK(story.remote.port == client.port());
}

TEST_CASE("accepting: a listener on all addresses says where its client has arrived") {
  Host host;
  SocketAddress any;
  REQUIRE(ParseAddress(Family::kIPv4, "0.0.0.0", 0, &any).ok());
  host.Listen(any);
  const Client client(LoopbackAddress(Family::kIPv4, PortOf(host.address())));
  const Story& story = host.of(host.Accept());
  CHECK(story.local.bytes[0] == 127);
  CHECK(story.local.bytes[3] == 1);
  CHECK(story.local.port == PortOf(host.address()));
}

TEST_CASE("accepting: nobody is accepted before it is asked for") {
  Host host;
  ListenOptions options;
  options.backlog = 8;
  uint32_t slot = 0;
  SocketAddress bound;
  REQUIRE(host.loop().Listen(LoopbackAddress(), options, &slot, &bound).ok());
  const Client client(bound);
  REQUIRE(client.connected());
  CHECK(host.Rests());
  CHECK(host.accepted().empty());
  host.loop().SetAccepting(host.loop().ListenerToken(slot), true);
  CHECK(host.Until([&] { return host.accepted().size() == 1; }));
}

TEST_CASE("accepting: turned off it lets clients wait, turned on again it takes them") {
  Host host;
  const Token listener = host.Listen();
  const Client first(host.address());
  host.Accept();
  host.loop().SetAccepting(listener, false);
  const Client second(host.address());
  const Client third(host.address());
  CHECK(host.Rests());
  CHECK(host.accepted().size() == 1);
  host.loop().SetAccepting(listener, true);
  CHECK(host.Until([&] { return host.accepted().size() == 3; }));
}

TEST_CASE("accepting: turned off with a client in sight it takes none") {
  Host host;
  const Token listener = host.Listen();
  const Client client(host.address());
  REQUIRE(host.HasInput());
  host.loop().SetAccepting(listener, false);
  CHECK(host.Poll() == 0);
  CHECK(host.Rests());
  CHECK(host.accepted().empty());
}

TEST_CASE("accepting: of several switches in one turn the last one counts") {
  Host host;
  const Token listener = host.Listen();
  bool on = false;
  SUBCASE("on") { on = true; }
  SUBCASE("off") { on = false; }
  for (const bool each : {false, true, !on, on}) host.loop().SetAccepting(listener, each);
  host.Flush();
  const Client client(host.address());
  CHECK(host.Rests());
  CHECK(host.accepted().size() == (on ? 1 : 0));
}

TEST_CASE("accepting: several listeners each have their own clients") {
  Host host;
  std::vector<Token> listeners;
  std::vector<Client> clients;
  for (int i = 0; i < 5; i++) {
    listeners.push_back(host.Listen());
    for (int j = 0; j <= i; j++) clients.emplace_back(host.address());
  }
  REQUIRE(host.Until([&] { return host.accepted().size() == clients.size(); }));
  std::vector<size_t> counts(listeners.size());
  for (const Token token : host.accepted()) {
    for (size_t i = 0; i < listeners.size(); i++) {
      if (Same(host.of(token).listener, listeners[i])) counts[i] += 1;
    }
  }
  CHECK(counts == std::vector<size_t>{1, 2, 3, 4, 5});
}

TEST_CASE("accepting: a closed listener refuses clients, and those it has accepted live on") {
  Host host;
  const Token listener = host.Listen();
  Client client(host.address());
  const Token token = host.Accept();
  host.loop().CloseListener(listener);
  CHECK(Client(host.address()).connect_error() == ECONNREFUSED);
  host.Read(token);
  client.Send("still here");
  CHECK(host.Until([&] { return host.of(token).data == "still here"; }));
  CHECK(host.accepted().size() == 1);
}

TEST_CASE("accepting: a listener that is closed with a client in sight says nothing more") {
  Host host;
  const Token listener = host.Listen();
  const Client client(host.address());
  REQUIRE(host.HasInput());
  host.loop().CloseListener(listener);
  CHECK(host.Rests());
  CHECK(host.accepted().empty());
}

TEST_CASE("accepting: the token of a closed listener does nothing to the next one in its slot") {
  Host host;
  const Token old = host.Listen();
  host.loop().CloseListener(old);
  const Token listener = host.Listen();
  REQUIRE(listener.slot == old.slot);
  REQUIRE(listener.generation != old.generation);
  host.loop().CloseListener(old);
  host.loop().SetAccepting(old, false);
  const Client client(host.address());
  host.Accept();
  CHECK(host.accept_failures().empty());
}

TEST_CASE("accepting: an address in use is a status, and the loop goes on") {
  Host host;
  host.Listen();
  ListenOptions options;
  uint32_t slot = 0;
  SocketAddress bound;
  const Status status = host.loop().Listen(host.address(), options, &slot, &bound);
  CHECK(status.error == EADDRINUSE);
  CHECK(status.call == Call::kListen);
  const Client client(host.address());
  host.Accept();
}

TEST_CASE("accepting: a client that has reset before is no harm to the others") {
  Host host;
  host.Listen();
  Client(host.address()).Reset();
  Client(host.address()).Close();
  Client client(host.address());
  CHECK(host.Until([&] {
    for (const Token token : host.accepted()) {
      if (host.of(token).remote.port == client.port()) return true;
    }
    return false;
  }));
  CHECK(host.accept_failures().empty());
  CHECK(host.Rests());
  for (const Token token : host.accepted()) {
    const bool living = host.of(token).remote.port == client.port();
    CHECK(host.of(token).text != (living ? "failed" : ""));
  }
}

TEST_CASE("accepting: out of descriptors, each turn says so once, and the client is not lost") {
  Host host;
  const Token listener = host.Listen();
  const Client client(host.address());
  REQUIRE(host.HasInput());
  {
    const NoDescriptors none;
    CHECK(host.Poll() == 1);
    CHECK(host.Poll() == 1);
  }
  REQUIRE(host.accept_failures().size() == 2);
  CHECK(Same(host.accept_failures()[0].listener, listener));
  CHECK(host.accept_failures()[0].error == EMFILE);
  CHECK(host.accepted().empty());
  host.Accept();
  CHECK(host.accept_failures().size() == 2);
}

TEST_CASE("accepting: turned off for want of descriptors, it rests until it is turned on") {
  Host host;
  const Token listener = host.Listen();
  const Client client(host.address());
  REQUIRE(host.HasInput());
  {
    const NoDescriptors none;
    host.Poll();
    host.loop().SetAccepting(listener, false);
    host.Flush();
    CHECK(host.Rests());
  }
  CHECK(host.accept_failures().size() == 1);
  host.loop().SetAccepting(listener, true);
  host.Accept();
}

TEST_CASE("accepting: out of descriptors, connections go on") {
  Host host;
  host.Listen();
  Client first(host.address());
  const Token token = host.Accept();
  host.Read(token);
  host.Flush();
  const Client second(host.address());
  first.Send("x");
  {
    const NoDescriptors none;
    for (int round = 0; round < kRounds && host.of(token).data.empty(); round++) host.Turn();
  }
  CHECK(host.of(token).data == "x");
}

TEST_CASE("accepting: crowds are let in at once, and behind one who came alone after four rounds") {
  const SocketFolder folder;  // in a unix socket's queue a client is when he has connected
  Host host;
  host.Listen(folder.AddressOf("crowded"));
  std::vector<Client> clients;
  const auto come = [&](int count) {
    for (int i = 0; i < count; i++) clients.emplace_back(host.address());
    REQUIRE(host.HasInput());
  };
  for (int crowd = 0; crowd < 3; crowd++) {
    come(10);
    CHECK(host.Poll() == 10);
  }
  come(1);
  CHECK(host.Poll() == 1);
  come(10);
  for (int round = 0; round < 4; round++) CHECK(host.Poll() == 1);
  CHECK(host.Poll() == 6);
  come(10);
  CHECK(host.Poll() == 10);
  CHECK(host.accepted().size() == clients.size());
}

TEST_CASE("accepting: more clients than a turn takes are all accepted") {
  Host host;
  host.Listen();
  std::vector<Client> clients;
  for (int i = 0; i < 300; i++) clients.emplace_back(host.address());
  CHECK(host.Until([&] { return host.accepted().size() == clients.size(); }));
  CHECK(host.Rests());
}

TEST_CASE("accepting: more clients than a batch has records are all accepted, written to and read" *
          doctest::skip(!MayOpen(2 * kSwarm + 100))) {
  Host host;
  std::vector<Client> clients;
  constexpr size_t kPerListener = 128;
  while (clients.size() < kSwarm) {
    host.Listen();
    for (size_t i = 0; i < kPerListener; i++) clients.emplace_back(host.address());
  }
  REQUIRE(host.HasInput());
  CHECK(host.Poll() == kMaxEvents);
  CHECK(host.loop().HasWork());
  REQUIRE(host.Until([&] { return host.accepted().size() == clients.size(); }));
  CHECK_FALSE(host.loop().HasWork());

  for (const Token token : host.accepted()) {
    host.Write(token, "?");
    host.Read(token);
  }
  const uint32_t results = host.Flush();
  CHECK(results <= kMaxResults);
  CHECK(results >= kMaxResults - 1);
  CHECK(host.loop().HasReports());
  host.Flush();
  CHECK_FALSE(host.loop().HasReports());
  for (const Token token : host.accepted()) CHECK(host.of(token).flushed == 1);

  for (Client& client : clients) {
    client.Send("!");
    client.Finish();
  }
  const auto are_over = [&] {
    for (const Token token : host.accepted()) {
      if (host.of(token).text != "data ended") return false;
    }
    return true;
  };
  CHECK(host.Until(are_over));
  for (Client& client : clients) CHECK(client.Look().received() == "?");
}

}  // namespace evio
