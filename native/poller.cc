// The one place that chooses a backend.
#include "poller.h"

namespace evio {

// EVIO_KQUEUE_SHIM: the specs run the kqueue backend on Linux, over spec/native/kqueue.
#if defined(__linux__) && !defined(EVIO_KQUEUE_SHIM)
std::unique_ptr<Poller> CreateEpollPoller(Status* status);

const char* const kPollerName = "epoll";
std::unique_ptr<Poller> CreatePoller(Status* status) { return CreateEpollPoller(status); }
#else
std::unique_ptr<Poller> CreateKqueuePoller(Status* status);

const char* const kPollerName = "kqueue";
std::unique_ptr<Poller> CreatePoller(Status* status) { return CreateKqueuePoller(status); }
#endif

}  // namespace evio
