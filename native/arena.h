// The memory that native code and JavaScript share: one ArrayBuffer, so that a turn costs one call whatever
// it carries.
//
//   control   a few words: who is in a turn, how many commands wait, what failed
//   events    what a Poll() found, for JavaScript
//   results   what a Flush() led to, for JavaScript
//   commands  what JavaScript wants done, for Flush()
//   window    input of this turn; used again by the next Poll()
//   outbox    output of this turn; used again after the next Flush()
//
// JavaScript learns every offset from the addon, so that this file is the only place that knows them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "token.h"

namespace evio {

// Words of the control region.
enum Control : uint32_t {
  kInTurn,        // native code will flush by itself when the call into JavaScript returns
  kCommandCount,  // commands written and not yet flushed
  kTurnWanted,    // JavaScript asks for another turn
  kErrno,         // of the last operation that returned a failure
  kErrorCall,     // its Call
  kGeneration,    // of the listener that listen() has just made
  kUnannounced,   // clients that have been accepted and not announced
  kSpareTaken,    // 1: the spare holds input and is JavaScript's; there is none until it gives another
  kControlWords = 16,
};

enum class EventKind : uint32_t {
  kAccepted = 1,  // slot, generation of the connection; a, c: slot and generation of the listener, b: offset
                  // of two AddressRecords (local, remote)
  kData,          // a: offset, b: length; c: 1 in the spare, else 0
  kEnded,
  kFailed,        // a: errno, b: Call; the connection is gone
  kFlushed,       // a, b: low and high half of the number of bytes that the kernel has taken
  kBroken,        // a: errno; output is lost, unread input may be left
  kAcceptFailed,  // slot, generation of the listener; a: errno
  kConnected,     // b: offset of two AddressRecords (local, remote)
  kAnnounced,     // as kAccepted, of a quiet listener's client, before its first event
};

enum class CommandKind : uint32_t {
  kWrite = 1,  // a: offset, b: length
  kRead,       // a: 1 on, 0 off
  kShutdown,
  kClose,
  kReset,
  kKeep,  // a: 1 large input goes into the spare, 0 it does not
};

struct Record {
  uint32_t kind;
  uint32_t slot;
  uint32_t generation;
  uint32_t a;
  uint32_t b;
  uint32_t c;
  uint32_t reserved[2];
};
static_assert(sizeof(Record) == 32, "JavaScript reads records of eight words");

constexpr size_t kMaxEvents = 1024;
constexpr size_t kMaxResults = 1024;
constexpr size_t kMaxCommands = 4096;
constexpr size_t kWindowBytes = 256 * 1024;
constexpr size_t kOutboxBytes = 256 * 1024;
// Memory for one large input, which JavaScript gives away with it.
constexpr size_t kSpareBytes = 256 * 1024;

constexpr size_t kEventsOffset = kControlWords * sizeof(uint32_t);
constexpr size_t kResultsOffset = kEventsOffset + kMaxEvents * sizeof(Record);
constexpr size_t kCommandsOffset = kResultsOffset + kMaxResults * sizeof(Record);
constexpr size_t kWindowOffset = kCommandsOffset + kMaxCommands * sizeof(Record);
constexpr size_t kOutboxOffset = kWindowOffset + kWindowBytes;
constexpr size_t kArenaBytes = kOutboxOffset + kOutboxBytes;

// A view of the arena; the memory belongs to JavaScript.
class Arena {
 public:
  explicit Arena(uint8_t* base) : base_(base) {}

  uint8_t* base() const { return base_; }
  uint32_t& control(Control word) const { return reinterpret_cast<uint32_t*>(base_)[word]; }
  Record* events() const { return reinterpret_cast<Record*>(base_ + kEventsOffset); }
  Record* results() const { return reinterpret_cast<Record*>(base_ + kResultsOffset); }
  const Record* commands() const { return reinterpret_cast<const Record*>(base_ + kCommandsOffset); }

 private:
  uint8_t* base_;
};

// The events of one Poll(): records and the window that they point into.
class Batch {
 public:
  explicit Batch(Arena arena) : arena_(arena) {}

  void Begin() {
    count_ = 0;
    used_ = 0;
  }
  uint32_t count() const { return count_; }
  bool HasRoom(size_t records, size_t bytes) const {
    return count_ + records <= kMaxEvents && used_ + bytes <= kWindowBytes;
  }

  uint8_t* window() const { return arena_.base() + kWindowOffset + used_; }
  size_t window_left() const { return kWindowBytes - used_; }

  void Add(EventKind kind, Token token, uint32_t a = 0, uint32_t b = 0, uint32_t c = 0) {
    arena_.events()[count_++] = {static_cast<uint32_t>(kind), token.slot, token.generation, a, b, c, {}};
  }
  // Where there is one, it has kSpareBytes.
  void SetSpare(uint8_t* spare) {
    spare_ = spare;
    arena_.control(kSpareTaken) = 0;
  }
  uint8_t* spare() const { return spare_; }
  void TakeSpare() {
    spare_ = nullptr;
    arena_.control(kSpareTaken) = 1;
  }

  // Hands out `length` bytes that have been written at window(); returns their offset in the arena.
  uint32_t Take(size_t length) {
    const size_t offset = kWindowOffset + used_;
    used_ += length;
    return static_cast<uint32_t>(offset);
  }

 private:
  Arena arena_;
  uint8_t* spare_ = nullptr;
  uint32_t count_ = 0;
  size_t used_ = 0;
};

}  // namespace evio
