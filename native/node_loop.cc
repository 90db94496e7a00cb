#include "node_loop.h"

#include <chrono>
#include <cstdlib>
#include <string>

namespace evio {
namespace {

// Bounds of one turn, so that timers and other handles of the process are never starved.
constexpr int kRoundsPerTurn = 8;
constexpr std::chrono::milliseconds kTurnTime{10};

// Flags of listen() and connect().
constexpr uint32_t kReusePort = 1;
constexpr uint32_t kIPv6Only = 2;
constexpr uint32_t kNoDelay = 4;

Token TokenAt(const Napi::CallbackInfo& info, size_t first) {
  return {info[first].As<Napi::Number>().Uint32Value(), info[first + 1].As<Napi::Number>().Uint32Value()};
}

uint16_t PortAt(const Napi::CallbackInfo& info, size_t index) {
  return static_cast<uint16_t>(info[index].As<Napi::Number>().Uint32Value());
}

}  // namespace

Napi::Function NodeLoop::Define(Napi::Env env) {
  return DefineClass(
      env, "NodeLoop",
      {InstanceMethod<&NodeLoop::Listen>("listen"), InstanceMethod<&NodeLoop::Connect>("connect"),
       InstanceMethod<&NodeLoop::Accept>("accept"), InstanceMethod<&NodeLoop::Quiet>("quiet"),
       InstanceMethod<&NodeLoop::Unannounced>("unannounced"),
       InstanceMethod<&NodeLoop::AnnounceAll>("announceAll"),
       InstanceMethod<&NodeLoop::CloseListener>("closeListener"), InstanceMethod<&NodeLoop::Flush>("flush"),
       InstanceMethod<&NodeLoop::Send>("send"), InstanceMethod<&NodeLoop::Spare>("spare"),
       InstanceMethod<&NodeLoop::Queued>("queued"), InstanceMethod<&NodeLoop::Alarm>("alarm"),
       InstanceMethod<&NodeLoop::Schedule>("schedule"), InstanceMethod<&NodeLoop::Ref>("ref")});
}

NodeLoop::NodeLoop(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<NodeLoop>(info),
      arena_(static_cast<uint8_t*>(info[0].As<Napi::ArrayBuffer>().Data())),
      memory_(Napi::Persistent(info[0].As<Napi::ArrayBuffer>())),
      dispatch_(Napi::Persistent(info[1].As<Napi::Function>())) {
  Napi::Env env = info.Env();
  Status status;
  std::unique_ptr<Poller> poller = CreatePoller(&status);
  if (poller == nullptr) {
    arena_.control(kErrno) = static_cast<uint32_t>(status.error);
    arena_.control(kErrorCall) = static_cast<uint32_t>(status.call);
    Napi::Error::New(env, "the kernel refuses a poller").ThrowAsJavaScriptException();
    return;
  }
  loop_ = std::make_unique<Loop>(std::move(poller), arena_);
  // Kept alive by itself until the environment ends: libuv holds pointers to it.
  Napi::ObjectWrap<NodeLoop>::Ref();
  if (!StartHandles(env)) {
    Napi::Error::New(env, "this runtime's event loop cannot watch a poller").ThrowAsJavaScriptException();
    return;
  }
  // Called in every round: a method would look its object up each time.
  info.This().As<Napi::Object>().Set("flushAndCollect",
                                     Napi::Function::New<FlushAndCollect>(env, "flushAndCollect", this));
  napi_add_async_cleanup_hook(env, OnCleanup, this, &cleanup_);
}

bool NodeLoop::StartHandles(Napi::Env env) {
  if (napi_get_uv_event_loop(env, &uv_) != napi_ok) return false;
  poll_ = static_cast<UvHandle*>(std::calloc(1, uv_handle_size(kUvPoll)));
  // The only one that can fail, so it comes first: nothing is open then.
  if (uv_poll_init(uv_, poll_, loop_->fd()) != 0) {
    std::free(poll_);
    return false;
  }
  uv_handle_set_data(poll_, this);
  open_handles_ += 1;
  idle_ = NewHandle(kUvIdle, uv_idle_init);
  alarm_ = NewHandle(kUvTimer, uv_timer_init);
  uv_poll_start(poll_, kUvReadable, OnReadable);
  // Only listeners and connections keep the process alive (JavaScript counts them and calls ref()), and work
  // that waits for a turn: the idle handle is active no longer than that.
  for (UvHandle* handle : {alarm_, poll_}) uv_unref(handle);
  return true;
}

UvHandle* NodeLoop::NewHandle(int type, int (*init)(uv_loop_s*, UvHandle*)) {
  auto* handle = static_cast<UvHandle*>(std::calloc(1, uv_handle_size(type)));
  init(uv_, handle);
  uv_handle_set_data(handle, this);
  open_handles_ += 1;
  return handle;
}

void NodeLoop::OnReadable(UvHandle* handle, int, int) {
  static_cast<NodeLoop*>(uv_handle_get_data(handle))->Turn();
}

void NodeLoop::OnAlarm(UvHandle* handle) { static_cast<NodeLoop*>(uv_handle_get_data(handle))->Turn(); }

void NodeLoop::OnIdle(UvHandle* handle) {
  uv_idle_stop(handle);
  static_cast<NodeLoop*>(uv_handle_get_data(handle))->Turn();
}

void NodeLoop::Turn() {
  if (closing_) return;
  Napi::HandleScope scope(Env());
  const auto end = std::chrono::steady_clock::now() + kTurnTime;
  arena_.control(kInTurn) = 1;
  bool hoping = false;  // nothing was known to be left when the last round ended
  for (int round = 0; round < kRoundsPerTurn; round++) {
    const uint32_t events = loop_->Poll();
    const bool told = arena_.control(kUnannounced) == loop_->unannounced();
    if (hoping) again_.Learn(events > 0 || !told);
    if (round > 0 && events == 0 && told && !MoreToDo()) {
      loop_->Flush(0);  // nothing to tell, but a socket that was heard of may have to go back to the poller
      break;
    }
    arena_.control(kTurnWanted) = 0;
    arena_.control(kUnannounced) = loop_->unannounced();
    Dispatch(events);
    if (closing_ || std::chrono::steady_clock::now() >= end) break;
    hoping = !MoreToDo() && !loop_->HasWork();
    if (hoping && !again_.Good()) break;
  }
  arena_.control(kInTurn) = 0;
  if (!closing_ && (MoreToDo() || loop_->HasWork())) uv_idle_start(idle_, OnIdle);
}

bool NodeLoop::MoreToDo() const {
  return arena_.control(kCommandCount) != 0 || arena_.control(kTurnWanted) != 0 || loop_->HasReports();
}

void NodeLoop::Dispatch(uint32_t events) {
  napi_value count;
  napi_create_uint32(Env(), events, &count);
  // The resource of this turn's async context. Without an async id it is a root, so AsyncLocalStorage of
  // whoever listened first does not leak to everybody's connections; made afresh, so what enterWith() leaves
  // on it ends with the turn.
  napi_value resource;
  napi_create_object(Env(), &resource);
  const napi_status status =
      napi_make_callback(Env(), nullptr, resource, dispatch_.Value(), 1, &count, nullptr);
  // While the environment terminates, calls fail without an exception: there is nobody left to tell.
  if (status != napi_pending_exception) return;
  napi_value error;
  if (napi_get_and_clear_last_exception(Env(), &error) == napi_ok) napi_fatal_exception(Env(), error);
}

void NodeLoop::FlushCommands() {
  const uint32_t count = arena_.control(kCommandCount);
  arena_.control(kCommandCount) = 0;
  loop_->Flush(count);
}

void NodeLoop::Flush(const Napi::CallbackInfo&) { FlushCommands(); }

Napi::Value NodeLoop::FlushAndCollect(const Napi::CallbackInfo& info) {
  auto* self = static_cast<NodeLoop*>(info.Data());
  self->FlushCommands();
  return Napi::Number::New(info.Env(), self->loop_->Collect());
}

// send(slot, generation, bytes: Uint8Array, start, end)
void NodeLoop::Send(const Napi::CallbackInfo& info) {
  auto bytes = info[2].As<Napi::Uint8Array>();
  const size_t start = static_cast<size_t>(info[3].As<Napi::Number>().DoubleValue());
  const size_t end = static_cast<size_t>(info[4].As<Napi::Number>().DoubleValue());
  if (start >= end || end > bytes.ByteLength()) return;
  loop_->Send(TokenAt(info, 0), bytes.Data() + start, end - start);
}

// spare(memory: Uint8Array or undefined): the one before is forgotten.
void NodeLoop::Spare(const Napi::CallbackInfo& info) {
  if (!info[0].IsTypedArray()) {
    loop_->SetSpare(nullptr);
    spare_.Reset();
    return;
  }
  auto memory = info[0].As<Napi::Uint8Array>();
  loop_->SetSpare(memory.ByteLength() < kSpareBytes ? nullptr : memory.Data());
  spare_ = Napi::Persistent(memory);
}

Napi::Value NodeLoop::Queued(const Napi::CallbackInfo& info) {
  FlushCommands();
  return Napi::Number::New(info.Env(), static_cast<double>(loop_->Queued(TokenAt(info, 0))));
}

// listen(family: 1 | 4 | 6, address, port, backlog, flags, keepAliveSeconds) returns the slot or -1.
// The bound address is written as an AddressRecord at the start of the results.
Napi::Value NodeLoop::Listen(const Napi::CallbackInfo& info) {
  const auto family = static_cast<Family>(info[0].As<Napi::Number>().Uint32Value());
  const std::string text = info[1].As<Napi::String>().Utf8Value();
  const uint32_t flags = info[4].As<Napi::Number>().Uint32Value();
  ListenOptions options;
  options.backlog = info[3].As<Napi::Number>().Int32Value();
  options.reuse_port = (flags & kReusePort) != 0;
  options.ipv6_only = (flags & kIPv6Only) != 0;
  options.accepted.no_delay = (flags & kNoDelay) != 0;
  options.accepted.keep_alive_seconds = info[5].As<Napi::Number>().Uint32Value();

  SocketAddress address, bound;
  uint32_t slot = 0;
  Status status = ParseAddress(family, text, PortAt(info, 2), &address);
  if (status.ok()) status = loop_->Listen(address, options, &slot, &bound);
  if (!status.ok()) {
    arena_.control(kErrno) = static_cast<uint32_t>(status.error);
    arena_.control(kErrorCall) = static_cast<uint32_t>(status.call);
    return Napi::Number::New(info.Env(), -1);
  }
  *reinterpret_cast<AddressRecord*>(arena_.results()) = ToRecord(bound);
  arena_.control(kGeneration) = loop_->ListenerToken(slot).generation;
  return Napi::Number::New(info.Env(), slot);
}

// connect(family, address, port, localAddress or '', localPort, flags, keepAliveSeconds) returns the slot.
Napi::Value NodeLoop::Connect(const Napi::CallbackInfo& info) {
  const auto family = static_cast<Family>(info[0].As<Napi::Number>().Uint32Value());
  const std::string from = info[3].As<Napi::String>().Utf8Value();
  StreamOptions options;
  options.no_delay = (info[5].As<Napi::Number>().Uint32Value() & kNoDelay) != 0;
  options.keep_alive_seconds = info[6].As<Napi::Number>().Uint32Value();

  SocketAddress remote, local;
  Status status = ParseAddress(family, info[1].As<Napi::String>().Utf8Value(), PortAt(info, 2), &remote);
  if (status.ok() && !from.empty()) status = ParseAddress(family, from, PortAt(info, 4), &local);
  const Token token = status.ok() ? loop_->Connect(remote, from.empty() ? nullptr : &local, options)
                                  : loop_->Refuse({status.error, Call::kConnect});
  arena_.control(kGeneration) = token.generation;
  return Napi::Number::New(info.Env(), token.slot);
}

Token NodeLoop::ListenerAt(const Napi::CallbackInfo& info) const {
  return loop_->ListenerToken(info[0].As<Napi::Number>().Uint32Value());
}

void NodeLoop::Accept(const Napi::CallbackInfo& info) {
  loop_->SetAccepting(ListenerAt(info), info[1].As<Napi::Boolean>().Value());
}

// quiet(slot, on)
void NodeLoop::Quiet(const Napi::CallbackInfo& info) {
  loop_->SetQuiet(ListenerAt(info), info[1].As<Napi::Boolean>().Value());
}

Napi::Value NodeLoop::Unannounced(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), loop_->Unannounced(ListenerAt(info)));
}

// announceAll(slot) returns Announcements, one behind the other.
Napi::Value NodeLoop::AnnounceAll(const Napi::CallbackInfo& info) {
  const std::vector<Announcement> announcements = loop_->AnnounceAll(ListenerAt(info));
  arena_.control(kUnannounced) = loop_->unannounced();
  return Napi::Buffer<uint8_t>::Copy(info.Env(), reinterpret_cast<const uint8_t*>(announcements.data()),
                                     announcements.size() * sizeof(Announcement));
}

void NodeLoop::CloseListener(const Napi::CallbackInfo& info) {
  loop_->CloseListener(ListenerAt(info));
  arena_.control(kUnannounced) = loop_->unannounced();
}

// alarm(delay in ms, rounded up by the caller; negative for none)
void NodeLoop::Alarm(const Napi::CallbackInfo& info) {
  if (closing_) return;
  const int64_t delay = info[0].As<Napi::Number>().Int64Value();
  if (delay < 0) {
    uv_timer_stop(alarm_);
    return;
  }
  uv_update_time(uv_);  // libuv counts from the time it last looked, which may be long ago
  uv_timer_start(alarm_, OnAlarm, static_cast<uint64_t>(delay), 0);
}

void NodeLoop::Schedule(const Napi::CallbackInfo&) {
  if (!closing_) uv_idle_start(idle_, OnIdle);
}

void NodeLoop::Ref(const Napi::CallbackInfo& info) {
  if (closing_) return;
  if (info[0].As<Napi::Boolean>().Value()) {
    uv_ref(poll_);
  } else {
    uv_unref(poll_);
  }
}

// The environment ends (also a worker that is terminated). What has been written is sent; JavaScript is not
// called.
void NodeLoop::OnCleanup(napi_async_cleanup_hook_handle, void* data) {
  auto* self = static_cast<NodeLoop*>(data);
  self->FlushCommands();
  self->CloseHandles();
}

void NodeLoop::CloseHandles() {
  closing_ = true;
  for (UvHandle* handle : {poll_, idle_, alarm_}) uv_close(handle, OnClosed);
}

void NodeLoop::OnClosed(UvHandle* handle) {
  auto* self = static_cast<NodeLoop*>(uv_handle_get_data(handle));
  std::free(handle);
  if (--self->open_handles_ > 0) return;
  self->loop_.reset();  // closes every descriptor
  // The object itself goes with the environment, whose reference is given up here.
  napi_remove_async_cleanup_hook(self->cleanup_);
}

}  // namespace evio
