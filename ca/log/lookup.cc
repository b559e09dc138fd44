#include "ca/log/lookup.h"

#include <array>
#include <functional>
#include <string>

namespace ca {

using schema::BytesView;
using schema::Ok;
using schema::Outcome;
using schema::Result;

namespace {

constexpr std::size_t kMergeRows = 24'576;  // three for each certificate
// Of all keys and of all names. A slice waits in the middle for as many merges.
constexpr int kSlices = 32;

// Where slice `slice` of the keys of one kind begins: keys are as random as their first octet.
std::int64_t FirstLeaf(int slice) {
  constexpr std::uint64_t kWidth = std::uint64_t{1} << 59;  // all of them, by kSlices
  return static_cast<std::int64_t>((std::uint64_t{1} << 63) +
                                   kWidth * static_cast<unsigned>(slice));
}
std::string SerialDigits(int octet) {
  return schema::Hex(std::array<std::uint8_t, 1>{static_cast<std::uint8_t>(octet)});
}
std::uint8_t FirstOctet(int slice) { return static_cast<std::uint8_t>(256 / kSlices * slice); }

std::string_view SerialKey(std::string_view serial) { return serial.substr(0, kSerialKeyDigits); }
BytesView TokenKey(const schema::Hash& token) { return BytesView(token).first(kTokenKeyBytes); }

std::size_t HashOf(std::string_view key) { return std::hash<std::string_view>()(key); }
std::size_t HashOf(BytesView key) { return HashOf(schema::AsText(key)); }

}  // namespace

Result<std::unique_ptr<Lookup>> Lookup::Open(sqlite::Connection& connection) {
  std::unique_ptr<Lookup> lookup(new Lookup());
  const std::pair<std::optional<sqlite::Statement>*, const char*> texts[] = {
      {&lookup->find_,
       "SELECT id FROM lookup WHERE key=?1 UNION ALL SELECT id FROM lookup_middle WHERE key=?1"},
      {&lookup->add_, "INSERT INTO lookup_new VALUES(?,?)"},
      {&lookup->merge_,
       "INSERT OR IGNORE INTO lookup_middle SELECT key, id FROM lookup_new ORDER BY key, id"},
      {&lookup->merge_names_,
       "INSERT OR IGNORE INTO named_middle SELECT name, id FROM "
       "(SELECT san AS name, id FROM issuance WHERE id>=?1 UNION ALL "
       "SELECT issuer, id FROM issuance WHERE id>=?1 UNION ALL "
       "SELECT subject, id FROM issuance WHERE id>=?1) ORDER BY name, id"},
      {&lookup->first_, kFirstNewSql},
      {&lookup->drop_, "DELETE FROM lookup_new"},
      {&lookup->move_,
       "INSERT OR IGNORE INTO lookup SELECT key, id FROM lookup_middle WHERE key>=? AND key<?"},
      {&lookup->moved_, "DELETE FROM lookup_middle WHERE key>=? AND key<?"},
      {&lookup->name_max_, "SELECT coalesce(max(id), 0) FROM name"},
      {&lookup->move_names_,
       "INSERT OR IGNORE INTO named SELECT name, id FROM named_middle WHERE name>=? AND name<?"},
      {&lookup->moved_names_, "DELETE FROM named_middle WHERE name>=? AND name<?"},
      {&lookup->load_, "SELECT typeof(key)='integer', key, id FROM lookup_new"},
  };
  for (const auto& [statement, sql] : texts) {
    TRY(*statement, connection.Prepare(sql));
  }
  TRY(lookup->Load());
  return lookup;
}

Outcome Lookup::Load() {
  new_rows_ = 0;
  new_ids_.clear();
  load_->Start();
  while (true) {
    TRY(const bool row, load_->Next());
    if (!row) return Ok();
    ++new_rows_;
    if (load_->Integer(0) == 0) new_ids_.emplace(HashOf(load_->Blob(1)), load_->Integer(2));
  }
}

template <class Key>
Result<std::vector<std::int64_t>> Lookup::Find(const Key& key) {
  std::vector<std::int64_t> ids;
  find_->Start(key);
  while (true) {
    TRY(const bool row, find_->Next());
    if (!row) break;
    ids.push_back(find_->Integer(0));
  }
  const auto [first, last] = new_ids_.equal_range(HashOf(key));
  for (auto found = first; found != last; ++found) ids.push_back(found->second);
  return ids;
}

template <class Key>
Outcome Lookup::Add(const Key& key, std::int64_t id) {
  TRY(add_->Start(key, id).Run());
  ++new_rows_;
  return Ok();
}

Result<std::vector<std::int64_t>> Lookup::FindSerial(std::string_view serial) {
  return Find(SerialKey(serial));
}

Result<std::vector<std::int64_t>> Lookup::FindToken(const schema::Hash& token) {
  return Find(TokenKey(token));
}

// Readers look for leaves, the writer does not.
Outcome Lookup::AddLeaf(std::int64_t prefix, std::int64_t id) { return Add(prefix, id); }

Outcome Lookup::AddSerial(std::string_view serial, std::int64_t id) {
  TRY(Add(SerialKey(serial), id));
  new_ids_.emplace(HashOf(SerialKey(serial)), id);
  return Ok();
}

Outcome Lookup::AddToken(const schema::Hash& token, std::int64_t id) {
  TRY(Add(TokenKey(token), id));
  new_ids_.emplace(HashOf(TokenKey(token)), id);
  return Ok();
}

Outcome Lookup::Merge(std::uint64_t size) {
  if (new_rows_ >= kMergeRows) {
    move_due_ = true;
    return MergeNew();
  }
  if (!move_due_ || new_rows_ < kMergeRows / 2) return Ok();
  move_due_ = false;
  // By the number of certificates, so that after a restart it goes on where it was.
  return MoveSlice(static_cast<int>(size / (kMergeRows / 3) % kSlices));
}

Outcome Lookup::MergeNew() {
  TRY(const bool row, first_->Start().Next());
  MUST(row);
  TRY(merge_names_->Start(first_->Integer(0)).Run());
  first_->Stop();
  TRY(merge_->Start().Run());
  TRY(drop_->Start().Run());
  new_rows_ = 0;
  new_ids_.clear();
  return Ok();
}

// The last slice of a kind ends where the next kind begins: integers are before texts, texts before
// blobs (sqlite.org/datatype3.html, 4.1).
Outcome Lookup::MoveSlice(int slice) {
  const bool last = slice + 1 == kSlices;
  const std::array<std::uint8_t, 2> octets = {FirstOctet(slice), FirstOctet(slice + 1)};
  const BytesView token = BytesView(octets).first(1);
  // Serials are positive numbers: their first bit is 0.
  const std::string serial = SerialDigits(octets[0] / 2), next_serial = SerialDigits(octets[1] / 2);
  constexpr std::array<std::uint8_t, kTokenKeyBytes + 1> kBehind = {0xff, 0xff, 0xff, 0xff, 0xff,
                                                                    0xff, 0xff, 0xff, 0xff};
  TRY(last ? Move(FirstLeaf(slice), std::string()) : Move(FirstLeaf(slice), FirstLeaf(slice + 1)));
  TRY(last ? Move(serial, BytesView()) : Move(serial, next_serial));
  TRY(Move(token, last ? BytesView(kBehind) : BytesView(octets).last(1)));
  TRY(const bool row, name_max_->Start().Next());
  MUST(row);
  const std::int64_t width = name_max_->Integer(0) / kSlices + 1;
  name_max_->Stop();
  TRY(move_names_->Start(slice * width, (slice + 1) * width).Run());
  return moved_names_->Start(slice * width, (slice + 1) * width).Run();
}

template <class First, class End>
Outcome Lookup::Move(const First& first, const End& end) {
  TRY(move_->Start(first, end).Run());
  return moved_->Start(first, end).Run();
}

}  // namespace ca
