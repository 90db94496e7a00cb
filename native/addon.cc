// Node-API entry: the class, and the layout of the memory that it shares with JavaScript.
#include <napi.h>

#include "arena.h"
#include "node_loop.h"
#include "poller.h"
#include "status.h"

namespace {

Napi::Object Layout(Napi::Env env) {
  Napi::Object layout = Napi::Object::New(env);
  const auto set = [&](const char* name, size_t value) {
    layout.Set(name, Napi::Number::New(env, static_cast<double>(value)));
  };
  set("bytes", evio::kArenaBytes);
  set("events", evio::kEventsOffset);
  set("results", evio::kResultsOffset);
  set("commands", evio::kCommandsOffset);
  set("maxCommands", evio::kMaxCommands);
  set("window", evio::kWindowOffset);
  set("windowBytes", evio::kWindowBytes);
  set("outbox", evio::kOutboxOffset);
  set("outboxBytes", evio::kOutboxBytes);
  set("spareBytes", evio::kSpareBytes);
  return layout;
}

Napi::Array Calls(Napi::Env env) {
  Napi::Array calls = Napi::Array::New(env, evio::kCallCount);
  for (uint32_t i = 0; i < evio::kCallCount; i++) calls.Set(i, Napi::String::New(env, evio::kCallNames[i]));
  return calls;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("NodeLoop", evio::NodeLoop::Define(env));
  exports.Set("poller", Napi::String::New(env, evio::kPollerName));
  exports.Set("layout", Layout(env));
  exports.Set("calls", Calls(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(evio, Init)
