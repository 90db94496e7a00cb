// The few functions of libuv that the addon uses, declared here because Node-API's headers come without uv.h,
// and a build from an empty environment downloads nothing else. All of them are stable within libuv 1
// (docs.libuv.org, "API/ABI changes are not made within a major version"); handles are opaque here and sized
// with uv_handle_size().
#pragma once

#include <cstddef>
#include <cstdint>

struct uv_loop_s;

namespace evio {

struct UvHandle;  // stands for every uv_*_t

extern "C" {
using UvCallback = void (*)(UvHandle*);
using UvPollCallback = void (*)(UvHandle*, int status, int events);

// Values of uv_handle_type and uv_poll_event.
enum UvHandleType : int { kUvIdle = 6, kUvPoll = 8, kUvTimer = 13 };
enum UvPollEvent : int { kUvReadable = 1 };

size_t uv_handle_size(int type);
void uv_handle_set_data(UvHandle*, void*);
void* uv_handle_get_data(const UvHandle*);
void uv_close(UvHandle*, UvCallback);
void uv_ref(UvHandle*);
void uv_unref(UvHandle*);
int uv_poll_init(uv_loop_s*, UvHandle*, int fd);
int uv_poll_start(UvHandle*, int events, UvPollCallback);
int uv_idle_init(uv_loop_s*, UvHandle*);
int uv_idle_start(UvHandle*, UvCallback);
int uv_idle_stop(UvHandle*);
int uv_timer_init(uv_loop_s*, UvHandle*);
int uv_timer_start(UvHandle*, UvCallback, uint64_t timeout, uint64_t repeat);
int uv_timer_stop(UvHandle*);
void uv_update_time(uv_loop_s*);
}

}  // namespace evio
