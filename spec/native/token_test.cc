#include "token.h"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

namespace evio {
namespace {

struct Entry {
  explicit Entry(int number, int* living) : number(number), living(living) { *living += 1; }
  ~Entry() { *living -= 1; }

  Token token;
  int number;
  int* living;
};

class TableOfEntries {
 public:
  Token Insert(int number) { return table.Insert(std::make_unique<Entry>(number, &living))->token; }

  int living = 0;
  SlotTable<Entry> table;
};

}  // namespace

TEST_CASE("token: packing keeps slot and generation apart") {
  const Token token = {0x89abcdef, 0xfedcba98};
  const Token again = Token::Unpack(token.Pack());
  CHECK(again.slot == token.slot);
  CHECK(again.generation == token.generation);
}

TEST_CASE("token: an entry knows its token and is found by it") {
  TableOfEntries entries;
  const Token first = entries.Insert(1);
  const Token second = entries.Insert(2);
  CHECK(first.slot != second.slot);
  REQUIRE(entries.table.Find(first) != nullptr);
  CHECK(entries.table.Find(first)->number == 1);
  CHECK(entries.table.Find(first)->token.Pack() == first.Pack());
  CHECK(entries.table.Find(second)->number == 2);
}

TEST_CASE("token: one that was never given finds nothing") {
  TableOfEntries entries;
  CHECK(entries.table.Find(Token()) == nullptr);
  const Token token = entries.Insert(1);
  CHECK(entries.table.Find(Token()) == nullptr);
  CHECK(entries.table.Find({token.slot, token.generation + 1}) == nullptr);
  CHECK(entries.table.Find({token.slot + 1, token.generation}) == nullptr);
  CHECK(entries.table.Find({0xffffffff, token.generation}) == nullptr);
}

TEST_CASE("token: an entry that is erased is destroyed, and its token finds nothing") {
  TableOfEntries entries;
  const Token token = entries.Insert(1);
  CHECK(entries.living == 1);
  entries.table.Erase(token);
  CHECK(entries.living == 0);
  CHECK(entries.table.Find(token) == nullptr);
}

TEST_CASE("token: the next entry of a slot has another generation, and an old token does it no harm") {
  TableOfEntries entries;
  const Token old = entries.Insert(1);
  entries.table.Erase(old);
  const Token next = entries.Insert(2);
  REQUIRE(next.slot == old.slot);
  CHECK(next.generation != old.generation);
  CHECK(entries.table.Find(old) == nullptr);
  entries.table.Erase(old);
  REQUIRE(entries.table.Find(next) != nullptr);
  CHECK(entries.table.Find(next)->number == 2);
}

TEST_CASE("token: erasing twice frees a slot once") {
  TableOfEntries entries;
  const Token token = entries.Insert(1);
  entries.table.Erase(token);
  entries.table.Erase(token);
  const Token second = entries.Insert(2);
  const Token third = entries.Insert(3);
  CHECK(second.slot != third.slot);
  CHECK(entries.table.Find(second)->number == 2);
  CHECK(entries.table.Find(third)->number == 3);
}

TEST_CASE("token: no pair of slot and generation is given twice, and slots are used again") {
  TableOfEntries entries;
  std::vector<Token> living;
  std::vector<uint64_t> given;
  for (int i = 0; i < 2000; i++) {
    const Token token = entries.Insert(i);
    CHECK(token.slot < 10);
    for (const uint64_t other : given) {
      if (other == token.Pack()) FAIL("given twice");
    }
    given.push_back(token.Pack());
    living.push_back(token);
    if (living.size() < 10) continue;
    const size_t leaves = static_cast<size_t>(i * 7) % living.size();
    entries.table.Erase(living[leaves]);
    living.erase(living.begin() + static_cast<std::ptrdiff_t>(leaves));
  }
  CHECK(entries.living == static_cast<int>(living.size()));
}

TEST_CASE("token: entries stay where they are while the table grows") {
  TableOfEntries entries;
  const Token first = entries.Insert(0);
  const Entry* at = entries.table.Find(first);
  for (int i = 1; i < 1000; i++) entries.Insert(i);
  CHECK(entries.table.Find(first) == at);
}

}  // namespace evio
