// The contract of native/poller.h, promise by promise, for whichever backend CreatePoller() gives.

#include "poller.h"

#include <doctest/doctest.h>
#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "loopback.h"
#include "scarcity.h"
#include "socket.h"

namespace evio {
namespace {

constexpr uint64_t kKey = 0xfedcba9876543210;  // every half of it counts
constexpr Interest kNothing = {};
constexpr Interest kReadable = {true, false, false};
constexpr Interest kWritable = {false, true, false};
constexpr Interest kHangup = {false, false, true};
constexpr Interest kEverything = {true, true, true};

class Watched {
 public:
  Watched() {
    Status status;
    poller_ = CreatePoller(&status);
    REQUIRE(poller_ != nullptr);
    REQUIRE(status.ok());
  }

  Poller* operator->() { return poller_.get(); }

  void Add(const Fd& fd, Interest interest, uint64_t key = kKey) {
    REQUIRE(poller_->Add(fd.get(), key, interest).ok());
  }
  void Modify(const Fd& fd, Interest interest, uint64_t key = kKey) {
    REQUIRE(poller_->Modify(fd.get(), key, interest).ok());
  }
  void Remove(const Fd& fd) { REQUIRE(poller_->Remove(fd.get()).ok()); }

  std::vector<Event> Wait(size_t capacity = 64) {
    std::vector<Event> events(capacity);
    size_t count = capacity + 1;
    REQUIRE(poller_->Wait(events.data(), capacity, &count).ok());
    REQUIRE(count <= capacity);
    events.resize(count);
    const auto is_hint = [](const Event& event) {
      return !event.readable && !event.writable && !event.hangup && !event.failed;
    };
    events.erase(std::remove_if(events.begin(), events.end(), is_hint), events.end());
    return events;
  }

  // The events of the first Wait() that has any.
  std::vector<Event> Expect() {
    for (int round = 0; round < kRounds; round++) {
      std::vector<Event> events = Wait();
      if (!events.empty()) return events;
      (void)IsReadable(poller_->fd(), kPatience);
    }
    return {};
  }
  Event ExpectOne() {
    const std::vector<Event> events = Expect();
    REQUIRE(events.size() == 1);
    return events[0];
  }

  // Whether there is nothing to report. A hint does not count, as long as hints come to an end.
  bool IsSilent() {
    for (int hint = 0; hint < kRounds; hint++) {
      if (!Wait().empty()) return false;
      if (!IsReadable(poller_->fd(), kSilence)) return Wait().empty();
    }
    return false;
  }

 private:
  std::unique_ptr<Poller> poller_;
};

SocketPair PairOfEitherKind() {
  SocketPair pair;
  SUBCASE("of TCP") { pair = TcpPair(); }
  SUBCASE("of a unix socket") { pair = UnixPair(); }
  return pair;
}

void Send(const Fd& fd, const std::string& bytes) {
  REQUIRE(write(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
}

void Close(Fd* fd) { *fd = Fd(); }

}  // namespace

TEST_CASE("poller: the backend is the one that was built") {
#if defined(EVIO_KQUEUE_SHIM)
  CHECK(std::string(kPollerName) == "kqueue");
#elif defined(__linux__)
  CHECK(std::string(kPollerName) == "epoll");
#endif
}

TEST_CASE("poller: Wait() has nothing to say of nothing, and does not block for it") {
  Watched poller;
  CHECK(poller.Wait().empty());
  CHECK(poller.IsSilent());
}

TEST_CASE("poller: input is reported with its key") {
  const SocketPair pair = PairOfEitherKind();
  Watched poller;
  poller.Add(pair.ours, kReadable);
  CHECK(poller.IsSilent());
  Send(pair.theirs, "x");
  const Event event = poller.ExpectOne();
  CHECK(event.key == kKey);
  CHECK(event.readable);
  CHECK_FALSE(event.writable);
  CHECK_FALSE(event.hangup);
  CHECK_FALSE(event.failed);
}

TEST_CASE("poller: input that was there before Add() is reported") {
  const SocketPair pair = PairOfEitherKind();
  Watched poller;
  Send(pair.theirs, "x");
  REQUIRE(IsReadable(pair.ours.get()));
  poller.Add(pair.ours, kReadable);
  CHECK(poller.ExpectOne().readable);
}

TEST_CASE("poller: a descriptor stays ready until it is drained") {
  const SocketPair pair = PairOfEitherKind();
  Watched poller;
  poller.Add(pair.ours, kReadable);
  Send(pair.theirs, "xy");
  CHECK(poller.ExpectOne().readable);
  CHECK(poller.ExpectOne().readable);
  uint8_t byte;
  REQUIRE(Receive(pair.ours.get(), &byte, 1).bytes == 1);
  CHECK(poller.ExpectOne().readable);
  REQUIRE(Receive(pair.ours.get(), &byte, 1).bytes == 1);
  CHECK(poller.IsSilent());
  Send(pair.theirs, "z");
  CHECK(poller.ExpectOne().readable);
}

TEST_CASE("poller: a connection that waits to be accepted makes its listener readable until it is") {
  Fd listener;
  SocketAddress bound;
  ListenOptions options;
  options.backlog = 8;
  REQUIRE(OpenListener(LoopbackAddress(), options, &listener, &bound).ok());
  Watched poller;
  poller.Add(listener, kReadable);
  CHECK(poller.IsSilent());
  const Client client(bound);
  CHECK(poller.ExpectOne().readable);
  CHECK(poller.ExpectOne().readable);
  Fd connection;
  SocketAddress remote;
  REQUIRE(Accept(listener.get(), &connection, &remote).ok());
  CHECK(poller.IsSilent());
}

TEST_CASE("poller: a descriptor is writable while the kernel has room, and again when it has") {
  const SocketPair pair = PairOfEitherKind();
  Watched poller;
  poller.Add(pair.ours, kWritable);
  CHECK(poller.ExpectOne().writable);
  CHECK(poller.ExpectOne().writable);
  size_t left = Fill(pair.ours.get());
  CHECK(poller.IsSilent());
  for (int round = 0; round < kRounds && left > 0; round++) {
    if (IsReadable(pair.theirs.get(), kPatience)) left -= Drain(pair.theirs.get());
  }
  REQUIRE(left == 0);
  CHECK(poller.ExpectOne().writable);
}

TEST_CASE("poller: both directions of a descriptor come as one event") {
  const SocketPair pair = PairOfEitherKind();
  Watched poller;
  poller.Add(pair.ours, kEverything);
  Send(pair.theirs, "x");
  REQUIRE(IsReadable(pair.ours.get()));
  const Event event = poller.ExpectOne();
  CHECK(event.readable);
  CHECK(event.writable);
  CHECK_FALSE(event.hangup);
  CHECK_FALSE(event.failed);
}

TEST_CASE("poller: both directions and the hang-up of a descriptor come as one event") {
  const SocketPair pair = PairOfEitherKind();
  Watched poller;
  poller.Add(pair.ours, kEverything);
  Send(pair.theirs, "x");
  ShutdownWrite(pair.theirs.get());
  Event event;
  for (int round = 0; round < kRounds && !event.hangup; round++) event = poller.ExpectOne();
  CHECK(event.readable);
  CHECK(event.writable);
  CHECK(event.hangup);
  CHECK_FALSE(event.failed);
}

TEST_CASE("poller: many descriptors are told apart by their keys, one event each") {
  constexpr size_t kPairs = 40;
  Watched poller;
  std::vector<SocketPair> pairs;
  for (size_t i = 0; i < kPairs; i++) {
    pairs.push_back(UnixPair());
    poller.Add(pairs[i].ours, kEverything, i);
    if (i % 2 == 0) Send(pairs[i].theirs, "x");
  }
  std::vector<int> seen(kPairs);
  for (const Event& event : poller.Wait(8 * kPairs)) {
    REQUIRE(event.key < kPairs);
    CHECK(event.writable);
    CHECK(event.readable == (event.key % 2 == 0));
    seen[event.key] += 1;
  }
  CHECK(seen == std::vector<int>(kPairs, 1));
}

TEST_CASE("poller: what finds no room in the capacity is reported by a later Wait()") {
  constexpr size_t kPairs = 20;
  Watched poller;
  std::vector<SocketPair> pairs;
  for (size_t i = 0; i < kPairs; i++) {
    pairs.push_back(UnixPair());
    poller.Add(pairs[i].ours, kEverything, i);
    Send(pairs[i].theirs, "x");
  }
  std::vector<int> seen(kPairs);
  for (size_t round = 0; round < kPairs; round++) {
    for (const Event& event : poller.Wait(3)) {
      REQUIRE(event.key < kPairs);
      CHECK(event.readable);
      seen[event.key] += 1;
      poller.Remove(pairs[event.key].ours);
    }
  }
  CHECK(seen == std::vector<int>(kPairs, 1));
}

TEST_CASE("poller: nobody waits for ever behind others that stay ready") {
  constexpr size_t kPairs = 20;
  Watched poller;
  std::vector<SocketPair> pairs;
  for (size_t i = 0; i < kPairs; i++) {
    pairs.push_back(UnixPair());
    poller.Add(pairs[i].ours, kEverything, i);
    Send(pairs[i].theirs, "x");
  }
  std::vector<bool> seen(kPairs);
  for (int round = 0; round < kRounds; round++) {
    for (const Event& event : poller.Wait(4)) seen.at(event.key) = true;
  }
  CHECK(seen == std::vector<bool>(kPairs, true));
}

TEST_CASE("poller: input is not reported to whoever did not ask for it") {
  const SocketPair pair = PairOfEitherKind();
  Watched poller;
  Send(pair.theirs, "x");
  REQUIRE(IsReadable(pair.ours.get()));
  poller.Add(pair.ours, kNothing);
  CHECK(poller.IsSilent());
  poller.Modify(pair.ours, kHangup);
  CHECK(poller.IsSilent());
  poller.Modify(pair.ours, kWritable);
  CHECK_FALSE(poller.ExpectOne().readable);
}

TEST_CASE("poller: Modify() takes interest back and gives it again, for what is ready already too") {
  const SocketPair pair = PairOfEitherKind();
  Watched poller;
  poller.Add(pair.ours, kReadable);
  Send(pair.theirs, "x");
  CHECK(poller.ExpectOne().readable);
  poller.Modify(pair.ours, kNothing);
  CHECK(poller.IsSilent());
  poller.Modify(pair.ours, kReadable);
  CHECK(poller.ExpectOne().readable);
  poller.Modify(pair.ours, kNothing);
  poller.Modify(pair.ours, kEverything);
  poller.Modify(pair.ours, kReadable);
  const Event event = poller.ExpectOne();
  CHECK(event.readable);
  CHECK_FALSE(event.writable);
}

TEST_CASE("poller: the key is that of the last Modify()") {
  const SocketPair pair = PairOfEitherKind();
  Watched poller;
  poller.Add(pair.ours, kReadable);
  poller.Modify(pair.ours, kReadable, kKey + 1);
  Send(pair.theirs, "x");
  CHECK(poller.ExpectOne().key == kKey + 1);
}

TEST_CASE("poller: what has been removed is not heard of, and can be added again") {
  const SocketPair pair = PairOfEitherKind();
  Watched poller;
  poller.Add(pair.ours, kEverything);
  Send(pair.theirs, "x");
  REQUIRE(IsReadable(poller->fd()));
  poller.Remove(pair.ours);
  CHECK(poller.IsSilent());
  poller.Add(pair.ours, kReadable, kKey + 1);
  const Event event = poller.ExpectOne();
  CHECK(event.key == kKey + 1);
  CHECK(event.readable);
  CHECK_FALSE(event.writable);
}

TEST_CASE("poller: a descriptor that is closed is forgotten, and its number is free for another") {
  SocketPair gone = PairOfEitherKind();
  Watched poller;
  poller.Add(gone.ours, kEverything);
  Send(gone.theirs, "x");
  REQUIRE(IsReadable(poller->fd()));
  const int number = gone.ours.get();
  Close(&gone.ours);
  CHECK(poller.IsSilent());
  const SocketPair next = UnixPair();
  REQUIRE(number == next.ours.get());
  poller.Add(next.ours, kReadable, kKey + 1);
  CHECK(poller.IsSilent());
  Send(next.theirs, "y");
  CHECK(poller.ExpectOne().key == kKey + 1);
}

TEST_CASE("poller: a hang-up is reported only while it is asked for") {
  const SocketPair pair = PairOfEitherKind();
  Watched poller;
  poller.Add(pair.ours, kNothing);
  ShutdownWrite(pair.theirs.get());
  REQUIRE(IsReadable(pair.ours.get()));
  CHECK(poller.IsSilent());
  poller.Modify(pair.ours, kHangup);
  const Event event = poller.ExpectOne();
  CHECK(event.hangup);
  CHECK_FALSE(event.writable);
  CHECK_FALSE(event.failed);
  poller.Modify(pair.ours, kWritable);
  CHECK_FALSE(poller.ExpectOne().hangup);
  poller.Modify(pair.ours, kNothing);
  CHECK(poller.IsSilent());
}

TEST_CASE("poller: the end of input is readable to whoever asks for input alone") {
  const SocketPair pair = PairOfEitherKind();
  Watched poller;
  poller.Add(pair.ours, kReadable);
  ShutdownWrite(pair.theirs.get());
  const Event event = poller.ExpectOne();
  CHECK(event.readable);
  CHECK_FALSE(event.hangup);
  CHECK_FALSE(event.failed);
}

TEST_CASE("poller: a hang-up is seen behind unread bytes that nobody asks for") {
  const SocketPair pair = PairOfEitherKind();
  Watched poller;
  poller.Add(pair.ours, kHangup);
  Send(pair.theirs, "unread");
  REQUIRE(IsReadable(pair.ours.get()));
  CHECK(poller.IsSilent());
  ShutdownWrite(pair.theirs.get());
  const Event event = poller.ExpectOne();
  CHECK(event.hangup);
  CHECK_FALSE(event.readable);
}

TEST_CASE("poller: a hang-up stays while input is asked for too, until it is read and after") {
  const SocketPair pair = PairOfEitherKind();
  Watched poller;
  poller.Add(pair.ours, {true, false, true});
  Send(pair.theirs, "unread");
  ShutdownWrite(pair.theirs.get());
  Event event;
  for (int round = 0; round < kRounds && !event.hangup; round++) event = poller.ExpectOne();
  CHECK(event.readable);
  CHECK(poller.ExpectOne().hangup);
  CHECK(Drain(pair.ours.get()) == 6);
  CHECK(poller.ExpectOne().hangup);
  CHECK(poller.ExpectOne().readable);
}

TEST_CASE(
    "poller: a hang-up that was there before it was asked for is reported, each time it is asked for anew") {
  const SocketPair pair = PairOfEitherKind();
  ShutdownWrite(pair.theirs.get());
  REQUIRE(IsReadable(pair.ours.get()));
  Watched poller;
  poller.Add(pair.ours, kHangup);
  CHECK(poller.ExpectOne().hangup);
  for (const Interest between : {kNothing, kReadable, kWritable}) {
    poller.Modify(pair.ours, between);
    (void)poller.Wait();
    poller.Modify(pair.ours, kHangup);
    CHECK(poller.ExpectOne().hangup);
  }
}

TEST_CASE("poller: our own FIN is no hang-up and no failure") {
  const SocketPair pair = PairOfEitherKind();
  Watched poller;
  poller.Add(pair.ours, {true, false, true});
  ShutdownWrite(pair.ours.get());
  REQUIRE(IsReadable(pair.theirs.get()));
  CHECK(poller.IsSilent());
  Send(pair.theirs, "x");
  const Event event = poller.ExpectOne();
  CHECK(event.readable);
  CHECK_FALSE(event.hangup);
  CHECK_FALSE(event.failed);
}

TEST_CASE("poller: both directions shut are a hang-up to whoever asks, and may be a failure to anybody") {
  const SocketPair pair = PairOfEitherKind();
  Watched poller;
  poller.Add(pair.ours, kNothing);
  ShutdownWrite(pair.ours.get());
  ShutdownWrite(pair.theirs.get());
  REQUIRE(IsReadable(pair.ours.get()));
  for (const Event& event : poller.Wait()) {
    CHECK(event.key == kKey);
    CHECK_FALSE(event.readable);
    CHECK_FALSE(event.writable);
    CHECK_FALSE(event.hangup);
  }
  poller.Modify(pair.ours, kHangup);
  CHECK(poller.ExpectOne().hangup);
  poller.Remove(pair.ours);
  CHECK(poller.IsSilent());
}

TEST_CASE("poller: a reset is a failure, whatever was asked for") {
  Interest interest;
  SUBCASE("nothing") { interest = kNothing; }
  SUBCASE("input") { interest = kReadable; }
  SUBCASE("the hang-up") { interest = kHangup; }
  SUBCASE("everything") { interest = kEverything; }
  SocketPair pair = TcpPair();
  Watched poller;
  poller.Add(pair.ours, interest);
  ResetOnClose(pair.theirs.get());
  Close(&pair.theirs);
  REQUIRE(IsReadable(pair.ours.get()));
  const Event event = poller.ExpectOne();
  CHECK(event.failed);
  CHECK(event.key == kKey);
  poller.Remove(pair.ours);
  CHECK(poller.IsSilent());
}

TEST_CASE("poller: a reset that was there before Add() is reported") {
  SocketPair pair = TcpPair();
  ResetOnClose(pair.theirs.get());
  Close(&pair.theirs);
  REQUIRE(IsReadable(pair.ours.get()));
  Watched poller;
  poller.Add(pair.ours, kNothing);
  CHECK(poller.ExpectOne().failed);
}

TEST_CASE("poller: a reset is seen behind unread bytes, which stay readable") {
  SocketPair pair = TcpPair();
  Watched poller;
  poller.Add(pair.ours, kNothing);
  Send(pair.theirs, "unread");
  REQUIRE(IsReadable(pair.ours.get()));
  CHECK(poller.IsSilent());
  ResetOnClose(pair.theirs.get());
  Close(&pair.theirs);
  CHECK(poller.ExpectOne().failed);
  CHECK(Drain(pair.ours.get()) == 6);
}

TEST_CASE("poller: a reset behind a hang-up that nobody asked for is a failure") {
  SocketPair pair = TcpPair();
  Watched poller;
  poller.Add(pair.ours, kNothing);
  ShutdownWrite(pair.theirs.get());
  REQUIRE(IsReadable(pair.ours.get()));
  CHECK(poller.IsSilent());
  ResetOnClose(pair.theirs.get());
  Close(&pair.theirs);
  CHECK(poller.ExpectOne().failed);
}

TEST_CASE("poller: fd() is readable while Wait() has something to report, and rests afterwards") {
  const SocketPair pair = PairOfEitherKind();
  Watched poller;
  poller.Add(pair.ours, kReadable);
  CHECK(poller.IsSilent());
  Send(pair.theirs, "x");
  CHECK(IsReadable(poller->fd()));
  CHECK(poller.ExpectOne().readable);
  CHECK(IsReadable(poller->fd()));
  CHECK(Drain(pair.ours.get()) == 1);
  CHECK(poller.IsSilent());
  CHECK_FALSE(IsReadable(poller->fd(), kSilence));
}

TEST_CASE("poller: a descriptor that does not exist is an error of the poller") {
  Watched poller;
  int number;
  {
    const SocketPair gone = UnixPair();
    number = gone.theirs.get();
  }
  const Status status = poller->Add(number, kKey, kReadable);
  CHECK(status.error == EBADF);
  CHECK(status.call == Call::kPoll);
}

TEST_CASE("poller: a kernel that refuses one is a status") {
  Status status;
  bool made;
  {
    const NoDescriptors none;
    made = CreatePoller(&status) != nullptr;
  }
  CHECK_FALSE(made);
  CHECK(status.error == EMFILE);
  CHECK(status.call == Call::kPoll);
}

TEST_CASE("poller: it closes its own descriptors and nobody else's") {
  const SocketPair pair = TcpPair();
  const size_t before = OpenDescriptors();
  {
    Watched poller;
    poller.Add(pair.ours, kEverything);
    CHECK(OpenDescriptors() > before);
  }
  CHECK(OpenDescriptors() == before);
}

}  // namespace evio
