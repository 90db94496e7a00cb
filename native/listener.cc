#include "listener.h"

#include <errno.h>
#include <sys/un.h>
#include <unistd.h>

namespace evio {
namespace {

constexpr int kAcceptsPerTurn = 128;

void AddAccepted(const Listener& listener, const Connection& connection, const SocketAddress& remote,
                 Batch* batch) {
  // Only a listener on all addresses needs to ask where a client has arrived.
  const uint32_t offset = PutAddresses(
      listener.bound().IsWildcard() ? LocalAddress(connection.fd()) : listener.bound(), remote, batch);
  batch->Add(EventKind::kAccepted, connection.token, listener.token.slot, offset, listener.token.generation);
}

}  // namespace

Listener::~Listener() {
  if (bound_.storage.ss_family != AF_UNIX) return;
  (void)unlink(reinterpret_cast<const sockaddr_un*>(&bound_.storage)->sun_path);
}

Progress Listener::AcceptAll(SlotTable<Connection>* connections, Batch* batch) {
  for (int i = 0; i < kAcceptsPerTurn; i++) {
    if (!batch->HasRoom(1, 2 * sizeof(AddressRecord))) return Progress::kNoRoom;
    Fd socket;
    SocketAddress remote;
    const Status status = Accept(fd_.get(), &socket, &remote);
    if (status.ok()) {
      const Connection* connection = connections->Insert(std::make_unique<Connection>(std::move(socket)));
      AddAccepted(*this, *connection, remote, batch);
    } else if (status.error == EAGAIN || status.error == EWOULDBLOCK) {
      return Progress::kDone;
    } else if (!ConcernsOneClient(status.error)) {
      batch->Add(EventKind::kAcceptFailed, token, static_cast<uint32_t>(status.error));
      return Progress::kDone;
    }
  }
  return Progress::kDone;
}

Status Listener::Reconcile(Poller* poller) {
  if (accepting_ == is_registered_) return {};
  const Status status = accepting_ ? poller->Add(fd_.get(), token.Pack() | kListenerKey, {true, false, false})
                                   : poller->Remove(fd_.get());
  is_registered_ = accepting_ && status.ok();
  return status;
}

}  // namespace evio
