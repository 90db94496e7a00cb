// What is written: how it leaves, what is queued, and what the results say of it.

#include <doctest/doctest.h>
#include <errno.h>
#if defined(__linux__)
#include <linux/tcp.h>
#endif
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "host.h"
#include "loop.h"
#include "loopback.h"
#include "scarcity.h"

namespace evio {
namespace {

constexpr size_t kMany = 8 * 1024 * 1024;  // more than the kernel takes of one connection

class Conversation {
 public:
  Conversation() {
    host.Listen();
    client = std::make_unique<Client>(host.address());
    token = host.Accept();
  }

  const Story& story() { return host.of(token); }
  size_t queued() { return host.loop().Queued(token); }
  bool ClientReceives(const std::string& expected) {
    host.Until([&] { return client->Look().received().size() >= expected.size(); });
    return client->received() == expected;
  }
  void Send(std::string bytes) {
    host.loop().Send(token, reinterpret_cast<uint8_t*>(bytes.data()), bytes.size());
    bytes.assign(bytes.size(), '!');  // the loop has what it needs
  }
  // Writes until something is queued; everything that was written.
  std::string Clog() {
    const std::string bytes = Pattern(kMany);
    Send(bytes);
    host.Flush();
    REQUIRE(queued() > 0);
    return bytes;
  }

  Host host;
  std::unique_ptr<Client> client;
  Token token;
};

}  // namespace

TEST_CASE("output: an echo comes back") {
  Conversation it;
  it.host.Read(it.token);
  std::string sent;
  for (int i = 0; i < 20; i++) {
    const std::string message = Pattern(1 + static_cast<size_t>(i) * 700, static_cast<uint32_t>(i));
    sent += message;
    it.client->Send(message);
    REQUIRE(it.host.Until([&] { return it.story().data.size() == sent.size(); }));
    it.host.Write(it.token, message);
    REQUIRE(it.ClientReceives(sent));
  }
  CHECK(it.story().flushed == sent.size());
  CHECK(it.story().text == "data");
}

TEST_CASE("output: writes of several connections that mix reach each in order") {
  Host host;
  host.Listen();
  std::vector<Client> clients;
  std::vector<Token> tokens;
  std::vector<std::string> expected(5);
  for (size_t i = 0; i < expected.size(); i++) {
    clients.emplace_back(host.address());
    tokens.push_back(host.Accept());
  }
  for (size_t n = 0; n < 200; n++) {
    const size_t i = n * 7 % tokens.size();
    const std::string bytes = std::to_string(n) + ",";
    host.Write(tokens[i], bytes);
    expected[i] += bytes;
  }
  host.Flush();
  for (size_t i = 0; i < tokens.size(); i++) {
    CHECK(host.Until([&] { return clients[i].Look().received().size() >= expected[i].size(); }));
    CHECK(clients[i].received() == expected[i]);
    CHECK(host.of(tokens[i]).flushed == expected[i].size());
  }
}

#if defined(__linux__)
TEST_CASE("output: the writes of one turn leave in one segment") {
  Conversation it;
  for (int i = 0; i < 50; i++) it.host.Write(it.token, "ten bytes.");
  it.host.Flush();
  REQUIRE(it.host.Until([&] { return it.client->Look().received().size() == 500; }));
  tcp_info info = {};
  socklen_t length = sizeof(info);
  REQUIRE(getsockopt(it.client->fd(), IPPROTO_TCP, TCP_INFO, &info, &length) == 0);
  CHECK(info.tcpi_data_segs_in == 1);
}
#endif

TEST_CASE("output: as many writes as there are commands leave whole and in order") {
  Conversation it;
  std::string expected;
  for (size_t i = 0; i < kMaxCommands; i++) {
    const std::string bytes = std::to_string(i) + " ";
    it.host.Write(it.token, bytes);
    expected += bytes;
  }
  it.host.Flush();
  CHECK(it.ClientReceives(expected));
  CHECK(it.story().flushed == expected.size());
}

TEST_CASE("output: what the kernel does not take is queued, counted, and sent when there is room") {
  Conversation it;
  const std::string bytes = it.Clog();
  CHECK(it.queued() + it.story().flushed == bytes.size());
  CHECK(it.host.Rests());
  CHECK(it.queued() + it.story().flushed == bytes.size());
  CHECK(it.ClientReceives(bytes));
  it.host.Turn();
  CHECK(it.queued() == 0);
  CHECK(it.story().flushed == bytes.size());
  CHECK(it.host.Rests());
}

TEST_CASE("output: writes behind a queue keep their place") {
  Conversation it;
  std::string expected = it.Clog();
  for (int i = 0; i < 100; i++) {
    const std::string bytes = "behind " + std::to_string(i) + ";";
    if (i % 3 == 0) {
      it.Send(bytes);
    } else {
      it.host.Write(it.token, bytes);
      it.host.Flush();
    }
    expected += bytes;
  }
  CHECK(it.ClientReceives(expected));
  it.host.Turn();
  CHECK(it.story().flushed == expected.size());
}

TEST_CASE("output: a write overtakes no queue, even when there is room again") {
  Conversation it;
  const std::string bytes = it.Clog();
  REQUIRE(it.client->Look().received().size() > 0);
  REQUIRE(it.host.HasInput());  // the kernel takes more, and the queue has not been sent yet
  SUBCASE("from outside the arena") { it.Send("behind"); }
  SUBCASE("from the arena") { it.host.Write(it.token, "behind"); }
  it.host.Flush();
  CHECK(it.ClientReceives(bytes + "behind"));
}

TEST_CASE("output: many writes of a turn that the kernel takes in part keep their order") {
  Conversation it;
  std::string expected;
  for (uint32_t turn = 0; it.queued() == 0; turn++) {
    REQUIRE(turn < 200);
    for (uint32_t i = 0; i < 200; i++) {
      const std::string bytes = Pattern(1300, turn * 200 + i);
      it.host.Write(it.token, bytes);
      expected += bytes;
    }
    it.host.Flush();
  }
  CHECK(it.queued() + it.story().flushed == expected.size());
  CHECK(it.ClientReceives(expected));
}

TEST_CASE("output: bytes outside the arena are sent at once and then belong to their owner again") {
  Conversation it;
  it.Send("at once");
  CHECK(IsReadable(it.client->fd()));
  CHECK(it.client->Look().received() == "at once");
  CHECK(it.story().flushed == 0);
  it.host.Flush();
  CHECK(it.story().flushed == 7);
  const std::string bytes = Pattern(kMany, 3);
  it.Send(bytes);
  CHECK(it.ClientReceives("at once" + bytes));
}

TEST_CASE("output: a write of nothing is nothing, before a queue and behind it") {
  Conversation it;
  it.Send("");
  it.host.Flush();
  CHECK(it.story().flushed == 0);
  const std::string bytes = it.Clog();
  it.Send("");
  CHECK(it.ClientReceives(bytes));
  CHECK(it.story().text.empty());
}

TEST_CASE("output: a FIN follows everything that is queued") {
  Conversation it;
  const std::string bytes = it.Clog();
  it.host.Shutdown(it.token);
  CHECK(it.host.Rests());
  CHECK(it.ClientReceives(bytes));
  CHECK(it.host.Until([&] { return it.client->Look().ended(); }));
  CHECK(bool(it.client->received() == bytes));
}

TEST_CASE("output: a FIN follows what is written in the same turn, whatever the order of commands") {
  Conversation it;
  it.host.Shutdown(it.token);
  it.host.Write(it.token, "last words");
  it.host.Flush();
  CHECK(it.host.Until([&] { return it.client->Look().ended(); }));
  CHECK(it.client->received() == "last words");
}

TEST_CASE("output: a close sends what is written in the same turn, and the connection is gone") {
  Conversation it;
  it.host.Write(it.token, "last words");
  it.host.Close(it.token);
  it.host.Flush();
  CHECK(it.host.Until([&] { return it.client->Look().ended(); }));
  CHECK(it.client->received() == "last words");
  CHECK(it.client->error() == 0);
  CHECK(it.host.Rests());
}

TEST_CASE("output: a reset is what the peer sees of one, behind a queue too") {
  Conversation it;
  SUBCASE("with nothing queued") {}
  SUBCASE("with a queue") { it.Clog(); }
  it.host.Reset(it.token);
  it.host.Flush();
  it.host.Until([&] { return it.client->Look().error() != 0; });
  CHECK(it.client->error() == ECONNRESET);
  CHECK_FALSE(it.client->ended());
  CHECK(it.queued() == 0);
}

TEST_CASE("output: a reset is one behind a shutdown and a close of the same turn") {
  Conversation it;
  it.host.Shutdown(it.token);
  it.host.Close(it.token);
  it.host.Reset(it.token);
  it.host.Flush();
  it.host.Until([&] { return it.client->Look().error() != 0; });
  CHECK(it.client->error() == ECONNRESET);
}

TEST_CASE("output: for a connection that is gone is nobody's, even if its slot is another's by now") {
  Conversation it;
  const Token old = it.token;
  it.host.Close(old);
  it.host.Flush();
  Client stranger(it.host.address());
  const Token token = it.host.Accept();
  REQUIRE(token.slot == old.slot);
  REQUIRE(token.generation != old.generation);
  it.token = old;
  it.Send("for the dead, at once");
  CHECK(it.queued() == 0);
  it.host.Write(old, "for the dead");
  it.host.Read(old);
  it.host.Shutdown(old);
  it.host.Close(old);
  it.host.Reset(old);
  it.host.Write(token, "for the living");
  stranger.Send("unread");
  CHECK(it.host.Until([&] { return !stranger.Look().received().empty(); }));
  CHECK(it.host.Rests());
  CHECK(stranger.Look().received() == "for the living");
  CHECK_FALSE(stranger.ended());
  CHECK(stranger.error() == 0);
  CHECK(it.host.of(token).text.empty());
}

TEST_CASE("output: for a slot that never was is nobody's") {
  Conversation it;
  const Token nobody = {it.token.slot + 1000, 1};
  it.host.Write(nobody, "x");
  it.host.Close(nobody);
  it.host.Flush();
  it.host.Write(it.token, "here");
  it.host.Flush();
  CHECK(it.ClientReceives("here"));
}

TEST_CASE("output: without memory for the queue it breaks, and what was unread is still read") {
  Conversation it;
  it.client->Send("unread");
  REQUIRE(IsReadable(it.host.loop().fd(), kSilence) == false);
  {
    const std::string bytes = Pattern(kMany);
    const NoMemory none;
    it.host.loop().Send(it.token, reinterpret_cast<uint8_t*>(const_cast<char*>(bytes.data())), bytes.size());
  }
  it.host.Flush();
  CHECK(it.story().broken == ENOBUFS);
  CHECK(it.queued() == 0);
  CHECK(it.host.Rests());
  CHECK(it.story().text == "broken");
  it.host.Read(it.token);
  CHECK(it.host.Until([&] { return it.story().failed != 0; }));
  CHECK(it.story().text == "broken data failed");
  CHECK(it.story().data == "unread");
  CHECK(it.story().failed == ENOBUFS);
  CHECK(it.story().failed_call == Call::kWrite);
}

TEST_CASE("output: a loop that ends with queues closes its connections") {
  const size_t before = OpenDescriptors();
  std::vector<Client> clients;
  {
    Host host;
    host.Listen();
    for (int i = 0; i < 3; i++) {
      clients.emplace_back(host.address());
      const Token token = host.Accept();
      std::string bytes = Pattern(kMany);
      host.loop().Send(token, reinterpret_cast<uint8_t*>(bytes.data()), bytes.size());
    }
    host.Write(host.accepted()[0], "not flushed");
  }
  for (Client& client : clients) {
    for (int round = 0; round < kRounds && !client.Look().ended() && client.error() == 0; round++) {
      (void)IsReadable(client.fd(), kPatience);
    }
    CHECK((client.ended() || client.error() == ECONNRESET));
    client.Close();
  }
  CHECK(OpenDescriptors() == before);
}

}  // namespace evio
