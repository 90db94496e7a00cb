// The loop without its host: sockets, their poller, and the batches that go up and come down. It knows
// neither Node nor threads; whoever owns it calls Poll() when fd() is readable, hands the events up, and
// calls Flush() and Collect().
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "arena.h"
#include "connection.h"
#include "listener.h"
#include "poller.h"
#include "token.h"

namespace evio {

// Who was accepted some time ago.
struct Announcement {
  Token connection;
  AddressRecord local;
  AddressRecord remote;
};
static_assert(sizeof(Announcement) == 48, "read by JavaScript at fixed offsets");

class Loop {
 public:
  Loop(std::unique_ptr<Poller> poller, Arena arena);

  int fd() const { return poller_->fd(); }

  // The listener's slot, when the status is ok.
  Status Listen(const SocketAddress& address, const ListenOptions& options, uint32_t* slot,
                SocketAddress* bound);
  void SetAccepting(Token listener, bool on);
  // Also closes those whom it has accepted and not announced.
  void CloseListener(Token listener);
  // Whether clients are announced only when there is something to tell of them.
  void SetQuiet(Token listener, bool on);
  // How many of its clients have not been announced; 0 for a listener that is gone.
  uint32_t Unannounced(Token listener) const;
  // The same of all listeners.
  uint32_t unannounced() const { return unannounced_; }
  // Counts them as announced from now on and says who they are.
  std::vector<Announcement> AnnounceAll(Token listener);
  Token ListenerToken(uint32_t slot) const { return listener_tokens_[slot]; }

  // Begins to connect. Whatever comes of it is an event (kConnected, kFailed), never sooner than the next
  // Poll() or Collect(). `local` may be nullptr.
  Token Connect(const SocketAddress& remote, const SocketAddress* local, const StreamOptions& options);
  // A connection that has failed before it began.
  Token Refuse(Status status);

  // Fills the events and the window; returns the number of events. Never blocks.
  uint32_t Poll();
  // A Poll() now would find something that fd() does not show.
  bool HasWork() const { return next_event_ < event_count_ || !examine_.empty(); }
  bool HasReports() const { return !reports_.empty() || !failures_.empty(); }

  // Does what the first `count` commands say: one send per connection, then shutdowns and closes, then
  // interest.
  void Flush(uint32_t count);
  // Fills the results with what connections' output has come to; returns their number, the rest waits for the
  // next call.
  uint32_t Collect();

  // kSpareBytes of memory for one large input, or nullptr. It must stay until it is taken or replaced.
  void SetSpare(uint8_t* spare) { batch_.SetSpare(spare); }

  // Sends bytes that lie outside the arena at once; what the kernel does not take is copied.
  void Send(Token connection, uint8_t* bytes, size_t length);
  // Bytes that the kernel has not taken.
  size_t Queued(Token connection) const;

 private:
  Progress Dispatch(const Event& event);
  Progress Announce(Connection* connection);
  void ExamineAll();
  Connection* Execute(const Record& command, int32_t index);
  void SendGathered(Connection* connection);
  void AfterOutput(Connection* connection);
  void Settle(Connection* connection);
  void MarkDirty(Connection* connection);
  void ReconcileAll();

  Arena arena_;
  Batch batch_;
  // The poller outlives the sockets that are registered with it.
  std::unique_ptr<Poller> poller_;
  SlotTable<Listener> listeners_;
  SlotTable<Connection> connections_;
  std::vector<Token> listener_tokens_;
  uint32_t unannounced_ = 0;

  std::vector<Event> events_;
  size_t next_event_ = 0;
  size_t event_count_ = 0;

  std::vector<Token> accepted_;         // by the listener that is being served
  std::vector<Token> examine_;          // off the poller, with something left to find
  std::vector<Token> dirty_;            // interest may have changed
  std::vector<Token> dirty_listeners_;  // likewise
  std::vector<Token> reports_;          // output taken, not yet reported
  std::vector<Token> writers_;          // with writes in this flush
  std::vector<Token> shutting_;         // shut down by this flush
  std::vector<Token> closing_;          // closed by this flush
  std::vector<Record> failures_;        // of the poller: connections and listeners it would not watch
  std::vector<int32_t> next_write_;     // of the same connection, by command
  std::vector<iovec> pieces_;
};

}  // namespace evio
