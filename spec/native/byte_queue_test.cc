#include "byte_queue.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "loopback.h"
#include "scarcity.h"

namespace evio {
namespace {

bool Append(ByteQueue* queue, const std::string& bytes) {
  return queue->Append(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

size_t PiecesOf(const ByteQueue& queue) {
  std::vector<iovec> pieces(4096);
  return queue.Peek(pieces.data(), pieces.size());
}

std::string ContentOf(const ByteQueue& queue) {
  std::vector<iovec> pieces(4096);
  pieces.resize(queue.Peek(pieces.data(), pieces.size()));
  std::string content;
  for (const iovec& piece : pieces) content.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  return content;
}

}  // namespace

TEST_CASE("byte queue: a new one is empty") {
  const ByteQueue queue;
  CHECK(queue.empty());
  CHECK(queue.size() == 0);
  CHECK(PiecesOf(queue) == 0);
}

TEST_CASE("byte queue: bytes leave as they came, whatever the sizes") {
  ByteQueue queue;
  std::string model;
  const std::string source = Pattern(100'000);
  uint32_t dice = 1;
  for (int i = 0; i < 1000; i++) {
    dice = dice * 1664525u + 1013904223u;
    const size_t length = (dice >> 16) % (i % 50 == 0 ? 60'000 : 300);
    const size_t from = (dice >> 8) % 1000;
    if ((dice >> 30) != 0) {
      REQUIRE(Append(&queue, source.substr(from, length + 1)));
      model += source.substr(from, length + 1);
    } else {
      const size_t dropped = std::min(length * 4, model.size());
      queue.Drop(dropped);
      model.erase(0, dropped);
    }
    REQUIRE(queue.size() == model.size());
    REQUIRE(queue.empty() == model.empty());
    if (i % 20 == 0) REQUIRE(bool(ContentOf(queue) == model));
  }
  CHECK(bool(ContentOf(queue) == model));
}

TEST_CASE("byte queue: it keeps a copy") {
  ByteQueue queue;
  std::string bytes = "mine";
  REQUIRE(Append(&queue, bytes));
  bytes = "lost";
  CHECK(ContentOf(queue) == "mine");
}

TEST_CASE("byte queue: small appends share pieces") {
  ByteQueue queue;
  for (int i = 0; i < 1000; i++) REQUIRE(Append(&queue, "0123456789"));
  CHECK(PiecesOf(queue) == 1);
}

TEST_CASE("byte queue: no piece is empty") {
  ByteQueue queue;
  for (int i = 0; i < 40; i++) REQUIRE(Append(&queue, Pattern(16 * 1024)));
  queue.Drop(16 * 1024 * 3);
  std::vector<iovec> pieces(64);
  pieces.resize(queue.Peek(pieces.data(), pieces.size()));
  for (const iovec& piece : pieces) CHECK(piece.iov_len > 0);
}

TEST_CASE("byte queue: Peek() gives the first pieces when there is no room for all") {
  ByteQueue queue;
  std::string model;
  for (uint32_t i = 0; i < 10; i++) {
    REQUIRE(Append(&queue, Pattern(40'000, i)));
    model += Pattern(40'000, i);
  }
  iovec pieces[3];
  REQUIRE(queue.Peek(pieces, 3) == 3);
  std::string first;
  for (const iovec& piece : pieces) first.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  CHECK(bool(first == model.substr(0, first.size())));
  CHECK(queue.size() == model.size());
}

TEST_CASE("byte queue: a long one that shrinks and grows keeps its order") {
  constexpr size_t kPiece = 20'000;  // one chunk each
  ByteQueue queue;
  uint32_t appended = 0;
  for (; appended < 300; appended++) REQUIRE(Append(&queue, Pattern(kPiece, appended)));
  for (uint32_t dropped = 0; dropped < appended; dropped++) {
    iovec first;
    REQUIRE(queue.Peek(&first, 1) == 1);
    REQUIRE(first.iov_len == kPiece);
    REQUIRE(bool(std::string(static_cast<const char*>(first.iov_base), kPiece) == Pattern(kPiece, dropped)));
    queue.Drop(kPiece);
    if (dropped % 4 == 0 && appended < 400) REQUIRE(Append(&queue, Pattern(kPiece, appended++)));
    REQUIRE(queue.size() == (appended - dropped - 1) * kPiece);
  }
  CHECK(queue.empty());
}

TEST_CASE("byte queue: an append of nothing changes nothing") {
  ByteQueue queue;
  CHECK(Append(&queue, ""));
  CHECK(queue.empty());
  CHECK(PiecesOf(queue) == 0);
  REQUIRE(Append(&queue, "x"));
  CHECK(Append(&queue, ""));
  CHECK(ContentOf(queue) == "x");
}

TEST_CASE("byte queue: what is cleared is gone, and it can be used again") {
  ByteQueue queue;
  REQUIRE(Append(&queue, Pattern(50'000)));
  queue.Drop(10);
  queue.Clear();
  CHECK(queue.empty());
  CHECK(PiecesOf(queue) == 0);
  REQUIRE(Append(&queue, "again"));
  CHECK(ContentOf(queue) == "again");
}

TEST_CASE("byte queue: without memory nothing is appended, not even what would have fitted") {
  ByteQueue queue;
  REQUIRE(Append(&queue, "kept"));
  const std::string large = Pattern(100'000);
  bool appended;
  {
    const NoMemory none;
    appended = Append(&queue, large);
  }
  CHECK_FALSE(appended);
  CHECK(ContentOf(queue) == "kept");
  CHECK(queue.size() == 4);
  REQUIRE(Append(&queue, large));
  CHECK(bool(ContentOf(queue) == "kept" + large));
}

}  // namespace evio
