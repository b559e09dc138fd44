#include "ca/log/lookup.h"

#include <functional>

namespace ca {

using schema::BytesView;
using schema::Ok;
using schema::Outcome;
using schema::Result;

namespace {

constexpr std::size_t kMergeRows = 24'576;  // three for each certificate

std::string_view SerialKey(std::string_view serial) { return serial.substr(0, kSerialKeyDigits); }
BytesView TokenKey(const schema::Hash& token) { return BytesView(token).first(kTokenKeyBytes); }

std::size_t HashOf(std::string_view key) { return std::hash<std::string_view>()(key); }
std::size_t HashOf(BytesView key) { return HashOf(schema::AsText(key)); }

}  // namespace

Result<std::unique_ptr<Lookup>> Lookup::Open(sqlite::Connection& connection) {
  std::unique_ptr<Lookup> lookup(new Lookup());
  const std::pair<std::optional<sqlite::Statement>*, const char*> texts[] = {
      {&lookup->find_, "SELECT id FROM lookup WHERE key=?"},
      {&lookup->add_, "INSERT INTO lookup_new VALUES(?,?)"},
      {&lookup->merge_,
       "INSERT OR IGNORE INTO lookup SELECT key, id FROM lookup_new ORDER BY key, id"},
      {&lookup->merge_names_,
       "INSERT OR IGNORE INTO named SELECT name, id FROM "
       "(SELECT san AS name, id FROM issuance WHERE id>=?1 UNION ALL "
       "SELECT issuer, id FROM issuance WHERE id>=?1 UNION ALL "
       "SELECT subject, id FROM issuance WHERE id>=?1) ORDER BY name, id"},
      {&lookup->first_, kFirstNewSql},
      {&lookup->drop_, "DELETE FROM lookup_new"},
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

Outcome Lookup::Merge() {
  if (new_rows_ < kMergeRows) return Ok();
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

}  // namespace ca
