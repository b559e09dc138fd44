// Finds entries by keys that are random: leaf hash, serial, token; and keeps what they name in
// order.
//
// An index of its own for each would be one more dirty page for every certificate, as each key has
// its place somewhere else. Here a new key is written where the one before was, thousands at a time
// go into an index in the order of their keys, and a slice of all keys at a time from there into
// the large one (schema/sql/migrations.cc, `lookup` and `lookup_middle`). What is new is kept in
// memory too, so that looking for it is not reading all of it.
//
// Names have indexes likewise, `named` and `named_middle`, but what is new of them stands in
// `issuance` already: its rows from kFirstNewSql on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ca/log/sqlite.h"
#include "schema/base/bytes.h"
#include "schema/base/result.h"

namespace ca {

// How much of a serial, and of a token's id, is its key.
inline constexpr std::size_t kSerialKeyDigits = 12;
inline constexpr std::size_t kTokenKeyBytes = 8;

// The indexes have all issuances before this one; no row: they have all.
inline constexpr const char* kFirstNewSql = "SELECT id FROM lookup_new ORDER BY rowid LIMIT 1";

// The writer's side, for one thread at a time; `connection` outlives it. Every member but Load and
// Find belongs into a transaction. After one that was rolled back: Load.
class Lookup {
 public:
  static schema::Result<std::unique_ptr<Lookup>> Open(sqlite::Connection& connection);

  // What is new, from the store.
  schema::Outcome Load();

  // Rows of issuances whose key is that of this serial or token: the caller compares the whole.
  schema::Result<std::vector<std::int64_t>> FindSerial(std::string_view serial);
  schema::Result<std::vector<std::int64_t>> FindToken(const schema::Hash& token);

  schema::Outcome AddLeaf(std::int64_t prefix, std::int64_t id);
  schema::Outcome AddSerial(std::string_view serial, std::int64_t id);
  schema::Outcome AddToken(const schema::Hash& token, std::int64_t id);
  // Puts what is new into the index if that is worth it, or a slice from there into the large one:
  // tens of milliseconds, twice in thousands of certificates. `size`: of the certificates log.
  schema::Outcome Merge(std::uint64_t size);

 private:
  Lookup() = default;
  template <class Key>
  schema::Result<std::vector<std::int64_t>> Find(const Key& key);
  template <class Key>
  schema::Outcome Add(const Key& key, std::int64_t id);
  schema::Outcome MergeNew();
  schema::Outcome MoveSlice(int slice);
  template <class First, class End>
  schema::Outcome Move(const First& first, const End& end);

  std::optional<sqlite::Statement> find_, add_, load_, first_, merge_, merge_names_, drop_, move_,
      moved_, name_max_, move_names_, moved_names_;
  std::size_t new_rows_ = 0;
  bool move_due_ = false;                                       // since the last merge
  std::unordered_multimap<std::size_t, std::int64_t> new_ids_;  // of texts and blobs, by their hash
};

}  // namespace ca
