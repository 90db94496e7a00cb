// A poller that will not watch: epoll_ctl(2) and kevent(2) may say so of any descriptor.

#include <doctest/doctest.h>
#include <errno.h>

#include <memory>
#include <string>

#include "host.h"
#include "loop.h"
#include "loopback.h"

namespace evio {
namespace {

class RefusingPoller final : public Poller {
 public:
  explicit RefusingPoller(const bool* refusing) : poller_(NewPoller()), refusing_(refusing) {}

  Status Add(int fd, uint64_t key, Interest interest) override {
    return *refusing_ ? Status{ENOSPC, Call::kPoll} : poller_->Add(fd, key, interest);
  }
  Status Modify(int fd, uint64_t key, Interest interest) override {
    return *refusing_ ? Status{ENOMEM, Call::kPoll} : poller_->Modify(fd, key, interest);
  }
  Status Remove(int fd) override { return poller_->Remove(fd); }
  Status Wait(Event* events, size_t capacity, size_t* count) override {
    return poller_->Wait(events, capacity, count);
  }
  int fd() const override { return poller_->fd(); }

 private:
  std::unique_ptr<Poller> poller_;
  const bool* refusing_;
};

}  // namespace

TEST_CASE("refusing poller: a new connection that it will not watch fails, and is reset") {
  bool refusing = false;
  Host host(std::make_unique<RefusingPoller>(&refusing));
  host.Listen();
  Client client(host.address());
  REQUIRE(host.HasInput());
  host.Poll();
  REQUIRE(host.accepted().size() == 1);
  refusing = true;
  host.Flush();
  const Story& story = host.of(host.accepted()[0]);
  CHECK(story.text == "failed");
  CHECK(story.failed == ENOSPC);
  CHECK(story.failed_call == Call::kPoll);
  refusing = false;
  CHECK(host.Until([&] { return client.Look().error() == ECONNRESET; }));
  const Client next(host.address());
  CHECK(host.Until([&] { return host.accepted().size() == 2; }));
  CHECK(host.accepted()[1].slot == host.accepted()[0].slot);
}

TEST_CASE("refusing poller: a connection that it will not watch in another way fails, once") {
  bool refusing = false;
  Host host(std::make_unique<RefusingPoller>(&refusing));
  host.Listen();
  Client client(host.address());
  const Token token = host.Accept();
  refusing = true;
  host.Read(token);
  host.Flush();
  CHECK(host.of(token).text == "failed");
  CHECK(host.of(token).failed == ENOMEM);
  CHECK(host.Until([&] { return client.Look().error() == ECONNRESET; }));
  CHECK(host.Rests());
}

TEST_CASE("refusing poller: a silent client whom it will not watch could not be accepted, and is reset") {
  bool refusing = false;
  Host host(std::make_unique<RefusingPoller>(&refusing));
  const Token listener = host.Listen();
  host.loop().SetQuiet(listener, true);
  Client client(host.address());
  REQUIRE(host.HasInput());
  host.Poll();
  REQUIRE(host.loop().Unannounced(listener) == 1);
  refusing = true;
  host.Flush();
  REQUIRE(host.accept_failures().size() == 1);
  CHECK(host.accept_failures()[0].listener.Pack() == listener.Pack());
  CHECK(host.accept_failures()[0].error == ENOSPC);
  CHECK(host.accepted().empty());
  CHECK(host.loop().unannounced() == 0);
  refusing = false;
  CHECK(host.Until([&] { return client.Look().error() == ECONNRESET; }));
  CHECK(host.Rests());
}

TEST_CASE("refusing poller: a listener that it will not watch says so once, and is watched when it can be") {
  bool refusing = true;
  Host host(std::make_unique<RefusingPoller>(&refusing));
  const Token listener = host.Listen();
  REQUIRE(host.accept_failures().size() == 1);
  CHECK(host.accept_failures()[0].error == ENOSPC);
  CHECK(host.accept_failures()[0].listener.Pack() == listener.Pack());
  CHECK(host.Rests());
  refusing = false;
  SUBCASE("after a pause") {
    host.loop().SetAccepting(listener, false);
    host.Flush();
    host.loop().SetAccepting(listener, true);
    host.Flush();
  }
  SUBCASE("when asked again") {
    host.loop().SetAccepting(listener, true);
    host.Flush();
  }
  const Client client(host.address());
  CHECK(host.Until([&] { return host.accepted().size() == 1; }));
  CHECK(host.accept_failures().size() == 1);
}

}  // namespace evio
