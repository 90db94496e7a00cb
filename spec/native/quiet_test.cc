// Quiet listeners: whoever has said nothing is a socket and a count, and is announced before anything is told
// of him.

#include <doctest/doctest.h>
#include <errno.h>

#include <algorithm>
#include <string>
#include <vector>

#include "host.h"
#include "loop.h"
#include "loopback.h"

namespace evio {
namespace {

constexpr size_t kSwarm = kMaxEvents + 128;

Token ListenQuietly(Host* host) {
  const Token listener = host->Listen();
  host->loop().SetQuiet(listener, true);
  return listener;
}

// Until the loop has accepted that many more, of whom it says nothing.
void AwaitSilent(Host* host, Token listener, uint32_t count) {
  REQUIRE(host->Until([&] { return host->loop().Unannounced(listener) == count; }));
}

}  // namespace

TEST_CASE("quiet: a client who says nothing is counted, and nothing is told of him") {
  Host host;
  const Token listener = ListenQuietly(&host);
  const Client client(host.address());
  AwaitSilent(&host, listener, 1);
  CHECK(host.Rests());
  CHECK(host.accepted().empty());
  CHECK(host.loop().unannounced() == 1);
}

TEST_CASE("quiet: a client is announced before his first bytes, with his listener and both addresses") {
  Host host;
  const Token listener = ListenQuietly(&host);
  Client client(host.address());
  AwaitSilent(&host, listener, 1);
  client.Send("first");
  REQUIRE(host.Until([&] { return host.accepted().size() == 1; }));
  const Story& story = host.of(host.accepted()[0]);
  CHECK(host.Until([&] { return story.data == "first"; }));
  CHECK(story.listener.Pack() == listener.Pack());
  CHECK(story.local.port == PortOf(host.address()));
  CHECK(story.local.bytes[0] == 127);
  CHECK(story.remote.port == client.port());
  CHECK(host.loop().Unannounced(listener) == 0);
  CHECK(host.loop().unannounced() == 0);
  client.Send(" and more");
  CHECK(host.Until([&] { return story.data == "first and more"; }));
  CHECK(host.accepted().size() == 1);
}

TEST_CASE("quiet: the end of a client who has said nothing is told of him by his address") {
  Host host;
  const Token listener = ListenQuietly(&host);
  Client client(host.address());
  const uint16_t port = client.port();
  AwaitSilent(&host, listener, 1);
  std::string text;
  SUBCASE("by FIN") {
    client.Finish();
    text = "ended";
  }
  SUBCASE("by RST") {
    client.Reset();
    text = "failed";
  }
  REQUIRE(host.Until([&] { return host.accepted().size() == 1; }));
  const Story& story = host.of(host.accepted()[0]);
  CHECK(host.Until([&] { return story.text == text; }));
  CHECK(story.remote.port == port);
  CHECK(host.Rests());
}

TEST_CASE("quiet: whoever is asked for is told of once, and is heard of like any other") {
  Host host;
  const Token listener = ListenQuietly(&host);
  std::vector<Client> clients;
  for (int i = 0; i < 5; i++) clients.emplace_back(host.address());
  AwaitSilent(&host, listener, 5);
  clients[0].Send("x");
  REQUIRE(host.Until([&] { return host.accepted().size() == 1; }));
  const std::vector<Announcement> announced = host.loop().AnnounceAll(listener);
  std::vector<uint16_t> ports, expected;
  for (const Announcement& announcement : announced) {
    ports.push_back(announcement.remote.port);
    CHECK(announcement.local.port == PortOf(host.address()));
  }
  for (int i = 1; i < 5; i++) expected.push_back(clients[i].port());
  std::sort(ports.begin(), ports.end());
  std::sort(expected.begin(), expected.end());
  CHECK(ports == expected);
  CHECK(host.loop().unannounced() == 0);
  CHECK(host.loop().AnnounceAll(listener).empty());
}

TEST_CASE("quiet: more clients than a batch has room for, who speak at the same time, are all announced") {
  Host host;
  const Token listener = ListenQuietly(&host);
  std::vector<Client> clients;
  clients.reserve(kSwarm);
  for (size_t i = 0; i < kSwarm; i++) clients.emplace_back(host.address());
  AwaitSilent(&host, listener, kSwarm);
  for (Client& client : clients) client.Send("word");
  const auto heard = [&] {
    return std::count_if(host.accepted().begin(), host.accepted().end(),
                         [&](Token token) { return host.of(token).data == "word"; });
  };
  CHECK(host.Until([&] { return static_cast<size_t>(heard()) == kSwarm; }));
  CHECK(host.accepted().size() == kSwarm);
  CHECK(host.loop().unannounced() == 0);
}

TEST_CASE("quiet: turned off, the next client is announced at once, and the one before when he speaks") {
  Host host;
  const Token listener = ListenQuietly(&host);
  Client before(host.address());
  AwaitSilent(&host, listener, 1);
  host.loop().SetQuiet(listener, false);
  const Client after(host.address());
  REQUIRE(host.Until([&] { return host.accepted().size() == 1; }));
  CHECK(host.of(host.accepted()[0]).remote.port == after.port());
  before.Send("x");
  REQUIRE(host.Until([&] { return host.accepted().size() == 2; }));
  CHECK(host.of(host.accepted()[1]).remote.port == before.port());
}

TEST_CASE("quiet: closing the listener closes those who have said nothing, and no others") {
  Host host;
  const Token quiet = ListenQuietly(&host);
  Client silent(host.address());
  Client speaking(host.address());
  AwaitSilent(&host, quiet, 2);
  speaking.Send("x");
  REQUIRE(host.Until([&] { return host.accepted().size() == 1; }));
  const Token other = ListenQuietly(&host);
  const Client of_other(host.address());
  AwaitSilent(&host, other, 1);
  host.loop().CloseListener(quiet);
  CHECK(host.Until([&] { return silent.Look().ended(); }));
  CHECK(host.Rests());
  CHECK_FALSE(speaking.Look().ended());
  CHECK(host.loop().Unannounced(quiet) == 0);
  CHECK(host.loop().Unannounced(other) == 1);
  CHECK(host.loop().unannounced() == 1);
}

TEST_CASE("quiet: a listener on all addresses says where a silent client has arrived") {
  Host host;
  SocketAddress any;
  REQUIRE(ParseAddress(Family::kIPv4, "0.0.0.0", 0, &any).ok());
  const Token listener = host.Listen(any);
  host.loop().SetQuiet(listener, true);
  const Client client(LoopbackAddress(Family::kIPv4, PortOf(host.address())));
  AwaitSilent(&host, listener, 1);
  const std::vector<Announcement> announced = host.loop().AnnounceAll(listener);
  REQUIRE(announced.size() == 1);
  CHECK(announced[0].local.bytes[0] == 127);
  CHECK(announced[0].local.port == PortOf(host.address()));
}

TEST_CASE("quiet: the token of a listener that is gone is good for nothing") {
  Host host;
  const Token old = ListenQuietly(&host);
  host.loop().CloseListener(old);
  const Token listener = host.Listen();
  REQUIRE(listener.slot == old.slot);
  host.loop().SetQuiet(old, true);
  CHECK(host.loop().AnnounceAll(old).empty());
  CHECK(host.loop().Unannounced(old) == 0);
  const Client client(host.address());
  host.Accept();
}

}  // namespace evio
