// Batches without room: whoever finds none is not forgotten, not overtaken for ever, and not taken for
// another.

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "host.h"
#include "loop.h"
#include "loopback.h"

namespace evio {
namespace {

constexpr size_t kCrowd = 12;
// Together more than a window holds, each less than a peer may send before it is read.
constexpr size_t kShare = 40 * 1024;
static_assert(kCrowd * kShare > kWindowBytes + 2 * kShare, "the window has to run out");

class Crowd {
 public:
  Crowd() {
    host.Listen();
    for (size_t i = 0; i < kCrowd; i++) {
      clients.push_back(std::make_unique<Client>(host.address()));
      tokens.push_back(host.Accept());
      host.Read(tokens.back());
    }
    host.Flush();
  }

  // Everybody's share waits to be read.
  void SendShares() {
    for (size_t i = 0; i < kCrowd; i++) REQUIRE(clients[i]->Send(ShareOf(i)) == kShare);
    for (size_t i = 0; i < kCrowd; i++) REQUIRE(host.HasInput());
  }
  static std::string ShareOf(size_t i) { return Pattern(kShare, static_cast<uint32_t>(i)); }

  // A poll that the window ends.
  void PollInVain() {
    host.Poll();
    REQUIRE(host.loop().HasWork());
  }
  // Those of whom nothing has been read.
  std::vector<size_t> Unserved() {
    std::vector<size_t> unserved;
    for (size_t i = 0; i < kCrowd; i++) {
      if (host.of(tokens[i]).text.empty()) unserved.push_back(i);
    }
    REQUIRE_FALSE(unserved.empty());
    return unserved;
  }
  bool AllTell(const std::string& text) {
    return host.Until([&] {
      for (const Token token : tokens) {
        if (host.of(token).text != text) return false;
      }
      return true;
    });
  }
  void CheckShares() {
    for (size_t i = 0; i < kCrowd; i++) CHECK(bool(host.of(tokens[i]).data == ShareOf(i)));
  }

  Host host;
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<Token> tokens;
};

}  // namespace

TEST_CASE("batch: input beyond the window comes with the next one, every byte of it") {
  Crowd crowd;
  crowd.SendShares();
  crowd.PollInVain();
  CHECK(crowd.host.Until([&] {
    for (const Token token : crowd.tokens) {
      if (crowd.host.of(token).data.size() < kShare) return false;
    }
    return true;
  }));
  crowd.CheckShares();
  CHECK(crowd.host.Rests());
}

TEST_CASE("batch: streams of many windows arrive whole") {
  constexpr size_t kLong = 1024 * 1024;
  Crowd crowd;
  std::vector<size_t> sent(kCrowd);
  std::vector<std::string> expected;
  for (size_t i = 0; i < kCrowd; i++) expected.push_back(Pattern(kLong, static_cast<uint32_t>(i)));
  CHECK(crowd.host.Until([&] {
    bool done = true;
    for (size_t i = 0; i < kCrowd; i++) {
      const bool had_all = sent[i] == kLong;
      sent[i] += crowd.clients[i]->Send(std::string_view(expected[i]).substr(sent[i]));
      if (!had_all && sent[i] == kLong) crowd.clients[i]->Finish();
      done = done && crowd.host.of(crowd.tokens[i]).text == "data ended";
    }
    return done;
  }));
  for (size_t i = 0; i < kCrowd; i++) CHECK(bool(crowd.host.of(crowd.tokens[i]).data == expected[i]));
}

TEST_CASE("batch: whoever sends without end does not keep others from being heard") {
  Crowd crowd;
  std::vector<std::unique_ptr<Client>> modest;
  std::vector<Token> tokens;
  for (int i = 0; i < 4; i++) {
    modest.push_back(std::make_unique<Client>(crowd.host.address()));
    tokens.push_back(crowd.host.Accept());
    crowd.host.Read(tokens.back());
  }
  crowd.host.Flush();
  REQUIRE(crowd.host.Rests());
  const std::string flood = Pattern(kWindowBytes);
  for (auto& client : crowd.clients) client->Send(flood);
  REQUIRE(crowd.host.HasInput());
  for (auto& client : modest) client->Send("me too");
  size_t heard = 0;
  for (size_t poll = 0; poll < 2 * kCrowd && heard < tokens.size(); poll++) {
    for (auto& client : crowd.clients) client->Send(flood);
    REQUIRE(crowd.host.HasInput());
    crowd.host.Turn();
    heard = 0;
    for (const Token token : tokens) heard += crowd.host.of(token).data == "me too" ? 1 : 0;
  }
  CHECK(heard == tokens.size());
}

TEST_CASE("batch: a FIN behind input beyond the window comes behind it") {
  Crowd crowd;
  crowd.SendShares();
  for (auto& client : crowd.clients) client->Finish();
  crowd.PollInVain();
  CHECK(crowd.AllTell("data ended"));
  crowd.CheckShares();
  CHECK(crowd.host.Rests());
}

TEST_CASE("batch: a reset behind input beyond the window comes behind it") {
  Crowd crowd;
  crowd.SendShares();
  for (auto& client : crowd.clients) client->Reset();
  crowd.PollInVain();
  CHECK(crowd.AllTell("data failed"));
  crowd.CheckShares();
  CHECK(crowd.host.Rests());
}

TEST_CASE("batch: what becomes readable at once, long off the poller, finds room in turn") {
  Crowd crowd;
  for (const Token token : crowd.tokens) crowd.host.Read(token, false);
  crowd.host.Flush();
  for (size_t i = 0; i < kCrowd; i++) {
    REQUIRE(crowd.clients[i]->Send(Crowd::ShareOf(i)) == kShare);
    crowd.clients[i]->Reset();
  }
  REQUIRE(crowd.host.Rests());
  for (const Token token : crowd.tokens) crowd.host.Read(token);
  crowd.host.Flush();
  REQUIRE(crowd.host.loop().HasWork());
  crowd.PollInVain();
  CHECK(crowd.AllTell("data failed"));
  crowd.CheckShares();
  CHECK(crowd.host.Rests());
}

TEST_CASE("batch: an event that waits for room finds nothing once its connection is closed") {
  Crowd crowd;
  crowd.SendShares();
  crowd.PollInVain();
  const std::vector<size_t> unserved = crowd.Unserved();
  for (const size_t i : unserved) crowd.host.Close(crowd.tokens[i]);
  crowd.host.Flush();
  std::vector<std::unique_ptr<Client>> strangers;
  std::vector<Token> tokens;
  for (size_t i = 0; i < unserved.size(); i++) {
    strangers.push_back(std::make_unique<Client>(crowd.host.address()));
    tokens.push_back(crowd.host.Accept());
    crowd.host.Read(tokens.back());
  }
  CHECK(crowd.host.Rests());
  for (const Token token : tokens) CHECK(crowd.host.of(token).text.empty());
}

TEST_CASE("batch: an event that waits for room does not read for whoever has stopped reading") {
  Crowd crowd;
  crowd.SendShares();
  crowd.PollInVain();
  const std::vector<size_t> unserved = crowd.Unserved();
  for (const size_t i : unserved) crowd.host.Read(crowd.tokens[i], false);
  crowd.host.Flush();
  CHECK(crowd.host.Rests());
  for (const size_t i : unserved) CHECK(crowd.host.of(crowd.tokens[i]).text.empty());
  for (const size_t i : unserved) crowd.host.Read(crowd.tokens[i]);
  CHECK(crowd.AllTell("data"));
  CHECK(crowd.host.Rests());
  crowd.CheckShares();
}

TEST_CASE("batch: an event that waits for room finds nothing once its listener is closed") {
  Crowd crowd;
  const Token listener = crowd.host.of(crowd.tokens[0]).listener;
  crowd.SendShares();
  const Client late(crowd.host.address());
  crowd.PollInVain();
  const size_t accepted = crowd.host.accepted().size();
  crowd.host.loop().CloseListener(listener);
  CHECK(crowd.host.Rests());
  CHECK(crowd.host.accepted().size() == accepted);
  crowd.CheckShares();
}

TEST_CASE("batch: output goes on while input finds no room") {
  Crowd crowd;
  crowd.SendShares();
  crowd.PollInVain();
  for (const Token token : crowd.tokens) crowd.host.Write(token, "meanwhile");
  crowd.host.Flush();
  for (auto& client : crowd.clients) {
    CHECK(IsReadable(client->fd()));
    CHECK(client->Look().received() == "meanwhile");
  }
}

}  // namespace evio
