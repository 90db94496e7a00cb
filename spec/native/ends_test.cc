// How a connection ends: FIN in either direction, and a reset in each of its phases.

#include <doctest/doctest.h>
#include <errno.h>

#include <memory>
#include <string>
#include <vector>

#include "host.h"
#include "loop.h"
#include "loopback.h"

namespace evio {
namespace {

constexpr size_t kMany = 8 * 1024 * 1024;

class Conversation {
 public:
  Conversation() {
    host.Listen();
    client = std::make_unique<Client>(host.address());
    token = host.Accept();
    host.Flush();
  }

  const Story& story() { return host.of(token); }
  const std::string& text() { return story().text; }
  bool Tells(const std::string& expected) {
    host.Until([&] { return text() == expected; });
    return text() == expected;
  }
  void Read(bool on = true) {
    host.Read(token, on);
    host.Flush();
  }
  // The peer's FIN has come and has been told of.
  void EndInput() {
    client->Finish();
    REQUIRE(Tells("ended"));
  }
  // Ours has gone.
  void EndOutput() {
    host.Shutdown(token);
    REQUIRE(host.Until([&] { return client->Look().ended(); }));
  }
  void Clog() {
    std::string bytes = Pattern(kMany);
    host.loop().Send(token, reinterpret_cast<uint8_t*>(bytes.data()), bytes.size());
    host.Flush();
    REQUIRE(host.loop().Queued(token) > 0);
  }
  // The connection is gone: its slot is free, and nothing more comes.
  void CheckGone() {
    CHECK(host.Rests());
    const Client next(host.address());
    CHECK(host.Accept().slot == token.slot);
  }

  Host host;
  std::unique_ptr<Client> client;
  Token token;
};

bool IsReset(int error) { return error == ECONNRESET || error == EPIPE; }

}  // namespace

TEST_CASE("FIN: data and the end that follows it share a batch") {
  Conversation it;
  it.Read();
  it.client->Send("last words");
  it.client->Finish();
  REQUIRE(it.Tells("data ended"));
  CHECK(it.story().data == "last words");
  Client other(it.host.address());
  const Token token = it.host.Accept();
  other.Send("x");
  other.Finish();
  REQUIRE(it.host.HasInput());
  it.host.Read(token);
  it.host.Flush();
  REQUIRE(IsReadable(it.host.loop().fd()));
  it.host.Poll();
  CHECK(it.host.of(token).text == "data ended");
}

TEST_CASE("FIN: it is noticed while nobody reads") {
  Conversation it;
  it.client->Finish();
  CHECK(it.Tells("ended"));
  CHECK(it.host.Rests());
}

TEST_CASE("FIN: behind unread bytes it waits for them, without spinning") {
  Conversation it;
  it.client->Send("unread");
  it.client->Finish();
  CHECK(it.host.Rests());
  CHECK(it.text().empty());
  it.Read();
  CHECK(it.Tells("data ended"));
  CHECK(it.story().data == "unread");
  CHECK(it.host.Rests());
}

TEST_CASE("FIN: whoever stops reading in front of it finds it when reading again") {
  Conversation it;
  const std::string bytes = Pattern(3 * 1024 * 1024);
  it.Read();
  size_t sent = 0;
  it.host.Until([&] {
    sent += it.client->Send(std::string_view(bytes).substr(sent));
    return sent == bytes.size();
  });
  REQUIRE(sent == bytes.size());
  it.client->Finish();
  for (int round = 0; round < kRounds && it.text() != "data ended"; round++) {
    it.Read(round % 2 == 0);
    REQUIRE(it.host.Rests());
    it.Read(false);
    REQUIRE(it.host.Rests());
  }
  CHECK(it.text() == "data ended");
  CHECK(bool(it.story().data == bytes));
}

TEST_CASE("FIN: it is told once, however often reading is turned on") {
  Conversation it;
  it.Read();
  it.client->Finish();
  REQUIRE(it.Tells("ended"));
  for (const bool on : {true, false, true, true}) {
    it.Read(on);
    CHECK(it.host.Rests());
  }
  CHECK(it.text() == "ended");
}

TEST_CASE("FIN: of the peer leaves our direction open") {
  Conversation it;
  it.EndInput();
  std::string bytes = Pattern(kMany);
  it.host.loop().Send(it.token, reinterpret_cast<uint8_t*>(bytes.data()), bytes.size());
  it.host.Shutdown(it.token);
  CHECK(it.host.Until([&] { return it.client->Look().ended(); }));
  CHECK(bool(it.client->received() == bytes));
  CHECK(it.host.Rests());
  CHECK(it.text() == "ended");
}

TEST_CASE("FIN: of ours leaves the peer's direction open") {
  Conversation it;
  it.EndOutput();
  CHECK(it.host.Rests());
  it.Read();
  it.client->Send("still ");
  REQUIRE(it.Tells("data"));
  it.client->Send("talking");
  it.client->Finish();
  CHECK(it.Tells("data ended"));
  CHECK(it.story().data == "still talking");
  CHECK(it.host.Rests());
}

TEST_CASE("FIN: in both directions leaves nothing to do, whoever was first") {
  Conversation it;
  SUBCASE("the peer") {
    it.EndInput();
    it.EndOutput();
  }
  SUBCASE("we") {
    it.EndOutput();
    it.EndInput();
  }
  SUBCASE("both at once") {
    it.client->Finish();
    it.host.Shutdown(it.token);
    it.host.Flush();
    REQUIRE(it.Tells("ended"));
  }
  SUBCASE("we, with a reader") {
    it.Read();
    it.EndOutput();
    it.EndInput();
  }
  CHECK(it.host.Rests());
  it.Read();
  CHECK(it.host.Rests());
  CHECK(it.text() == "ended");
  it.host.Close(it.token);
  it.host.Flush();
  it.CheckGone();
}

TEST_CASE("FIN: in both directions behind unread bytes waits for them, without spinning") {
  Conversation it;
  it.client->Send("unread");
  it.client->Finish();
  it.EndOutput();
  CHECK(it.host.Rests());
  CHECK(it.text().empty());
  it.Read();
  CHECK(it.Tells("data ended"));
  CHECK(it.host.Rests());
}

TEST_CASE("reading: turned off it leaves bytes where they are, turned on it finds them") {
  Conversation it;
  it.client->Send("one ");
  CHECK(it.host.Rests());
  CHECK(it.text().empty());
  it.Read();
  REQUIRE(it.Tells("data"));
  it.Read(false);
  it.client->Send("two");
  CHECK(it.host.Rests());
  CHECK(it.story().data == "one ");
  it.Read();
  CHECK(it.host.Until([&] { return it.story().data == "one two"; }));
}

TEST_CASE("reading: turned off with input in sight it takes none") {
  Conversation it;
  it.Read();
  it.client->Send("x");
  REQUIRE(it.host.HasInput());
  it.Read(false);
  CHECK(it.host.Rests());
  CHECK(it.text().empty());
}

TEST_CASE("reading: an urgent byte is neither input nor a reason to spin") {
  Conversation it;
  SUBCASE("between others") {
    it.Read();
    it.client->Send("a");
    it.client->SendUrgent('!');
    it.client->Send("b");
    CHECK(it.host.Until([&] { return it.story().data == "ab"; }));
  }
  SUBCASE("alone, with a reader") {
    it.Read();
    it.client->SendUrgent('!');
    CHECK(it.host.Rests());
    CHECK(it.text().empty());
  }
  SUBCASE("alone, without a reader") {
    it.client->SendUrgent('!');
    CHECK(it.host.Rests());
    CHECK(it.text().empty());
    it.Read();
  }
  SUBCASE("unread, behind others") {
    it.client->Send("ab");
    it.client->SendUrgent('!');
    CHECK(it.host.Rests());
    it.Read();
    CHECK(it.host.Until([&] { return it.story().data == "ab"; }));
  }
  CHECK(it.host.Rests());
  const std::string before = it.text();
  it.client->Finish();
  CHECK(it.Tells(before.empty() ? "ended" : before + " ended"));
  CHECK(it.host.Rests());
}

TEST_CASE("reading: an urgent byte in front of a FIN that nobody reads hides it from nobody") {
  Conversation it;
  it.client->SendUrgent('!');
  it.client->Finish();
  CHECK(it.host.Rests());
  it.Read();
  CHECK(it.Tells("ended"));
  CHECK(it.host.Rests());
}

TEST_CASE("reset: it is noticed, whoever reads") {
  Conversation it;
  SUBCASE("nobody") {}
  SUBCASE("a reader") { it.Read(); }
  it.client->Reset();
  CHECK(it.Tells("failed"));
  CHECK(it.story().failed == ECONNRESET);
  CHECK(it.story().failed_call == Call::kRead);
  it.CheckGone();
}

TEST_CASE("reset: in the turn of accepting it is noticed") {
  Host host;
  host.Listen();
  Client client(host.address());
  REQUIRE(host.HasInput());
  host.Poll();
  REQUIRE(host.accepted().size() == 1);
  client.Reset();
  host.Flush();
  CHECK(host.Until([&] { return host.of(host.accepted()[0]).text == "failed"; }));
}

TEST_CASE("reset: behind unread bytes it waits for them, without spinning") {
  Conversation it;
  it.client->Send("unread");
  it.client->Reset();
  CHECK(it.host.Rests());
  CHECK(it.text().empty());
  it.Read(false);
  CHECK(it.host.Rests());
  it.Read();
  CHECK(it.Tells("data failed"));
  CHECK(it.story().data == "unread");
  CHECK(it.story().failed == ECONNRESET);
  it.CheckGone();
}

TEST_CASE("reset: whoever stops reading in front of it finds it when reading again") {
  Conversation it;
  it.Read();
  it.client->Send("one ");
  REQUIRE(it.Tells("data"));
  it.Read(false);
  it.client->Send("two");
  CHECK(it.host.Rests());
  it.client->Reset();
  CHECK(it.host.Rests());
  CHECK(it.text() == "data");
  it.Read();
  CHECK(it.Tells("data failed"));
  CHECK(it.story().data == "one two");
}

TEST_CASE("reset: with bytes in front of it and a reader, the bytes come first") {
  Conversation it;
  it.Read();
  it.client->Send("last words");
  it.client->Reset();
  CHECK(it.Tells("data failed"));
  CHECK(it.story().data == "last words");
  CHECK(it.story().failed == ECONNRESET);
  it.CheckGone();
}

TEST_CASE("reset: with output queued it is noticed") {
  Conversation it;
  it.Clog();
  SUBCASE("and nobody reading") {}
  SUBCASE("and a reader") { it.Read(); }
  SUBCASE("and a FIN behind it") {
    it.host.Shutdown(it.token);
    it.host.Flush();
  }
  it.client->Reset();
  CHECK(it.host.Until([&] { return it.story().failed != 0; }));
  CHECK(IsReset(it.story().failed));
  CHECK(it.host.loop().Queued(it.token) == 0);
  it.CheckGone();
}

TEST_CASE("reset: with output queued and input unread, output breaks at once and input is kept") {
  Conversation it;
  it.client->Send("unread");
  it.Clog();
  CHECK(it.host.Rests());
  it.client->Reset();
  CHECK(it.Tells("broken"));
  CHECK(IsReset(it.story().broken));
  CHECK(it.host.loop().Queued(it.token) == 0);
  CHECK(it.host.Rests());
  it.host.Write(it.token, "in vain");
  it.host.Flush();
  CHECK(it.host.Rests());
  CHECK(it.text() == "broken");
  it.Read();
  CHECK(it.Tells("broken data failed"));
  CHECK(it.story().data == "unread");
  CHECK(it.story().failed == it.story().broken);
  CHECK(it.story().failed_call == Call::kWrite);
  it.CheckGone();
}

TEST_CASE("reset: a write finds it at the latest, and tells it once") {
  Conversation it;
  it.client->Send("unread");
  it.client->Reset();
  CHECK(it.host.Rests());
  it.host.Write(it.token, "in vain");
  it.host.Flush();
  CHECK(it.text() == "broken");
  CHECK(IsReset(it.story().broken));
  it.host.Write(it.token, "in vain");
  it.host.Flush();
  CHECK(it.host.Rests());
  CHECK(it.text() == "broken");
  it.Read();
  CHECK(it.Tells("broken data failed"));
  CHECK(IsReset(it.story().failed));
}

TEST_CASE("reset: behind the peer's FIN it is noticed") {
  Conversation it;
  SUBCASE("with nobody reading") { it.EndInput(); }
  SUBCASE("with a reader") {
    it.Read();
    it.EndInput();
  }
  CHECK(it.host.Rests());
  it.client->Reset();
  CHECK(it.Tells("ended failed"));
  CHECK(IsReset(it.story().failed));
  it.CheckGone();
}

TEST_CASE("reset: together with the peer's FIN it is noticed, behind the bytes in front of both") {
  Conversation it;
  bool with_bytes = false;
  SUBCASE("with a reader") { it.Read(); }
  SUBCASE("with a reader, behind bytes") {
    it.Read();
    with_bytes = true;
  }
  SUBCASE("behind unread bytes") { with_bytes = true; }
  if (with_bytes) it.client->Send("bytes");
  it.client->Finish();
  it.client->Reset();
  CHECK(it.host.Rests());
  it.Read();
  CHECK(it.host.Until([&] { return it.story().failed != 0; }));
  CHECK(IsReset(it.story().failed));
  CHECK(it.story().data == (with_bytes ? "bytes" : ""));
  it.CheckGone();
}

TEST_CASE("reset: behind the peer's FIN and unread bytes it waits for them, without spinning") {
  Conversation it;
  it.client->Send("unread");
  it.client->Finish();
  CHECK(it.host.Rests());
  it.client->Reset();
  CHECK(it.host.Rests());
  CHECK(it.text().empty());
  it.Read();
  CHECK(it.host.Until([&] { return it.story().failed != 0; }));
  CHECK(it.story().data == "unread");
  it.CheckGone();
}

TEST_CASE("reset: behind the peer's FIN with output queued it is noticed") {
  Conversation it;
  it.EndInput();
  it.Clog();
  it.client->Reset();
  CHECK(it.host.Until([&] { return it.story().failed != 0; }));
  CHECK(IsReset(it.story().failed));
  it.CheckGone();
}

TEST_CASE("reset: behind our own FIN it is noticed") {
  Conversation it;
  SUBCASE("with nobody reading") {}
  SUBCASE("with a reader") { it.Read(); }
  it.EndOutput();
  it.client->Reset();
  CHECK(it.Tells("failed"));
  CHECK(it.story().failed == ECONNRESET);
  it.CheckGone();
}

TEST_CASE("reset: behind both FINs changes nothing") {
  Conversation it;
  it.EndInput();
  it.EndOutput();
  it.client->Reset();
  CHECK(it.host.Rests());
  CHECK(it.text() == "ended");
}

TEST_CASE("close: with unread input it is a reset to the peer, as the kernel has it") {
  Conversation it;
  it.client->Send("unread");
  CHECK(it.host.Rests());
  it.host.Close(it.token);
  it.host.Flush();
  it.host.Until([&] { return it.client->Look().error() != 0; });
  CHECK(it.client->error() == ECONNRESET);
  it.CheckGone();
}

TEST_CASE("close: of a connection that has failed already finds nothing") {
  Conversation it;
  it.Read();
  it.client->Reset();
  REQUIRE(it.Tells("failed"));
  const Client next(it.host.address());
  const Token token = it.host.Accept();
  REQUIRE(token.slot == it.token.slot);
  it.host.Close(it.token);
  it.host.Flush();
  CHECK(it.host.Rests());
  CHECK(it.host.of(token).text.empty());
}

}  // namespace evio
