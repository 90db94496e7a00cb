// One listening socket.
#pragma once

#include <string>

#include "arena.h"
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
  const SocketAddress& bound() const { return bound_; }

  // Accepts until the backlog is empty, bounded per turn, and adds one event for each or for the failure.
  Progress AcceptAll(SlotTable<Connection>* connections, Batch* batch);

  Status Reconcile(Poller* poller);

 private:
  Fd fd_;
  SocketAddress bound_;
  bool accepting_ = false;
  bool is_registered_ = false;
};

// Listeners and connections share a poller: a listener's key is marked in a bit that no slot reaches.
constexpr uint64_t kListenerKey = 1ull << 31;

}  // namespace evio
