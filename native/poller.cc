// The one place that chooses a backend.
#include "poller.h"

namespace evio {

#if defined(__linux__)
std::unique_ptr<Poller> CreateEpollPoller(Status* status);

std::unique_ptr<Poller> CreatePoller(Status* status) { return CreateEpollPoller(status); }
#else
#error "no poller backend for this operating system: evio runs on its poller `net` here"
#endif

}  // namespace evio
