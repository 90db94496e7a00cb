// The least that answers PING, SET, GET and what redis-benchmark asks first, with pipelining. No expiry, no
// types.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

// Open addressing with linear probing; a key's bytes are compared only where the hashes agree. At most half
// full.
class Table {
 public:
  Table() : slots_(1024) {}

  const std::string* Find(std::string_view key) const {
    const Slot& slot = slots_[Place(slots_, key, Hash(key))];
    return slot.hash == 0 ? nullptr : &slot.value;
  }

  void Put(std::string_view key, std::string_view value) {
    const uint64_t hash = Hash(key);
    Slot* slot = &slots_[Place(slots_, key, hash)];
    if (slot->hash == 0) {
      if (++used_ * 2 > slots_.size()) {
        Grow();
        slot = &slots_[Place(slots_, key, hash)];
      }
      slot->hash = hash;
      slot->key.assign(key);
    }
    slot->value.assign(value);  // in place: a value of the same size allocates nothing
  }

 private:
  struct Slot {
    uint64_t hash = 0;  // 0: free
    std::string key, value;
  };

  // Eight bytes at a time, multiplied and folded.
  static uint64_t Hash(std::string_view key) {
    uint64_t hash = 0x9e3779b97f4a7c15 ^ key.size();
    for (size_t at = 0; at < key.size(); at += 8) {
      uint64_t word = 0;
      std::memcpy(&word, key.data() + at, std::min<size_t>(8, key.size() - at));
      hash = (hash ^ word) * 0xff51afd7ed558ccd;
      hash ^= hash >> 32;
    }
    return hash | 1;
  }

  static size_t Place(const std::vector<Slot>& slots, std::string_view key, uint64_t hash) {
    size_t at = (hash >> 1) & (slots.size() - 1);
    while (slots[at].hash != 0 && (slots[at].hash != hash || slots[at].key != key)) {
      at = (at + 1) & (slots.size() - 1);
    }
    return at;
  }

  void Grow() {
    std::vector<Slot> larger(slots_.size() * 2);
    for (Slot& slot : slots_) {
      if (slot.hash != 0) larger[Place(larger, slot.key, slot.hash)] = std::move(slot);
    }
    slots_ = std::move(larger);
  }

  std::vector<Slot> slots_;
  size_t used_ = 0;
};

// Answers the requests at the front of some bytes. What an unfinished one needs is left to the caller.
class Resp {
 public:
  // Appends the replies and returns how many bytes were complete requests; negative when these are no
  // requests.
  ptrdiff_t Answer(const char* bytes, size_t size, std::string& replies) {
    const char* const start = bytes;
    const char* const end = bytes + size;
    while (bytes < end) {
      const char* next = *bytes == '*' ? Multibulk(bytes, end) : Inline(bytes, end);
      if (next == nullptr) break;
      if (next == kInvalid) return -1;
      if (!words_.empty()) Execute(replies);
      bytes = next;
    }
    return bytes - start;
  }

 private:
  static constexpr char kMark = 0;
  static constexpr const char* kInvalid = &kMark;  // instead of a place
  static constexpr int64_t kMostWords = 1024;
  static constexpr int64_t kLongest = 512 * 1024 * 1024;

  // *2 CRLF $3 CRLF GET CRLF $1 CRLF k CRLF. The end of it, or nullptr when more must come.
  const char* Multibulk(const char* at, const char* end) {
    int64_t count = 0;
    at = Number(at + 1, end, kMostWords, count);
    if (at == nullptr || at == kInvalid) return at;
    words_.clear();
    for (int64_t i = 0; i < count; i++) {
      int64_t length = 0;
      if (at == end) return nullptr;
      if (*at != '$') return kInvalid;
      at = Number(at + 1, end, kLongest, length);
      if (at == nullptr || at == kInvalid) return at;
      if (end - at < length + 2) return nullptr;
      words_.emplace_back(at, static_cast<size_t>(length));
      at += length + 2;
    }
    return at;
  }

  // PING CRLF, with spaces between words.
  const char* Inline(const char* at, const char* end) {
    const auto* newline = static_cast<const char*>(std::memchr(at, '\n', static_cast<size_t>(end - at)));
    if (newline == nullptr) return nullptr;
    const char* last = newline > at && newline[-1] == '\r' ? newline - 1 : newline;
    words_.clear();
    while (at < last) {
      const char* space = std::find(at, last, ' ');
      if (space > at) words_.emplace_back(at, static_cast<size_t>(space - at));
      at = space == last ? last : space + 1;
    }
    return newline + 1;
  }

  // Digits and CRLF.
  static const char* Number(const char* at, const char* end, int64_t most, int64_t& value) {
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
      value = value * 10 + (*at - '0');
      if (value > most) return kInvalid;
    }
    if (end - at < 2) return at < end && *at != '\r' ? kInvalid : nullptr;
    return at[0] == '\r' && at[1] == '\n' ? at + 2 : kInvalid;
  }

  void Execute(std::string& replies) {
    const std::string_view name = words_[0];
    const size_t arguments = words_.size() - 1;
    if (Is(name, "get") && arguments == 1) {
      const std::string* value = table_.Find(words_[1]);
      if (value == nullptr) return static_cast<void>(replies += "$-1\r\n");
      return Bulk(*value, replies);
    }
    if (Is(name, "set") && arguments == 2) {
      table_.Put(words_[1], words_[2]);
      replies += "+OK\r\n";
    } else if (Is(name, "ping") && arguments == 0) {
      replies += "+PONG\r\n";
    } else if (Is(name, "config") && arguments == 2) {  // CONFIG GET name
      replies += "*2\r\n";
      Bulk(words_[2], replies);
      replies += "$0\r\n\r\n";
    } else {
      replies += "-ERR unknown command\r\n";
    }
  }

  static bool Is(std::string_view word, std::string_view name) {
    if (word.size() != name.size()) return false;
    for (size_t i = 0; i < name.size(); i++) {
      if ((word[i] | 0x20) != name[i]) return false;
    }
    return true;
  }

  static void Bulk(std::string_view value, std::string& replies) {
    replies += '$';
    if (value.size() < 10) {
      replies += static_cast<char>('0' + value.size());
    } else {
      replies += std::to_string(value.size());
    }
    replies += "\r\n";
    replies += value;
    replies += "\r\n";
  }

  Table table_;
  std::vector<std::string_view> words_;  // of the request being read
};
