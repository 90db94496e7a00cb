// Loads a server from a process of its own: many connections, one thread, one epoll, loopback, a closed loop.
//
// It is driven by lines on standard input and answers each with one line of JSON:
//   open              every client connects
//   exchange SECONDS  every client sends a batch, waits for all of the reply, sends the next (0: one each)
//   churn SECONDS     every client connects, exchanges one batch, closes, connects again (0: once each)
//   close             every client sends FIN and waits for the server's
//   last              every client sends batch after batch until the server ends its connection, which it may
//   do
//                     in the middle of a batch but not of a reply
//   publish SECONDS   one client sends a batch, and when all have heard it the next
//   stream SECONDS    every client sends without waiting, and reads: what --stream says
//   flood BYTES       every client sends so much, or until the server takes no more, and reads nothing
// "kept" behind the number: latencies are told of this command and of all that were kept before.
// A command is answered when nothing is outstanding any more. While a line is awaited the server has nothing
// to do, so whoever reads its CPU time between two lines gets exactly that of the messages counted, however
// late it reads.
//
// Every reply is compared byte for byte. An error is {"error": TEXT} and the end of the process.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "client.h"
#include "histogram.h"
#include "script.h"
#include "system.h"

namespace {

constexpr int kFullMs = 500;      // nothing taken for so long: the server has stopped reading
constexpr int kStallMs = 10'000;  // no event for so long: the server has lost something
constexpr size_t kReadBytes = 256 * 1024;
constexpr size_t kHandshakes = 64;  // at once; well below any listener's backlog, so that no SYN is dropped

class Load {
 public:
  Load(uint16_t port, size_t clients, size_t depth, Flow flow, Script script)
      : port_(port), depth_(depth), flow_(flow), script_(std::move(script)), clients_(clients), events_(512) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) FailedCall("epoll_create1");
    for (size_t i = 0; i < clients; i++) clients_[i].place = i * 37;
  }

  // Runs one command to its end and says what came of it.
  std::string Run(const std::string& command, double amount, bool kept) {
    static const std::map<std::string, Task> tasks = {
        {"open", Task::kOpen},   {"exchange", Task::kExchange}, {"churn", Task::kChurn},
        {"close", Task::kClose}, {"publish", Task::kPublish},   {"stream", Task::kStream},
        {"flood", Task::kFlood}, {"last", Task::kLast}};
    auto task = tasks.find(command);
    if (task == tasks.end()) Fail("no command '" + command + "'");
    task_ = task->second;
    done_ = 0;
    latencies_.Clear();
    double cpu = CpuSeconds();
    Nanoseconds start = Now();
    if (task_ == Task::kFlood) {
      flood_bytes_ = static_cast<size_t>(amount);
    } else {
      deadline_ = start + static_cast<Nanoseconds>(amount * 1e9);
    }
    task_ == Task::kPublish ? Publish() : Start();
    while (active_ > 0) Turn();
    double seconds = static_cast<double>(Now() - start) / 1e9;
    cpu = CpuSeconds() - cpu;
    if (kept) kept_.Add(latencies_);
    return Summary(seconds, cpu, kept ? kept_ : latencies_);
  }

 private:
  enum class Task { kOpen, kExchange, kChurn, kClose, kPublish, kStream, kFlood, kLast };
  using State = Client::State;

  void Start() {
    bool few_at_once = task_ == Task::kOpen || task_ == Task::kClose;
    next_ = 0;
    while (next_ < clients_.size() && (!few_at_once || active_ < kHandshakes)) StartNext();
  }

  void StartNext() {
    Client& client = clients_[next_++];
    active_++;
    bool absent = task_ == Task::kOpen || task_ == Task::kChurn;
    if (client.state != (absent ? State::kAbsent : State::kOpen)) Fail("a client is in the wrong state");
    if (absent) return Connect(client);
    if (task_ == Task::kExchange || task_ == Task::kLast) return Send(client);
    if (task_ == Task::kStream || task_ == Task::kFlood) return StartStream(client);
    Finish(client);
  }

  void Turn() {
    int patience = task_ == Task::kFlood ? kFullMs : kStallMs;
    int count = epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), patience);
    if (count < 0 && errno != EINTR) FailedCall("epoll_wait");
    if (count == 0 && task_ == Task::kFlood) return EndFlood();
    if (count == 0) Fail("no answer for 10 s, " + std::to_string(active_) + " clients are waiting");
    for (int i = 0; i < count; i++) {
      Client& client = clients_[events_[static_cast<size_t>(i)].data.u64];
      if (client.state == State::kConnecting) {
        Connected(client);
      } else {
        uint32_t what = events_[static_cast<size_t>(i)].events;
        bool streams = task_ == Task::kStream || task_ == Task::kFlood;
        if ((what & EPOLLOUT) != 0 && client.state == State::kWaiting) {
          streams ? PushStream(client) : Flush(client);
        }
        if ((what & ~static_cast<uint32_t>(EPOLLOUT)) != 0) {
          streams&& client.state == State::kWaiting ? PullStream(client) : Receive(client);
        }
      }
    }
  }

  void Connect(Client& client) {
    client.started = Now();
    client.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client.fd < 0) FailedCall("socket");
    int on = 1;
    setsockopt(client.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    BindSource(client);
    sockaddr_in server = Loopback(1, port_);
    if (connect(client.fd, reinterpret_cast<sockaddr*>(&server), sizeof server) < 0 && errno != EINPROGRESS) {
      FailedCall("connect");
    }
    client.state = State::kConnecting;
    Watch(client, EPOLL_CTL_ADD, EPOLLOUT);
  }

  // Churn leaves tens of thousands of connections in TIME_WAIT, more than one address has ports: use many
  // addresses of 127/8.
  void BindSource(const Client& client) {
    int on = 1;
    setsockopt(client.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    sockaddr_in source = Loopback(2 + connects_++ % 250, 0);
    if (bind(client.fd, reinterpret_cast<sockaddr*>(&source), sizeof source) < 0) FailedCall("bind");
  }

  void Connected(Client& client) {
    socklen_t size = sizeof errno;
    if (getsockopt(client.fd, SOL_SOCKET, SO_ERROR, &errno, &size) < 0 || errno != 0) FailedCall("connect");
    client.state = State::kOpen;
    Watch(client, EPOLL_CTL_MOD, EPOLLIN);
    if (task_ == Task::kChurn) return Send(client);
    Done();
  }

  void Send(Client& client) {
    if (task_ != Task::kChurn) client.started = Now();
    client.state = State::kWaiting;
    client.place += 1009;
    client.sent = client.received = 0;
    Flush(client);
  }

  void Flush(Client& client) {
    const char* bytes = script_.Request(client.place) + client.sent;
    size_t left = script_.request_bytes() - client.sent;
    ssize_t count = left == 0 ? 0 : send(client.fd, bytes, left, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) FailedCall("send");
    bool short_before = client.sent > 0;
    if (count > 0) client.sent += static_cast<size_t>(count);
    bool complete = client.sent == script_.request_bytes();
    if (!complete || short_before) Watch(client, EPOLL_CTL_MOD, complete ? EPOLLIN : EPOLLIN | EPOLLOUT);
  }

  void Receive(Client& client) {
    ssize_t count = recv(client.fd, buffer_.get(), kReadBytes, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) FailedCall("recv");
    if (count == 0 && client.state == State::kClosing) return Closed(client);
    if (count == 0 && task_ == Task::kLast) return Ended(client);
    if (count == 0) Fail("the server closed a connection");
    auto bytes = static_cast<size_t>(count);
    if (client.state != State::kWaiting || client.received + bytes > script_.reply_bytes()) {
      Fail("more than the reply: " + Quoted(buffer_.get(), bytes));
    }
    const char* expected = script_.Reply(client.place) + client.received;
    if (std::memcmp(buffer_.get(), expected, bytes) != 0)
      Fail("a wrong reply: " + Quoted(buffer_.get(), bytes));
    client.received += bytes;
    if (client.received == script_.reply_bytes()) Answered(client);
  }

  void Answered(Client& client) {
    if (client.sent < script_.request_bytes()) Fail("a reply came before its request was sent");
    client.state = State::kOpen;
    if (task_ == Task::kChurn) return Finish(client);
    if (task_ == Task::kPublish) return Heard();
    Nanoseconds now = Now();
    latencies_.Add(now - client.started);
    done_ += depth_;
    if (now < deadline_ || task_ == Task::kLast) return Send(client);
    active_--;
  }

  void Ended(Client& client) {
    size_t one = script_.reply_bytes() / depth_;
    if (client.received % one != 0) Fail("the server closed a connection in the middle of a reply");
    done_ += client.received / one;
    close(client.fd);
    client.fd = -1;
    client.state = State::kAbsent;
    active_--;
  }

  // The first client sends a batch for all of them.
  void Publish() {
    place_ += 1009;
    for (Client& client : clients_) {
      if (client.state != State::kOpen) Fail("a client is in the wrong state");
      client.state = State::kWaiting;
      client.place = place_;
      client.sent = script_.request_bytes();
      client.received = 0;
    }
    active_ = clients_.size();
    Client& publisher = clients_.front();
    publisher.started = Now();
    publisher.sent = 0;
    Flush(publisher);
  }

  void Heard() {
    done_++;
    if (--active_ > 0) return;
    Nanoseconds now = Now();
    latencies_.Add(now - clients_.front().started);
    if (now < deadline_) Publish();
  }

  void StartStream(Client& client) {
    client.state = State::kWaiting;
    client.place = client.sent = client.received = 0;
    bool pushes = task_ == Task::kFlood || flow_ != Flow::kOut;
    bool pulls = task_ == Task::kStream && flow_ != Flow::kIn;
    Watch(client, EPOLL_CTL_MOD, (pushes ? EPOLLOUT : 0u) | (pulls ? EPOLLIN : 0u));
  }

  void PushStream(Client& client) {
    bool over = task_ == Task::kFlood ? client.sent >= flood_bytes_ : Now() >= deadline_;
    if (over) return EndPush(client);
    ssize_t count = send(client.fd, script_.Request(client.sent), script_.request_bytes(), MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) FailedCall("send");
    if (count <= 0) return;
    client.sent += static_cast<size_t>(count);
    if (task_ == Task::kFlood || flow_ == Flow::kIn) done_ += static_cast<uint64_t>(count);
  }

  void EndPush(Client& client) {
    if (task_ == Task::kStream && flow_ == Flow::kIn) {  // the server's FIN says that it has read everything
      Watch(client, EPOLL_CTL_MOD, EPOLLIN);
      return Finish(client);
    }
    if (task_ == Task::kStream && client.received < client.sent) return Watch(client, EPOLL_CTL_MOD, EPOLLIN);
    EndStream(client);
  }

  void PullStream(Client& client) {
    ssize_t count = recv(client.fd, buffer_.get(), kReadBytes, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) FailedCall("recv");
    if (count == 0) Fail("the server closed a connection");
    auto bytes = static_cast<size_t>(count);
    if (std::memcmp(buffer_.get(), script_.Reply(client.received), bytes) != 0) {
      Fail("a wrong reply: " + Quoted(buffer_.get(), bytes));
    }
    client.received += bytes;
    done_ += bytes;
    if (flow_ == Flow::kBoth && client.received > client.sent)
      Fail("a reply came before its request was sent");
    bool complete = flow_ == Flow::kOut || client.received == client.sent;
    if (complete && Now() >= deadline_) EndStream(client);
  }

  // What a source sends from now on waits in the kernel.
  void EndStream(Client& client) {
    client.state = State::kOpen;
    Watch(client, EPOLL_CTL_MOD, flow_ == Flow::kOut || task_ == Task::kFlood ? 0u : EPOLLIN);
    active_--;
  }

  void EndFlood() {
    for (Client& client : clients_) {
      if (client.state == State::kWaiting) EndStream(client);
    }
  }

  void Finish(Client& client) {
    if (shutdown(client.fd, SHUT_WR) < 0) FailedCall("shutdown");
    client.state = State::kClosing;
  }

  void Closed(Client& client) {
    close(client.fd);
    client.fd = -1;
    client.state = State::kAbsent;
    if (task_ == Task::kStream) return static_cast<void>(active_--);
    if (task_ != Task::kChurn) return Done();
    Nanoseconds now = Now();
    latencies_.Add(now - client.started);
    done_++;
    if (now < deadline_) return Connect(client);
    active_--;
  }

  void Done() {
    done_++;
    active_--;
    if (next_ < clients_.size()) StartNext();
  }

  void Watch(const Client& client, int operation, uint32_t what) {
    epoll_event event{};
    event.events = what;
    event.data.u64 = static_cast<uint64_t>(&client - clients_.data());
    if (epoll_ctl(epoll_, operation, client.fd, &event) < 0) FailedCall("epoll_ctl");
  }

  std::string Summary(double seconds, double cpu, const Histogram& latencies) const {
    std::ostringstream json;
    json << "{\"count\":" << done_ << ",\"seconds\":" << seconds << ",\"cpu\":" << cpu;
    json << ",\"p50\":" << latencies.Microseconds(0.5) << ",\"p99\":" << latencies.Microseconds(0.99);
    json << ",\"p999\":" << latencies.Microseconds(0.999) << ",\"max\":" << latencies.Microseconds(1) << "}";
    return json.str();
  }

  const uint16_t port_;
  const size_t depth_;
  const Flow flow_;
  const Script script_;
  std::vector<Client> clients_;
  std::vector<epoll_event> events_;
  std::unique_ptr<char[]> buffer_{new char[kReadBytes]};
  int epoll_ = -1;
  Histogram latencies_;  // of this command
  Histogram kept_;       // of all that were kept
  Task task_ = Task::kOpen;
  Nanoseconds deadline_ = 0;
  size_t flood_bytes_ = 0;
  size_t place_ = 0;   // of what is published
  size_t next_ = 0;    // the first client that this command has not started yet
  size_t active_ = 0;  // clients started and not finished
  uint64_t done_ =
      0;  // requests answered, messages heard, bytes streamed; connections opened, closed or churned
  uint32_t connects_ = 0;
};

Load FromArguments(int count, char** values) {
  static const std::map<std::string, Flow> flows = {
      {"both", Flow::kBoth}, {"in", Flow::kIn}, {"out", Flow::kOut}};
  std::map<std::string, std::string> options;
  for (int i = 1; i + 1 < count; i += 2) options[values[i]] = values[i + 1];
  auto number = [&](const char* name) { return std::stoul(options.at(name)); };
  auto load = [&](size_t depth, Flow flow, Script script) {
    return Load(static_cast<uint16_t>(number("--port")), number("--connections"), depth, flow,
                std::move(script));
  };
  if (options.count("--stream") > 0) {
    Flow flow = flows.at(options["--stream"]);
    return load(1, flow, flow == Flow::kOut ? Script::Source(kReadBytes) : Script::Stream(kReadBytes));
  }
  if (options.count("--echo") > 0) return load(1, Flow::kNone, Script::Echo(number("--echo")));
  size_t depth = number("--depth");
  return load(depth, Flow::kNone, Script::Batch(options.at("--request"), options.at("--reply"), depth));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    AllowAllDescriptors();
    Load load = FromArguments(argc, argv);
    std::string line;
    while (std::getline(std::cin, line)) {
      std::istringstream words(line);
      std::string command;
      double amount = 0;
      std::string kept;
      words >> command >> amount >> kept;
      std::cout << load.Run(command, amount, kept == "kept") << std::endl;
    }
  } catch (const std::exception& error) {
    std::cout << "{\"error\":" << Json(error.what()) << "}" << std::endl;
    return 1;
  }
}
