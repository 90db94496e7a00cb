#include "host.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

namespace evio {
namespace {

constexpr int kBacklog = 4096;

bool EndsWith(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

void Tell(std::string* text, const char* word) { *text += text->empty() ? word : std::string(" ") + word; }

}  // namespace

std::unique_ptr<Poller> NewPoller() {
  Status status;
  std::unique_ptr<Poller> poller = CreatePoller(&status);
  REQUIRE(poller != nullptr);
  return poller;
}

Host::Host(std::unique_ptr<Poller> poller)
    : memory_(kArenaBytes / sizeof(Record) + 1),
      arena_(reinterpret_cast<uint8_t*>(memory_.data())),
      loop_(std::make_unique<Loop>(std::move(poller), arena_)) {}

Host::~Host() = default;

Token Host::Listen() { return Listen(LoopbackAddress()); }

Token Host::Listen(const SocketAddress& address) {
  ListenOptions options;
  options.backlog = kBacklog;
  options.accepted.no_delay = address.family() != Family::kUnix;
  uint32_t slot = 0;
  REQUIRE(loop_->Listen(address, options, &slot, &address_).ok());
  const Token listener = loop_->ListenerToken(slot);
  loop_->SetAccepting(listener, true);
  Flush();
  return listener;
}

Token Host::Accept() {
  REQUIRE(Until([&] { return accepted_.size() > given_; }));
  return accepted_[given_++];
}

void Host::Write(Token token, std::string_view bytes) {
  while (!bytes.empty()) {
    if (outbox_used_ == kOutboxBytes) Flush();
    const size_t length = std::min(bytes.size(), kOutboxBytes - outbox_used_);
    const size_t offset = kOutboxOffset + outbox_used_;
    std::memcpy(arena_.base() + offset, bytes.data(), length);
    Command(CommandKind::kWrite, token, static_cast<uint32_t>(offset), static_cast<uint32_t>(length));
    outbox_used_ += length;
    bytes.remove_prefix(length);
  }
}

Token Host::Connect(const SocketAddress& remote, const SocketAddress* local) {
  const Token token = loop_->Connect(remote, local, StreamOptions());
  stories_[token.Pack()] = Story();
  return token;
}

void Host::Read(Token token, bool on) { Command(CommandKind::kRead, token, on ? 1 : 0); }

void Host::Close(Token token) {
  Command(CommandKind::kClose, token);
  stories_.erase(token.Pack());
}

void Host::Reset(Token token) {
  Command(CommandKind::kReset, token);
  stories_.erase(token.Pack());
}

void Host::Command(CommandKind kind, Token token, uint32_t a, uint32_t b) {
  REQUIRE(command_count_ < kMaxCommands);
  auto* commands = reinterpret_cast<Record*>(arena_.base() + kCommandsOffset);
  commands[command_count_++] = {static_cast<uint32_t>(kind), token.slot, token.generation, a, b, 0, {}};
}

uint32_t Host::Poll() {
  const uint32_t count = loop_->Poll();
  CHECK(count <= kMaxEvents);
  for (uint32_t i = 0; i < count; i++) Note(arena_.events()[i]);
  if (arena_.control(kSpareTaken) == 1) GiveSpare();
  return count;
}

uint32_t Host::Flush() {
  loop_->Flush(command_count_);
  command_count_ = 0;
  outbox_used_ = 0;
  const uint32_t count = loop_->Collect();
  CHECK(count <= kMaxResults);
  for (uint32_t i = 0; i < count; i++) Note(arena_.results()[i]);
  return count;
}

void Host::Turn() {
  Poll();
  Flush();
}

bool Host::Until(const std::function<bool()>& condition) {
  for (int round = 0; round < kRounds; round++) {
    if (condition()) return true;
    Turn();
    if (!loop_->HasWork() && !loop_->HasReports() && !condition()) (void)IsReadable(loop_->fd(), kPatience);
  }
  return condition();
}

bool Host::Rests() {
  for (int round = 0; round < kRounds; round++) {
    Turn();
    if (!loop_->HasWork() && !loop_->HasReports() && !IsReadable(loop_->fd(), kSilence)) return true;
  }
  return false;
}

const uint8_t* Host::DataOf(const Record& record) const {
  if (record.c == 1) {
    REQUIRE(arena_.control(kSpareTaken) == 1);
    REQUIRE(record.a + record.b <= spare_.size());
    return spare_.data() + record.a;
  }
  REQUIRE(record.a >= kWindowOffset);
  REQUIRE(record.a + record.b <= kWindowOffset + kWindowBytes);
  return arena_.base() + record.a;
}

void Host::GiveSpare() {
  // Of that very length, and another place each time: what is written where it must not be is found.
  spare_ = std::vector<uint8_t>(kSpareBytes);
  loop_->SetSpare(spare_.data());
}

// Besides keeping it, holds every event against what no connection may ever do.
void Host::Note(const Record& record) {
  const Token token = {record.slot, record.generation};
  const auto kind = static_cast<EventKind>(record.kind);
  if (kind == EventKind::kAccepted || kind == EventKind::kAnnounced) return NoteAccepted(record);
  if (kind == EventKind::kAcceptFailed) {
    accept_failures_.push_back({token, static_cast<int>(record.a)});
    return;
  }
  const auto found = stories_.find(token.Pack());
  const bool is_of_a_living_connection = found != stories_.end();
  CHECK(is_of_a_living_connection);
  if (!is_of_a_living_connection) return;
  Story& story = found->second;
  CHECK(story.failed == 0);
  const bool has_ended = story.text.find("ended") != std::string::npos;
  switch (kind) {
    case EventKind::kData:
      CHECK_FALSE(has_ended);
      CHECK(record.b > 0);
      story.data.append(reinterpret_cast<const char*>(DataOf(record)), record.b);
      story.reads.push_back(record.b);
      story.in_spare.push_back(record.c == 1);
      if (!EndsWith(story.text, "data")) Tell(&story.text, "data");
      break;
    case EventKind::kConnected: {
      CHECK(story.text.empty());
      const auto* addresses = reinterpret_cast<const AddressRecord*>(arena_.base() + record.b);
      story.local = addresses[0];
      story.remote = addresses[1];
      Tell(&story.text, "connected");
      break;
    }
    case EventKind::kEnded:
      CHECK_FALSE(has_ended);
      Tell(&story.text, "ended");
      break;
    case EventKind::kFailed:
      CHECK(record.a != 0);
      story.failed = static_cast<int>(record.a);
      story.failed_call = static_cast<Call>(record.b);
      Tell(&story.text, "failed");
      break;
    case EventKind::kFlushed:
      story.flushed += static_cast<uint64_t>(record.b) << 32 | record.a;
      break;
    case EventKind::kBroken:
      CHECK(story.broken == 0);
      story.broken = static_cast<int>(record.a);
      Tell(&story.text, "broken");
      break;
    default:
      FAIL_CHECK("an event of no known kind");
  }
}

void Host::NoteAccepted(const Record& record) {
  const Token token = {record.slot, record.generation};
  CHECK(stories_.count(token.Pack()) == 0);
  Story& story = stories_[token.Pack()];
  story.listener = {record.a, record.c};
  AddressRecord addresses[2];
  REQUIRE(record.b >= kWindowOffset);
  REQUIRE(record.b + sizeof(addresses) <= kWindowOffset + kWindowBytes);
  std::memcpy(addresses, arena_.base() + record.b, sizeof(addresses));
  story.local = addresses[0];
  story.remote = addresses[1];
  accepted_.push_back(token);
}

}  // namespace evio
