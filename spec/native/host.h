// What Node and JavaScript are to a loop: it waits for fd(), keeps what events and results say, and writes
// commands into the arena.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arena.h"
#include "loop.h"
#include "loopback.h"
#include "poller.h"

namespace evio {

std::unique_ptr<Poller> NewPoller();

// What has been heard of one connection.
struct Story {
  std::string text;  // its events and failures in order, a run of data as one word
  std::string data;
  std::vector<size_t> reads;   // how much of it came at once
  std::vector<bool> in_spare;  // and whether that was in the spare
  Token listener;
  AddressRecord local;
  AddressRecord remote;
  uint64_t flushed = 0;
  int broken = 0;
  int failed = 0;
  Call failed_call = Call::kNone;
};

// A listener's failure to accept.
struct AcceptFailure {
  Token listener;
  int error = 0;
};

class Host {
 public:
  explicit Host(std::unique_ptr<Poller> poller = NewPoller());
  ~Host();

  Loop& loop() { return *loop_; }

  // Listens and accepts, on 127.0.0.1 and a free port unless told otherwise.
  Token Listen();
  Token Listen(const SocketAddress& address);
  // Where the last Listen() has bound.
  const SocketAddress& address() const { return address_; }

  // A connection of this loop to `client`, which has just connected.
  Token Accept();

  // Begins to connect; `local` may be nullptr.
  Token Connect(const SocketAddress& remote, const SocketAddress* local = nullptr);

  // Copies into the outbox; flushes first when it is full.
  void Write(Token token, std::string_view bytes);
  void Read(Token token, bool on = true);
  void Keep(Token token, bool on = true) { Command(CommandKind::kKeep, token, on ? 1 : 0); }
  // From now on there is a spare, and another one in each turn after it was taken.
  void GiveSpare();
  void Shutdown(Token token) { Command(CommandKind::kShutdown, token); }
  void Close(Token token);
  void Reset(Token token);

  // The steps of a turn; each checks what it is told.
  uint32_t Poll();
  uint32_t Flush();
  void Turn();

  // Takes turns until the condition holds, bounded by kRounds; false when it never does.
  bool Until(const std::function<bool()>& condition);
  // Takes turns until there is nothing to do and nothing comes; false when there is no end to it.
  bool Rests();
  // Waits, without a turn, until a Poll() would find something.
  bool HasInput() { return loop_->HasWork() || IsReadable(loop_->fd()); }

  const Story& of(Token token) { return stories_[token.Pack()]; }
  const std::vector<Token>& accepted() const { return accepted_; }
  const std::vector<AcceptFailure>& accept_failures() const { return accept_failures_; }

 private:
  void Command(CommandKind kind, Token token, uint32_t a = 0, uint32_t b = 0);
  void Note(const Record& record);
  void NoteAccepted(const Record& record);
  const uint8_t* DataOf(const Record& record) const;

  std::vector<Record> memory_;  // aligned as the arena of JavaScript is
  Arena arena_;
  std::unique_ptr<Loop> loop_;
  SocketAddress address_;
  uint32_t command_count_ = 0;
  size_t outbox_used_ = 0;
  std::vector<uint8_t> spare_;
  std::map<uint64_t, Story> stories_;  // of those that live, by packed token
  std::vector<Token> accepted_;
  size_t given_ = 0;  // by Accept()
  std::vector<AcceptFailure> accept_failures_;
};

}  // namespace evio
