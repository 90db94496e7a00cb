#include "loop.h"

#include <algorithm>

namespace evio {
namespace {

// So few that what a connection has in the processor's cache when it is read is still there when it is
// written to: with 1,000 connections an echo costs a twentieth less than with 512.
constexpr size_t kEventsPerWait = 128;
// What one connection may report at once.
constexpr size_t kResultsPerConnection = 2;

Record ToRecord(EventKind kind, Token token, uint64_t value) {
  return {static_cast<uint32_t>(kind),
          token.slot,
          token.generation,
          static_cast<uint32_t>(value),
          static_cast<uint32_t>(value >> 32),
          0,
          {}};
}

Record ToRecord(EventKind kind, Token token, Status status) {
  return {static_cast<uint32_t>(kind),
          token.slot,
          token.generation,
          static_cast<uint32_t>(status.error),
          static_cast<uint32_t>(status.call),
          0,
          {}};
}

}  // namespace

Loop::Loop(std::unique_ptr<Poller> poller, Arena arena)
    : arena_(arena),
      batch_(arena),
      poller_(std::move(poller)),
      events_(kEventsPerWait),
      next_write_(kMaxCommands) {}

Status Loop::Listen(const SocketAddress& address, const ListenOptions& options, uint32_t* slot,
                    SocketAddress* bound) {
  Fd socket;
  const Status status = OpenListener(address, options, &socket, bound);
  if (!status.ok()) return status;
  const Listener* listener = listeners_.Insert(std::make_unique<Listener>(std::move(socket), *bound));
  *slot = listener->token.slot;
  if (listener_tokens_.size() <= *slot) listener_tokens_.resize(*slot + 1);
  listener_tokens_[*slot] = listener->token;
  return {};
}

Token Loop::Connect(const SocketAddress& remote, const SocketAddress* local, const StreamOptions& options) {
  Fd socket;
  const Status status = evio::Connect(remote, local, options, &socket);
  if (!status.ok()) return Refuse(status);
  Connection* connection = connections_.Insert(Connection::Connecting(std::move(socket)));
  MarkDirty(connection);
  return connection->token;
}

Token Loop::Refuse(Status status) {
  const Token token = connections_.Insert(Connection::Connecting(Fd()))->token;
  failures_.push_back(ToRecord(EventKind::kFailed, token, status));
  return token;
}

void Loop::SetAccepting(Token token, bool on) {
  Listener* listener = listeners_.Find(token);
  if (listener == nullptr) return;
  listener->SetAccepting(on);
  if (listener->in_dirty) return;
  listener->in_dirty = true;
  dirty_listeners_.push_back(token);
}

void Loop::SetQuiet(Token token, bool on) {
  if (Listener* listener = listeners_.Find(token)) listener->SetQuiet(on);
}

uint32_t Loop::Unannounced(Token token) const {
  const Listener* listener = listeners_.Find(token);
  return listener == nullptr ? 0 : listener->unannounced;
}

std::vector<Announcement> Loop::AnnounceAll(Token token) {
  std::vector<Announcement> announcements;
  Listener* listener = listeners_.Find(token);
  if (listener == nullptr || listener->unannounced == 0) return announcements;
  announcements.reserve(listener->unannounced);
  connections_.ForEach([&](Connection* connection) {
    if (connection->unannounced == nullptr) return;
    const auto& known = *connection->unannounced;
    if (known.listener.Pack() != token.Pack()) return;
    announcements.push_back({connection->token, known.local, known.remote});
    connection->unannounced.reset();
  });
  unannounced_ -= listener->unannounced;
  listener->unannounced = 0;
  return announcements;
}

void Loop::CloseListener(Token token) {
  for (const Announcement& announcement : AnnounceAll(token)) connections_.Erase(announcement.connection);
  listeners_.Erase(token);
}

uint32_t Loop::Poll() {
  batch_.Begin();
  ExamineAll();
  if (next_event_ == event_count_) {
    next_event_ = 0;
    // A failure here can only be a broken descriptor of ours (epoll_wait(2)); there is no socket to blame it
    // on, and the host's own loop reports a descriptor that has gone bad.
    (void)poller_->Wait(events_.data(), events_.size(), &event_count_);
  }
  // Events that find no room stay for the next call: asking the poller again would favour the same few for
  // ever.
  while (next_event_ < event_count_ && Dispatch(events_[next_event_]) == Progress::kDone) next_event_ += 1;
  return batch_.count();
}

Progress Loop::Dispatch(const Event& event) {
  if ((event.key & kListenerKey) != 0) {
    Listener* listener = listeners_.Find(Token::Unpack(event.key & ~kListenerKey));
    if (listener == nullptr || !listener->accepting()) return Progress::kDone;
    accepted_.clear();
    const uint32_t before = listener->unannounced;
    const Progress progress = listener->AcceptSome(&connections_, &batch_, &accepted_);
    unannounced_ += listener->unannounced - before;
    for (const Token token : accepted_) MarkDirty(connections_.Find(token));
    return progress;
  }
  Connection* connection = connections_.Find(Token::Unpack(event.key));
  if (connection == nullptr) return Progress::kDone;
  if (connection->unannounced != nullptr && Announce(connection) == Progress::kNoRoom) {
    return Progress::kNoRoom;
  }
  const Progress progress = connection->OnEvent(event, &batch_);
  Settle(connection);
  return progress;
}

// Before anything else is told of it. Its listener lives: closing that would have closed it too.
Progress Loop::Announce(Connection* connection) {
  if (!batch_.HasRoom(1, 2 * sizeof(AddressRecord))) return Progress::kNoRoom;
  listeners_.Find(connection->unannounced->listener)->Announce(connection, &batch_);
  unannounced_ -= 1;
  return Progress::kDone;
}

void Loop::ExamineAll() {
  std::vector<Token> tokens;
  tokens.swap(examine_);
  for (const Token token : tokens) {
    Connection* connection = connections_.Find(token);
    if (connection == nullptr) continue;
    connection->in_examine = false;
    const bool no_room = connection->Examine(&batch_) == Progress::kNoRoom;
    if (no_room && !connection->in_examine) {
      connection->in_examine = true;
      examine_.push_back(token);
    }
    Settle(connection);
  }
}

// After a connection was heard of: report output, update interest, drop it if it failed.
void Loop::Settle(Connection* connection) {
  if (connection->finished()) {
    connections_.Erase(connection->token);
    return;
  }
  AfterOutput(connection);
  MarkDirty(connection);
}

void Loop::AfterOutput(Connection* connection) {
  if (!connection->HasReport() || connection->in_reports) return;
  connection->in_reports = true;
  reports_.push_back(connection->token);
}

// Called after whatever may have changed what the poller is to watch. The dead are always listed: those that
// have to be examined are found there.
void Loop::MarkDirty(Connection* connection) {
  if (connection->in_dirty || connection->IsReconciled()) return;
  connection->in_dirty = true;
  dirty_.push_back(connection->token);
}

void Loop::Flush(uint32_t count) {
  const Record* commands = arena_.commands();
  count = std::min<uint32_t>(count, kMaxCommands);
  for (uint32_t i = 0; i < count; i++) {
    if (Connection* connection = Execute(commands[i], static_cast<int32_t>(i))) MarkDirty(connection);
  }
  for (const Token token : writers_) {
    if (Connection* connection = connections_.Find(token)) SendGathered(connection);
  }
  writers_.clear();
  for (const Token token : shutting_) {
    Connection* connection = connections_.Find(token);
    if (connection == nullptr || connection->closing) continue;  // close() sends FIN by itself
    connection->Shutdown();
  }
  shutting_.clear();
  for (const Token token : closing_) connections_.Erase(token);
  closing_.clear();
  ReconcileAll();
}

// Notes what a command wants; returns whose interest that may have changed. Writes are only linked, so that
// those of one connection leave together; shutdown and close come after them whatever their place, since
// JavaScript writes nothing behind either.
Connection* Loop::Execute(const Record& command, int32_t index) {
  Connection* connection = connections_.Find({command.slot, command.generation});
  if (connection == nullptr) return nullptr;
  switch (static_cast<CommandKind>(command.kind)) {
    case CommandKind::kWrite:
      next_write_[static_cast<size_t>(index)] = -1;
      if (connection->first_write < 0) {
        connection->first_write = index;
        writers_.push_back(connection->token);
      } else {
        next_write_[static_cast<size_t>(connection->last_write)] = index;
      }
      connection->last_write = index;
      return nullptr;  // it is looked at when it has been sent
    case CommandKind::kRead:
      connection->SetReading(command.a != 0);
      break;
    case CommandKind::kKeep:
      connection->SetKept(command.a != 0);
      break;
    case CommandKind::kShutdown:
      shutting_.push_back(connection->token);
      break;
    case CommandKind::kReset:
      connection->Reset();
      [[fallthrough]];
    case CommandKind::kClose:
      connection->closing = true;
      closing_.push_back(connection->token);
      break;
  }
  return connection;
}

void Loop::SendGathered(Connection* connection) {
  pieces_.clear();
  for (int32_t i = connection->first_write; i >= 0; i = next_write_[static_cast<size_t>(i)]) {
    const Record& command = arena_.commands()[i];
    pieces_.push_back({arena_.base() + command.a, command.b});
  }
  connection->first_write = connection->last_write = -1;
  connection->Write(pieces_.data(), pieces_.size());
  AfterOutput(connection);
  MarkDirty(connection);
}

void Loop::Send(Token token, uint8_t* bytes, size_t length) {
  Connection* connection = connections_.Find(token);
  if (connection == nullptr) return;
  iovec piece = {bytes, length};
  connection->Write(&piece, 1);
  AfterOutput(connection);
  MarkDirty(connection);
}

size_t Loop::Queued(Token token) const {
  const Connection* connection = connections_.Find(token);
  return connection == nullptr ? 0 : connection->queued();
}

void Loop::ReconcileAll() {
  for (const Token token : dirty_listeners_) {
    Listener* listener = listeners_.Find(token);
    if (listener == nullptr) continue;
    listener->in_dirty = false;
    const Status status = listener->Reconcile(poller_.get());
    if (!status.ok()) failures_.push_back(ToRecord(EventKind::kAcceptFailed, token, status));
  }
  dirty_listeners_.clear();
  for (const Token token : dirty_) {
    Connection* connection = connections_.Find(token);
    if (connection == nullptr) continue;
    connection->in_dirty = false;
    const Status status = connection->Reconcile(poller_.get());
    if (!status.ok() && connection->unannounced != nullptr) {
      // JavaScript does not know it: what it is told is that somebody could not be accepted.
      const Token listener = connection->unannounced->listener;
      listeners_.Find(listener)->unannounced -= 1;
      unannounced_ -= 1;
      failures_.push_back(ToRecord(EventKind::kAcceptFailed, listener, status));
      connection->Reset();
      connections_.Erase(token);
      continue;
    }
    if (!status.ok()) {
      // It keeps its slot until JavaScript has been told.
      failures_.push_back(ToRecord(EventKind::kFailed, token, status));
      continue;
    }
    if (!connection->needs_examination() || connection->in_examine) continue;
    connection->in_examine = true;
    examine_.push_back(token);
  }
  dirty_.clear();
}

uint32_t Loop::Collect() {
  uint32_t count = 0;
  Record* results = arena_.results();
  while (!failures_.empty() && count < kMaxResults) {
    const Record& failure = results[count++] = failures_.back();
    if (failure.kind == static_cast<uint32_t>(EventKind::kFailed)) {
      const Token token{failure.slot, failure.generation};
      // The peer is connected all the same, and must not take what it got for the whole.
      if (Connection* connection = connections_.Find(token)) connection->Reset();
      connections_.Erase(token);
    }
    failures_.pop_back();
  }
  while (!reports_.empty() && count + kResultsPerConnection <= kMaxResults) {
    const Token token = reports_.back();
    reports_.pop_back();
    Connection* connection = connections_.Find(token);
    if (connection == nullptr) continue;
    connection->in_reports = false;
    if (connection->taken > 0) results[count++] = ToRecord(EventKind::kFlushed, token, connection->taken);
    if (const int error = connection->TakeBroken()) {
      results[count++] = ToRecord(EventKind::kBroken, token, Status{error, Call::kWrite});
    }
    connection->taken = 0;
  }
  return count;
}

}  // namespace evio
