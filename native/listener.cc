#include "listener.h"

#include <errno.h>
#include <sys/un.h>
#include <unistd.h>

namespace evio {

Listener::~Listener() {
  if (bound_.storage.ss_family != AF_UNIX) return;
  (void)unlink(reinterpret_cast<const sockaddr_un*>(&bound_.storage)->sun_path);
}

Progress Listener::AcceptSome(SlotTable<Connection>* connections, Batch* batch,
                              std::vector<Token>* accepted) {
  const int most = arrivals_.most();
  for (int i = 0; i < most; i++) {
    if (!batch->HasRoom(1, 2 * sizeof(AddressRecord))) return Progress::kNoRoom;
    Fd socket;
    SocketAddress remote;
    const Status status = Accept(fd_.get(), &socket, &remote);
    if (status.ok()) {
      Connection* connection = connections->Insert(std::make_unique<Connection>(std::move(socket)));
      accepted->push_back(connection->token);
      // Only a listener on all addresses needs to ask where a client has arrived.
      const AddressRecord local = ToRecord(bound_.IsWildcard() ? LocalAddress(connection->fd()) : bound_);
      if (quiet_) {
        connection->unannounced = std::make_unique<Unannounced>(Unannounced{token, local, ToRecord(remote)});
        connection->SetReading(true);
        unannounced += 1;
      } else {
        Tell(EventKind::kAccepted, connection->token, local, ToRecord(remote), batch);
      }
    } else if (status.error == EAGAIN || status.error == EWOULDBLOCK) {
      arrivals_.Learn(i);
      return Progress::kDone;
    } else if (!ConcernsOneClient(status.error)) {
      batch->Add(EventKind::kAcceptFailed, token, static_cast<uint32_t>(status.error));
      return Progress::kDone;
    }
  }
  arrivals_.Learn(most);
  return Progress::kDone;
}

void Listener::Announce(Connection* connection, Batch* batch) {
  const Unannounced& known = *connection->unannounced;
  Tell(EventKind::kAnnounced, connection->token, known.local, known.remote, batch);
  connection->unannounced.reset();
  unannounced -= 1;
}

void Listener::Tell(EventKind kind, Token connection, const AddressRecord& local, const AddressRecord& remote,
                    Batch* batch) const {
  const uint32_t offset = PutAddresses(local, remote, batch);
  batch->Add(kind, connection, token.slot, offset, token.generation);
}

Status Listener::Reconcile(Poller* poller) {
  if (accepting_ == is_registered_) return {};
  const Status status = accepting_ ? poller->Add(fd_.get(), token.Pack() | kListenerKey, {true, false, false})
                                   : poller->Remove(fd_.get());
  is_registered_ = accepting_ && status.ok();
  return status;
}

}  // namespace evio
