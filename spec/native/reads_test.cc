// How much of a connection is read at once, and whether the poller is asked again.

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "host.h"
#include "loop.h"
#include "loopback.h"
#include "prospect.h"

namespace evio {
namespace {

constexpr size_t kUsual = 64 * 1024;
constexpr size_t kLargest = 256 * 1024;

class Stream {
 public:
  Stream() {
    host.Listen();
    client = std::make_unique<Client>(host.address());
    token = host.Accept();
    host.Read(token);
    host.Flush();
  }

  const std::vector<size_t>& reads() { return host.of(token).reads; }
  size_t largest() { return *std::max_element(reads().begin(), reads().end()); }
  // As much as the kernel takes, all of it read; so often.
  void Flood(int times) {
    for (int i = 0; i < times; i++) {
      const std::string pattern = Pattern(4 * kLargest);
      const size_t more = client->Send(pattern);
      bytes.append(pattern, 0, more);
      sent += more;
      REQUIRE(host.Until([&] { return host.of(token).data.size() == sent; }));
    }
  }
  bool Grows() {
    for (int i = 0; i < kRounds && largest() <= kUsual; i++) Flood(1);
    return largest() > kUsual;
  }
  // How many reads went into the spare.
  size_t spares() {
    const auto& kept = host.of(token).in_spare;
    return static_cast<size_t>(std::count(kept.begin(), kept.end(), true));
  }
  void Keep(bool on) {
    host.Keep(token, on);
    host.Flush();
  }
  void Say(std::string_view word) {
    const size_t more = client->Send(word);
    bytes.append(word.substr(0, more));
    sent += more;
    REQUIRE(host.Until([&] { return host.of(token).data.size() == sent; }));
  }

  Host host;
  std::unique_ptr<Client> client;
  Token token;
  size_t sent = 0;
  std::string bytes;  // all that was sent
};

}  // namespace

TEST_CASE("reads: grow with a stream in bulk, to 256 KiB") {
  Stream it;
  it.Flood(1);
  CHECK(it.reads().front() <= kUsual);
  REQUIRE(it.Grows());
  it.Flood(20);
  CHECK(it.largest() <= kLargest);
}

TEST_CASE("reads: are as usual again when little comes") {
  Stream it;
  it.Flood(1);
  REQUIRE(it.Grows());
  for (int i = 0; i < 3; i++) it.Say("now and then");
  const size_t before = it.reads().size();
  it.Flood(1);
  REQUIRE(it.reads().size() > before);
  CHECK(it.reads()[before] <= kUsual);
}

TEST_CASE("reads: do not grow while output waits") {
  Stream it;
  const std::string much = Pattern(8 * 1024 * 1024);  // more than the kernel takes
  std::string bytes = much;
  it.host.loop().Send(it.token, reinterpret_cast<uint8_t*>(bytes.data()), bytes.size());
  REQUIRE(it.host.loop().Queued(it.token) > 0);
  for (int i = 0; i < 30; i++) it.Flood(1);
  CHECK(it.largest() <= kUsual);
  REQUIRE(it.host.Until([&] { return it.client->Look().received().size() == much.size(); }));
  CHECK(it.Grows());
}

TEST_CASE("reads: go into the spare when large, if their reader keeps them") {
  Stream it;
  it.host.GiveSpare();
  it.Flood(1);
  REQUIRE(it.Grows());
  it.Flood(10);
  CHECK(it.spares() == 0);
  it.Keep(true);
  for (int i = 0; i < kRounds && it.spares() < 10; i++) it.Flood(1);
  REQUIRE(it.spares() >= 10);
  const auto& [reads, kept] = std::tie(it.reads(), it.host.of(it.token).in_spare);
  for (size_t i = 0; i < reads.size(); i++) {
    if (kept[i]) CHECK(reads[i] == kLargest);
  }
  CHECK(it.host.of(it.token).data == it.bytes);
  const size_t before = it.spares();
  it.Keep(false);
  it.Flood(20);
  CHECK(it.spares() == before);
}

TEST_CASE("reads: leave the spare when little comes, and lose none of it") {
  Stream it;
  it.host.GiveSpare();
  it.Keep(true);
  it.Flood(1);
  for (int i = 0; i < kRounds && it.spares() == 0; i++) it.Flood(1);
  REQUIRE(it.spares() > 0);
  const size_t before = it.spares();
  for (int i = 0; i < 5; i++) it.Say("now and then");
  CHECK(it.spares() == before);
  CHECK(it.host.of(it.token).data == it.bytes);
}

TEST_CASE("reads: do without a spare when there is none") {
  Stream it;
  it.Keep(true);
  it.Flood(1);
  REQUIRE(it.Grows());
  it.Flood(20);
  CHECK(it.spares() == 0);
  it.host.GiveSpare();
  it.host.loop().SetSpare(nullptr);
  it.Flood(20);
  CHECK(it.spares() == 0);
  CHECK(it.host.of(it.token).data == it.bytes);
}

TEST_CASE("prospect: is good while one in four finds something, and tried now and then when it is not") {
  Prospect prospect;
  int yes = 0;
  for (int i = 0; i < 160; i++) {
    if (!prospect.Good()) continue;
    yes++;
    prospect.Learn(false);
  }
  CHECK(yes == 10);

  while (!prospect.Good()) continue;
  prospect.Learn(true);
  for (int i = 0; i < 100; i++) {
    REQUIRE(prospect.Good());
    prospect.Learn(i % 3 == 0);
  }
}

TEST_CASE("prospect: of long luck is forgotten after two dozen failures") {
  Prospect prospect;
  while (!prospect.Good()) continue;
  for (int i = 0; i < 1000; i++) prospect.Learn(true);
  int more = 0;
  for (; prospect.Good() && more < 1000; more++) prospect.Learn(false);
  CHECK(more == 24);
}

}  // namespace evio
