// What the native half costs, in instructions: one scenario a run, under callgrind, which counts only between
// Begin() and End(): the loop's own work, without the kernel's and without that of this program.
//
//   valgrind --tool=callgrind --collect-atstart=no native_costs SCENARIO
//
// Prints how many operations were counted.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <valgrind/callgrind.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "arena.h"
#include "loop.h"
#include "poller.h"
#include "socket.h"
#include "socket_address.h"

namespace evio {
namespace {

constexpr int kConnections = 50;
constexpr int kTurns = 200;
constexpr int kWarmTurns = 20;  // so that lists have grown to their size
constexpr int kBacklog = 128;
constexpr int kPatience = 1000;  // milliseconds

void Check(bool holds, const char* what) {
  if (holds) return;
  std::perror(what);
  std::exit(1);
}

// A loop and the other ends of its connections.
class Bench {
 public:
  Bench() : memory_(kArenaBytes / sizeof(Record) + 1), arena_(reinterpret_cast<uint8_t*>(memory_.data())) {
    Status status;
    std::unique_ptr<Poller> poller = CreatePoller(&status);
    Check(poller != nullptr, "poller");
    loop_ = std::make_unique<Loop>(std::move(poller), arena_);
    ListenOptions options;
    options.backlog = kBacklog;
    options.accepted.no_delay = true;
    SocketAddress any;
    uint32_t slot = 0;
    Check(ParseAddress(Family::kIPv4, "127.0.0.1", 0, &any).ok(), "address");
    Check(loop_->Listen(any, options, &slot, &address_).ok(), "listen");
    loop_->SetAccepting(loop_->ListenerToken(slot), true);
    loop_->Flush(0);
  }

  void Count(bool on) { counting_ = on; }
  uint64_t operations() const { return operations_; }

  // Opens connections and reads them.
  void Open(int count) {
    for (int i = 0; i < count; i++) {
      Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      Check(connect(fd.get(), address_.get(), address_.length) == 0, "connect");
      peers_.push_back(std::move(fd));
    }
    for (int left = count; left > 0;) {
      Wait();
      left -= Turn([&](const Record& event) { Command(CommandKind::kRead, event, 1, 0); });
    }
  }

  void Send(size_t bytes) {
    const std::string message(bytes, 'x');
    for (const Fd& peer : peers_)
      Check(send(peer.get(), message.data(), bytes, 0) == static_cast<ssize_t>(bytes), "send");
  }

  // Answers every chunk with itself, until that many bytes have been seen.
  void Echo(size_t bytes) {
    for (size_t seen = 0; seen < bytes;) {
      Wait();
      size_t outbox = kOutboxOffset;
      Turn([&](const Record& event) {
        if (event.kind != static_cast<uint32_t>(EventKind::kData)) return;
        std::memcpy(arena_.base() + outbox, arena_.base() + event.a, event.b);
        Command(CommandKind::kWrite, event, static_cast<uint32_t>(outbox), event.b);
        outbox += event.b;
        seen += event.b;
      });
    }
  }

  void Receive(size_t bytes) {
    std::vector<char> buffer(bytes);
    for (const Fd& peer : peers_) {
      for (size_t got = 0; got < bytes;) {
        const ssize_t n = recv(peer.get(), buffer.data() + got, bytes - got, 0);
        Check(n > 0, "recv");
        got += static_cast<size_t>(n);
      }
    }
  }

  // The peers go, and the loop closes its ends.
  void Close() {
    int left = static_cast<int>(peers_.size());
    peers_.clear();
    while (left > 0) {
      Wait();
      left -= Turn([&](const Record& event) { Command(CommandKind::kClose, event, 0, 0); });
    }
  }

  // Turns in which nobody has anything to say.
  void Idle() {
    Turn([](const Record&) {});
  }

 private:
  void Wait() {
    pollfd ready = {loop_->fd(), POLLIN, 0};
    Check(loop_->HasWork() || poll(&ready, 1, kPatience) == 1, "poll");
  }

  template <typename Handle>
  int Turn(Handle handle) {
    if (counting_) CALLGRIND_TOGGLE_COLLECT;
    const uint32_t events = loop_->Poll();
    if (counting_) CALLGRIND_TOGGLE_COLLECT;
    for (uint32_t i = 0; i < events; i++) handle(arena_.events()[i]);
    const uint32_t commands = commands_;
    commands_ = 0;
    if (counting_) {
      CALLGRIND_TOGGLE_COLLECT;
      operations_ += events > 0 ? events : 1;
    }
    loop_->Flush(commands);
    (void)loop_->Collect();
    if (counting_) CALLGRIND_TOGGLE_COLLECT;
    return static_cast<int>(events);
  }

  void Command(CommandKind kind, const Record& event, uint32_t a, uint32_t b) {
    auto* commands = reinterpret_cast<Record*>(arena_.base() + kCommandsOffset);
    commands[commands_++] = {static_cast<uint32_t>(kind), event.slot, event.generation, a, b, 0, {}};
  }

  std::vector<Record> memory_;
  Arena arena_;
  std::unique_ptr<Loop> loop_;
  SocketAddress address_;
  std::vector<Fd> peers_;
  uint32_t commands_ = 0;
  bool counting_ = false;
  uint64_t operations_ = 0;
};

void EchoTurns(Bench* bench, int turns, size_t bytes) {
  for (int i = 0; i < turns; i++) {
    bench->Send(bytes);
    bench->Echo(bytes * kConnections);
    bench->Receive(bytes);
  }
}

void Echo(Bench* bench) {
  constexpr size_t kBytes = 64;
  bench->Open(kConnections);
  EchoTurns(bench, kWarmTurns, kBytes);
  bench->Count(true);
  EchoTurns(bench, kTurns, kBytes);
}

void Churn(Bench* bench) {
  for (int i = 0; i < kTurns; i++) {
    bench->Count(i >= kWarmTurns);
    bench->Open(kConnections);
    bench->Close();
  }
}

void Idle(Bench* bench) {
  bench->Open(kConnections);
  bench->Idle();
  bench->Count(true);
  for (int i = 0; i < kTurns; i++) bench->Idle();
}

}  // namespace
}  // namespace evio

int main(int count, char** arguments) {
  const std::string scenario = count == 2 ? arguments[1] : "";
  evio::Bench bench;
  if (scenario == "echo") {
    evio::Echo(&bench);
  } else if (scenario == "churn") {
    evio::Churn(&bench);
  } else if (scenario == "idle") {
    evio::Idle(&bench);
  } else {
    std::fprintf(stderr, "native_costs echo|churn|idle\n");
    return 2;
  }
  std::printf("%llu\n", static_cast<unsigned long long>(bench.operations()));
}
