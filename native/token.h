// Names for sockets that are safe to keep: a slot is used again, a (slot, generation) pair never is. An event
// that was already in a batch, or a command that JavaScript had already written, therefore finds nothing once
// its socket is closed, instead of the stranger that has got the same descriptor since.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace evio {

struct Token {
  uint32_t slot = 0;
  uint32_t generation = 0;

  uint64_t Pack() const { return (static_cast<uint64_t>(generation) << 32) | slot; }
  static Token Unpack(uint64_t packed) {
    return {static_cast<uint32_t>(packed), static_cast<uint32_t>(packed >> 32)};
  }
};

// Owns its entries. T needs a member `Token token`.
template <typename T>
class SlotTable {
 public:
  T* Insert(std::unique_ptr<T> entry) {
    uint32_t slot;
    if (free_.empty()) {
      slot = static_cast<uint32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    entry->token = {slot, slots_[slot].generation};
    slots_[slot].entry = std::move(entry);
    return slots_[slot].entry.get();
  }

  // nullptr when that generation has ended.
  T* Find(Token token) const {
    if (token.slot >= slots_.size()) return nullptr;
    const Slot& slot = slots_[token.slot];
    return slot.generation == token.generation ? slot.entry.get() : nullptr;
  }

  template <typename Visit>
  void ForEach(Visit visit) const {
    for (const Slot& slot : slots_) {
      if (slot.entry != nullptr) visit(slot.entry.get());
    }
  }

  void Erase(Token token) {
    if (Find(token) == nullptr) return;
    Slot& slot = slots_[token.slot];
    slot.entry.reset();
    // After so many that they begin again, none is 0, which stands for no entry.
    if (++slot.generation == 0) slot.generation = 1;
    free_.push_back(token.slot);
  }

 private:
  struct Slot {
    std::unique_ptr<T> entry;
    uint32_t generation = 1;
  };
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
};

}  // namespace evio
