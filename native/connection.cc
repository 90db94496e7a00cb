#include "connection.h"

#include <errno.h>

#include <algorithm>
#include <cstring>

namespace evio {
namespace {

// What a read may take: twice and four times as much where those before it were full and no output waits, so
// that a stream in bulk shares the cost of a turn among more bytes.
constexpr size_t kUsualRead = 64 * 1024;
constexpr uint8_t kMostDoublings = 2;
static_assert(kUsualRead << kMostDoublings <= kWindowBytes && kUsualRead << kMostDoublings == kSpareBytes);
// Reading into less than this would cut a stream into needless pieces: better wait for the next batch.
constexpr size_t kSmallestRead = 16 * 1024;
constexpr size_t kPiecesPerSend = 64;
// One connection may send this much of its queue before others get their turn.
constexpr size_t kSendsPerEvent = 8;
// Data, one more read, and the end.
constexpr size_t kRecordsPerEvent = 4;

}  // namespace

std::unique_ptr<Connection> Connection::Connecting(Fd socket) {
  auto connection = std::make_unique<Connection>(std::move(socket));
  connection->connecting_ = true;
  return connection;
}

Progress Connection::FinishConnecting(const Event& event, Batch* batch) {
  if (!event.writable && !event.failed) return Progress::kDone;
  if (!batch->HasRoom(1, 2 * sizeof(AddressRecord))) return Progress::kNoRoom;
  const int error = TakeError(fd_.get());
  if (error != 0) {
    Fail(error, Call::kConnect, batch);
    return Progress::kDone;
  }
  connecting_ = false;
  const uint32_t offset =
      PutAddresses(ToRecord(LocalAddress(fd_.get())), ToRecord(RemoteAddress(fd_.get())), batch);
  batch->Add(EventKind::kConnected, token, 0, offset);
  return Progress::kDone;
}

Progress Connection::OnEvent(const Event& event, Batch* batch) {
  if (connecting_) return FinishConnecting(event, batch);
  const bool input = event.readable || event.hangup || event.failed;
  if (input && !CanReceive(*batch)) return Progress::kNoRoom;
  if (event.failed) dead_ = true;
  if (event.writable) SendQueue();
  if (reading_ && input) return ReceiveAll(event.hangup || dead_, batch);
  if (event.hangup || event.failed) NoteHangup(batch);
  return Progress::kDone;
}

void Connection::SetReading(bool on) {
  reading_ = on && !ended_;
  if (reading_) quiet_ = false;
}

Progress Connection::Examine(Batch* batch) {
  if (finished_) return Progress::kDone;
  if (!CanReceive(*batch)) return Progress::kNoRoom;
  if (reading_) return ReceiveAll(true, batch);
  NoteHangup(batch);
  return Progress::kDone;
}

bool Connection::CanReceive(const Batch& batch) const {
  return batch.HasRoom(kRecordsPerEvent, kSmallestRead);
}

// One read for ordinary readiness, since readiness is level-triggered. When the end is known to be near,
// reading goes on, so that the last bytes and the end share a batch.
Progress Connection::ReceiveAll(bool until_end, Batch* batch) {
  for (;;) {
    if (!CanReceive(*batch)) return Progress::kNoRoom;
    const bool in_spare = FillsSpare(*batch);
    const size_t capacity = in_spare ? kSpareBytes : std::min(kUsualRead << doublings_, batch->window_left());
    const Transfer got = Receive(fd_.get(), in_spare ? batch->spare() : batch->window(), capacity);
    if (got.WouldBlock()) {
      if (dead_) NoteHangup(batch);
      return Progress::kDone;
    }
    if (!got.ok()) {
      Fail(output_error_ != 0 ? output_error_ : got.error, output_error_ != 0 ? Call::kWrite : Call::kRead,
           batch);
      return Progress::kDone;
    }
    if (got.bytes == 0) {
      if (output_error_ != 0) {
        Fail(output_error_, Call::kWrite, batch);
      } else {
        End(batch);
      }
      return Progress::kDone;
    }
    AdaptRead(capacity, got.bytes);
    AddData(in_spare, got.bytes, batch);
    if (!until_end) return Progress::kDone;
  }
}

// Reads are as large as they get, and the last one was full: so will be this one.
bool Connection::FillsSpare(const Batch& batch) const {
  return kept_ && full_ && doublings_ == kMostDoublings && batch.spare() != nullptr;
}

void Connection::AddData(bool in_spare, size_t length, Batch* batch) {
  const auto bytes = static_cast<uint32_t>(length);
  if (in_spare && (length == kSpareBytes || length > batch->window_left())) {
    // Whoever gets the rest with it must not find what others have sent.
    std::memset(batch->spare() + length, 0, kSpareBytes - length);
    batch->TakeSpare();
    batch->Add(EventKind::kData, token, 0, bytes, 1);
    return;
  }
  if (in_spare) {
    std::memcpy(batch->window(), batch->spare(), length);
    std::memset(batch->spare(), 0, length);
  }
  batch->Add(EventKind::kData, token, batch->Take(length), bytes);
}

void Connection::AdaptRead(size_t capacity, size_t got) {
  const size_t wanted = kUsualRead << doublings_;
  full_ = got == capacity;
  if (capacity < wanted) return;  // what the window had left says nothing of the stream
  if (got == wanted && doublings_ < kMostDoublings && queue_.empty()) {
    doublings_ += 1;
  } else if (got < wanted / 2 && doublings_ > 0) {
    doublings_ -= 1;
  }
}

// A hang-up or an error while nobody reads (or that reading could not explain).
void Connection::NoteHangup(Batch* batch) {
  const Transfer unread = Peek(fd_.get());
  if (unread.ok() && unread.bytes > 0) {
    hangup_noted_ = true;  // reported behind those bytes, once somebody reads them
    quiet_ = !reading_;    // they have come since, if somebody does: off the poller only Examine() tells
    return;
  }
  if (!unread.ok() && !unread.WouldBlock()) {
    Fail(output_error_ != 0 ? output_error_ : unread.error, output_error_ != 0 ? Call::kWrite : Call::kRead,
         batch);
    return;
  }
  const int error = output_error_ != 0 ? output_error_ : dead_ ? TakeError(fd_.get()) : 0;
  if (error != 0) {
    Fail(error, output_error_ != 0 ? Call::kWrite : Call::kRead, batch);
  } else if (unread.ok() && !ended_) {
    End(batch);
  } else if (unread.WouldBlock()) {
    dead_ = false;  // nothing has ended after all: back to the poller
  }
  quiet_ = true;
}

void Connection::Fail(int error, Call call, Batch* batch) {
  batch->Add(EventKind::kFailed, token, static_cast<uint32_t>(error), static_cast<uint32_t>(call));
  finished_ = true;
}

void Connection::End(Batch* batch) {
  batch->Add(EventKind::kEnded, token);
  ended_ = true;
  reading_ = false;
}

void Connection::Write(iovec* pieces, size_t count) {
  if (output_error_ != 0) return;
  size_t next = 0;
  while (queue_.empty() && next < count) {
    const size_t batch = std::min(count - next, kPiecesPerSend);
    const Transfer sent = Send(fd_.get(), pieces + next, batch);
    if (sent.WouldBlock()) break;
    if (!sent.ok()) return FailOutput(sent.error);
    taken += sent.bytes;
    size_t left = sent.bytes;
    while (next < count && left >= pieces[next].iov_len) left -= pieces[next++].iov_len;
    if (next == count) break;
    if (left > 0) {
      pieces[next].iov_base = static_cast<uint8_t*>(pieces[next].iov_base) + left;
      pieces[next].iov_len -= left;
      break;  // a short send has filled the kernel's buffer
    }
  }
  for (; next < count; next++) {
    if (!queue_.Append(static_cast<const uint8_t*>(pieces[next].iov_base), pieces[next].iov_len)) {
      return FailOutput(ENOBUFS);
    }
  }
  FinishIfDrained();
}

void Connection::SendQueue() {
  for (size_t i = 0; i < kSendsPerEvent && !queue_.empty(); i++) {
    iovec pieces[kPiecesPerSend];
    const Transfer sent = Send(fd_.get(), pieces, queue_.Peek(pieces, kPiecesPerSend));
    if (sent.WouldBlock()) return;
    if (!sent.ok()) return FailOutput(sent.error);
    taken += sent.bytes;
    queue_.Drop(sent.bytes);
  }
  FinishIfDrained();
}

void Connection::Shutdown() {
  if (output_error_ != 0) return;
  shutdown_wanted_ = true;
  FinishIfDrained();
}

void Connection::FinishIfDrained() {
  if (!shutdown_wanted_ || !queue_.empty()) return;
  shutdown_wanted_ = false;
  ShutdownWrite(fd_.get());
}

void Connection::FailOutput(int error) {
  output_error_ = broken_ = error;
  // An errno of this side alone (ENOBUFS, ENOMEM) leaves the peer connected: it must not take what it got for
  // the whole.
  shutdown_wanted_ = false;
  Reset();
  queue_.Clear();
  dead_ = true;
  quiet_ = false;
}

uint32_t PutAddresses(const AddressRecord& local, const AddressRecord& remote, Batch* batch) {
  const AddressRecord records[2] = {local, remote};
  std::memcpy(batch->window(), records, sizeof(records));
  return batch->Take(sizeof(records));
}

Status Connection::Reconcile(Poller* poller) {
  if (dead_) {
    if (!is_registered_) return {};
    is_registered_ = false;
    return poller->Remove(fd_.get());
  }
  const Interest wanted = Wanted();
  if (is_registered_ && wanted == registered_) return {};
  const Status status = is_registered_ ? poller->Modify(fd_.get(), token.Pack(), wanted)
                                       : poller->Add(fd_.get(), token.Pack(), wanted);
  if (status.ok()) {
    is_registered_ = true;
    registered_ = wanted;
  }
  return status;
}

}  // namespace evio
