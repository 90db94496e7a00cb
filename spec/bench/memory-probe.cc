// Preloaded into a server: tells on a Unix socket how many bytes malloc has given out that have not been
// freed. A process knows what JavaScript holds; what lies beside it in native code nobody else can say
// without rebuilding it.
//
// EVIO_BENCH_MEMORY is where the socket goes. Each connection to it gets one number and its end.
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

int listener = -1;

void* Answer(void*) {
  for (;;) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return nullptr;
    const struct mallinfo2 memory = mallinfo2();  // of all arenas; hblkhd is what was mapped for large blocks
    char text[32];
    const int size = std::snprintf(text, sizeof text, "%zu", memory.uordblks + memory.hblkhd);
    if (write(fd, text, static_cast<size_t>(size)) < 0) std::perror("memory-probe: write");
    close(fd);
  }
}

__attribute__((constructor)) void Start() {
  const char* path = std::getenv("EVIO_BENCH_MEMORY");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path == nullptr || std::strlen(path) >= sizeof address.sun_path) return;
  std::strcpy(address.sun_path, path);
  unlink(path);  // of a program that has become this one by exec
  listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0 || listen(listener, 8) < 0) {
    return std::perror("memory-probe");
  }
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are the server's
  pthread_t thread;
  if (pthread_create(&thread, nullptr, Answer, nullptr) == 0) pthread_detach(thread);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace
