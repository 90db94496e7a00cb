// One stream socket: its input, its queue of output, and what it wants of the poller.
//
// What makes this hard is the end of a connection. Level-triggered readiness of a hang-up that nobody reads,
// or of an error, would be reported for ever, so either is taken off the poller when it is seen and
// remembered here; from then on Examine() finds the rest (unread bytes, the end, the error) without
// readiness.
#pragma once

#include <cstdint>
#include <memory>

#include "arena.h"
#include "byte_queue.h"
#include "poller.h"
#include "socket.h"
#include "socket_address.h"
#include "token.h"

namespace evio {

// Whether a step finished or lacked room in the batch and must be called again.
enum class Progress { kDone, kNoRoom };

// What must be known of a connection that JavaScript has not been told of: whose client it is, and both
// addresses, which not every system tells once the peer is gone.
struct Unannounced {
  Token listener;
  AddressRecord local;
  AddressRecord remote;
};

class Connection {
 public:
  explicit Connection(Fd socket) : fd_(std::move(socket)) {}
  // Of a socket that Connect() has returned: it is heard of by kConnected or kFailed, before which it can
  // only be closed.
  static std::unique_ptr<Connection> Connecting(Fd socket);

  Token token;
  uint64_t taken = 0;  // by the kernel since the last report
  // Of a quiet listener's client, until there is something to tell of it.
  std::unique_ptr<Unannounced> unannounced;
  // Bookkeeping of the loop: its commands for this connection, and which of its lists hold it.
  int32_t first_write = -1;
  int32_t last_write = -1;
  bool in_dirty = false;
  bool in_reports = false;
  bool in_examine = false;
  bool closing = false;

  int fd() const { return fd_.get(); }
  bool reading() const { return reading_; }
  // Off the poller, and Examine() may find something new.
  bool needs_examination() const { return dead_ && !quiet_; }
  // A send has failed since this was last asked: its errno, once; 0 for none.
  int TakeBroken() { return std::exchange(broken_, 0); }
  bool HasReport() const { return taken > 0 || broken_ != 0; }
  // kFailed has been reported, or JavaScript has closed it: to be erased.
  bool finished() const { return finished_; }
  size_t queued() const { return queue_.size(); }

  void SetReading(bool on);
  // Large input goes into the batch's spare, if it has one: whoever gets it keeps it.
  void SetKept(bool on) { kept_ = on; }
  void Shutdown();
  void Reset() { ResetOnClose(fd_.get()); }

  // What a poller said. kNoRoom: nothing is lost, call again with the next batch.
  Progress OnEvent(const Event& event, Batch* batch);
  // What can be known without a poller, for a socket that has been taken off it.
  Progress Examine(Batch* batch);

  // Sends, queues what the kernel does not take. The pieces are used up.
  void Write(iovec* pieces, size_t count);

  // It lives, and the poller watches what is wanted.
  bool IsReconciled() const { return is_registered_ && !dead_ && Wanted() == registered_; }
  // Brings the poller up to date; at most one system call.
  Status Reconcile(Poller* poller);

 private:
  Progress FinishConnecting(const Event& event, Batch* batch);
  Interest Wanted() const {
    if (dead_) return {};
    if (connecting_) return {false, true, false};
    return {reading_, !queue_.empty(), !ended_ && (reading_ || !hangup_noted_)};
  }
  bool CanReceive(const Batch& batch) const;
  Progress ReceiveAll(bool until_end, Batch* batch);
  void AdaptRead(size_t capacity, size_t got);
  bool FillsSpare(const Batch& batch) const;
  void AddData(bool in_spare, size_t length, Batch* batch);
  void NoteHangup(Batch* batch);
  void Fail(int error, Call call, Batch* batch);
  void End(Batch* batch);
  void SendQueue();
  void FailOutput(int error);
  void FinishIfDrained();

  Fd fd_;
  ByteQueue queue_;
  Interest registered_;
  int output_error_ = 0;   // of a failed send, kept until the unread input has been delivered
  int broken_ = 0;         // the same, until it has been reported
  uint8_t doublings_ = 0;  // of the usual size of a read
  bool is_registered_ = false;
  bool connecting_ = false;
  bool reading_ = false;
  bool kept_ = false;
  bool full_ = false;             // the last read was
  bool ended_ = false;            // end of input has been reported
  bool hangup_noted_ = false;     // the peer's FIN has been seen behind unread bytes
  bool dead_ = false;             // error or both directions shut: off the poller
  bool quiet_ = false;            // dead, and nothing new to find until reading is turned on
  bool shutdown_wanted_ = false;  // FIN once the queue is empty
  bool finished_ = false;
};

// Writes two AddressRecords into the window, for which there must be room; returns their offset.
uint32_t PutAddresses(const AddressRecord& local, const AddressRecord& remote, Batch* batch);

}  // namespace evio
