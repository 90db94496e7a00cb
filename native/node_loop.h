// The loop inside Node: watched by libuv on the JavaScript thread, calling JavaScript once per turn.
//
// A turn: Poll(), one call of `dispatch(events)`, in which JavaScript handles the events and calls flush(),
// and again while there is more, bounded. Whatever JavaScript wrote in promises that ran when the call
// returned is flushed in the same turn; what timers and others write asks for a turn with schedule(), which
// an idle handle runs before libuv blocks.
#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>

#include "arena.h"
#include "loop.h"
#include "prospect.h"
#include "uv_abi.h"

namespace evio {

class NodeLoop : public Napi::ObjectWrap<NodeLoop> {
 public:
  static Napi::Function Define(Napi::Env env);

  // new NodeLoop(arena: ArrayBuffer, dispatch: (events: number) => void)
  explicit NodeLoop(const Napi::CallbackInfo& info);

 private:
  // What JavaScript calls. Operations that fail return -1 with errno and call in the control words.
  Napi::Value Listen(const Napi::CallbackInfo& info);
  Napi::Value Connect(const Napi::CallbackInfo& info);
  void Accept(const Napi::CallbackInfo& info);
  void Quiet(const Napi::CallbackInfo& info);
  Napi::Value Unannounced(const Napi::CallbackInfo& info);
  Napi::Value AnnounceAll(const Napi::CallbackInfo& info);
  void CloseListener(const Napi::CallbackInfo& info);
  void Flush(const Napi::CallbackInfo& info);
  static Napi::Value FlushAndCollect(const Napi::CallbackInfo& info);
  void Send(const Napi::CallbackInfo& info);
  void Spare(const Napi::CallbackInfo& info);
  Napi::Value Queued(const Napi::CallbackInfo& info);
  void Alarm(const Napi::CallbackInfo& info);
  void Schedule(const Napi::CallbackInfo& info);
  void Ref(const Napi::CallbackInfo& info);

  // The listener whose slot is the first argument.
  Token ListenerAt(const Napi::CallbackInfo& info) const;

  void Turn();
  void Dispatch(uint32_t events);
  void FlushCommands();
  bool MoreToDo() const;
  bool StartHandles(Napi::Env env);
  UvHandle* NewHandle(int type, int (*init)(uv_loop_s*, UvHandle*));
  void CloseHandles();

  static void OnReadable(UvHandle* handle, int status, int events);
  static void OnIdle(UvHandle* handle);
  static void OnAlarm(UvHandle* handle);
  static void OnClosed(UvHandle* handle);
  static void OnCleanup(napi_async_cleanup_hook_handle hook, void* self);

  Arena arena_;
  std::unique_ptr<Loop> loop_;
  Prospect again_;
  Napi::Reference<Napi::ArrayBuffer> memory_;
  Napi::FunctionReference dispatch_;
  Napi::Reference<Napi::Uint8Array> spare_;

  uv_loop_s* uv_ = nullptr;
  UvHandle* poll_ = nullptr;
  UvHandle* idle_ = nullptr;
  UvHandle* alarm_ = nullptr;
  int open_handles_ = 0;
  bool closing_ = false;
  napi_async_cleanup_hook_handle cleanup_ = nullptr;
};

}  // namespace evio
