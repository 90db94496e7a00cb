// What is different with unix sockets: their files, and a close that shuts both directions at once.

#include <doctest/doctest.h>
#include <errno.h>

#include <memory>
#include <string>

#include "host.h"
#include "loop.h"
#include "loopback.h"

namespace evio {
namespace {

class Conversation {
 public:
  Conversation() {
    host.Listen(folder.AddressOf("socket"));
    client = std::make_unique<Client>(host.address());
    REQUIRE(client->connected());
    token = host.Accept();
    host.Flush();
  }

  const Story& story() { return host.of(token); }
  bool Tells(const std::string& expected) {
    host.Until([&] { return story().text == expected; });
    return story().text == expected;
  }
  void Read() {
    host.Read(token);
    host.Flush();
  }
  void Clog() {
    std::string bytes = Pattern(4 * 1024 * 1024);
    host.loop().Send(token, reinterpret_cast<uint8_t*>(bytes.data()), bytes.size());
    host.Flush();
    REQUIRE(host.loop().Queued(token) > 0);
  }

  SocketFolder folder;  // outlives the listener, which removes its file
  Host host;
  std::unique_ptr<Client> client;
  Token token;
};

}  // namespace

TEST_CASE("unix socket: an echo comes back") {
  Conversation it;
  it.Read();
  CHECK(it.story().local.family == 1);
  CHECK(it.story().remote.family == 1);
  const std::string bytes = Pattern(1024 * 1024);
  size_t sent = 0;
  size_t echoed = 0;
  CHECK(it.host.Until([&] {
    sent += it.client->Send(std::string_view(bytes).substr(sent));
    it.host.Write(it.token, std::string_view(it.story().data).substr(echoed));
    echoed = it.story().data.size();
    return it.client->Look().received().size() == bytes.size();
  }));
  CHECK(bool(it.client->received() == bytes));
}

TEST_CASE("unix socket: its file is there with the listener and goes with it") {
  const SocketFolder folder;
  {
    Host host;
    const Token first = host.Listen(folder.AddressOf("first"));
    host.Listen(folder.AddressOf("second"));
    CHECK(Exists(folder.PathOf("first")));
    host.loop().CloseListener(first);
    CHECK_FALSE(Exists(folder.PathOf("first")));
    CHECK(Exists(folder.PathOf("second")));
  }
  CHECK_FALSE(Exists(folder.PathOf("second")));
}

TEST_CASE("unix socket: a path in use is an error, and stays its owner's") {
  const SocketFolder folder;
  Host host;
  host.Listen(folder.AddressOf("socket"));
  {
    Host other;
    ListenOptions options;
    uint32_t slot = 0;
    SocketAddress bound;
    const Status status = other.loop().Listen(folder.AddressOf("socket"), options, &slot, &bound);
    CHECK(status.error == EADDRINUSE);
    CHECK(status.call == Call::kListen);
  }
  CHECK(Client(folder.AddressOf("socket")).connected());
}

TEST_CASE("unix socket: a peer that closes ends the connection, behind its last bytes") {
  Conversation it;
  SUBCASE("with a reader") {
    it.Read();
    it.client->Send("last words");
    it.client->Close();
    CHECK(it.Tells("data ended"));
    CHECK(it.story().data == "last words");
  }
  SUBCASE("without a reader") {
    it.client->Close();
    CHECK(it.Tells("ended"));
  }
  SUBCASE("with bytes that are read later") {
    it.client->Send("last words");
    it.client->Close();
    CHECK(it.host.Rests());
    CHECK(it.story().text.empty());
    it.Read();
    CHECK(it.Tells("data ended"));
    CHECK(it.story().data == "last words");
  }
  CHECK(it.host.Rests());
}

TEST_CASE("unix socket: a FIN leaves the other direction open") {
  Conversation it;
  it.client->Finish();
  REQUIRE(it.Tells("ended"));
  CHECK(it.host.Rests());
  it.host.Write(it.token, "an answer");
  it.host.Shutdown(it.token);
  CHECK(it.host.Until([&] { return it.client->Look().ended(); }));
  CHECK(it.client->received() == "an answer");
  CHECK(it.host.Rests());
}

TEST_CASE("unix socket: a peer that closes with unread bytes is a failure") {
  Conversation it;
  it.host.Write(it.token, "unread");
  it.host.Flush();
  it.client->Close();
  CHECK(it.Tells("failed"));
  CHECK(it.host.Rests());
}

TEST_CASE("unix socket: a peer that closes with output queued is a failure") {
  Conversation it;
  SUBCASE("without a reader") {}
  SUBCASE("with a reader") { it.Read(); }
  it.Clog();
  it.client->Close();
  CHECK(it.host.Until([&] { return it.story().failed != 0; }));
  CHECK(it.host.Rests());
}

TEST_CASE("unix socket: output to a peer that has gone breaks") {
  Conversation it;
  it.client->Close();
  REQUIRE(it.Tells("ended"));
  it.host.Write(it.token, "in vain");
  CHECK(it.host.Until([&] { return it.story().failed != 0; }));
  CHECK(it.story().failed == EPIPE);
  CHECK(it.story().failed_call == Call::kWrite);
  CHECK(it.host.Rests());
}

TEST_CASE("unix socket: more output than the kernel takes arrives whole, with the FIN behind it") {
  Conversation it;
  it.Clog();
  it.host.Shutdown(it.token);
  CHECK(it.host.Until([&] { return it.client->Look().ended(); }));
  CHECK(bool(it.client->received() == Pattern(4 * 1024 * 1024)));
}

}  // namespace evio
