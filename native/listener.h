// One listening socket.
#pragma once

#include <string>
#include <vector>

#include "arena.h"
#include "arrivals.h"
#include "connection.h"
#include "poller.h"
#include "socket.h"
#include "token.h"

namespace evio {

class Listener {
 public:
  Listener(Fd socket, const SocketAddress& bound) : fd_(std::move(socket)), bound_(bound) {}
  // The file of a unix socket goes with its listener.
  ~Listener();

  Token token;
  bool in_dirty = false;

  void SetAccepting(bool on) { accepting_ = on; }
  bool accepting() const { return accepting_; }

  // On: whom it accepts is read from at once, and announced when there is something to tell of him.
  void SetQuiet(bool on) { quiet_ = on; }
  // How many have been accepted and not announced.
  uint32_t unannounced = 0;

  // Accepts who waits, as many as arrivals.h says, and adds one event for each who is announced, and for the
  // failure. All who were accepted are appended to `accepted`; who is left makes the listener readable again.
  Progress AcceptSome(SlotTable<Connection>* connections, Batch* batch, std::vector<Token>* accepted);

  // Adds the event for one who was not announced when he was accepted. There must be room for it.
  void Announce(Connection* connection, Batch* batch);

  Status Reconcile(Poller* poller);

 private:
  void Tell(EventKind kind, Token connection, const AddressRecord& local, const AddressRecord& remote,
            Batch* batch) const;

  Fd fd_;
  SocketAddress bound_;
  Arrivals arrivals_;
  bool accepting_ = false;
  bool quiet_ = false;
  bool is_registered_ = false;
};

// Listeners and connections share a poller: a listener's key is marked in a bit that no slot reaches.
constexpr uint64_t kListenerKey = 1ull << 31;

}  // namespace evio
