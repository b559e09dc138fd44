#include "schema/sql/migrations.h"

namespace schema::sql {
namespace {

// Rows of a shard are numbered shard << 40 | index: a leaf index has 40 bits (static-ct-api), so
// one integer is the key and appends stay at the right edge of the B-tree. A Merkle hash is
// numbered shard << 43 | level << 40 | index. Times are Unix milliseconds, but not_before,
// not_after and expires are seconds.
constexpr std::string_view kLogs = R"sql(
CREATE TABLE shard(
  id INTEGER PRIMARY KEY,
  log TEXT NOT NULL,                -- 'certificates' or 'events'
  name TEXT NOT NULL,
  origin TEXT NOT NULL,
  log_key BLOB NOT NULL,            -- SubjectPublicKeyInfo; empty for events
  note_key BLOB NOT NULL,           -- Ed25519, 32 octets
  issuer_key_hash BLOB NOT NULL,    -- empty for events
  since INTEGER NOT NULL,
  UNIQUE(log, name)
) STRICT;

CREATE TABLE tail(
  shard INTEGER PRIMARY KEY REFERENCES shard(id),
  size INTEGER NOT NULL,
  root BLOB NOT NULL,
  time INTEGER NOT NULL,            -- of the newest entry
  settled INTEGER NOT NULL          -- entries below have a certificate or an `unfinished` event
) STRICT;

CREATE TABLE entry(id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;

CREATE TABLE hash(id INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;

CREATE TABLE issuance(
  id INTEGER PRIMARY KEY,           -- that of the certificates entry
  leaf INTEGER NOT NULL,            -- first 8 octets of the leaf hash
  serial TEXT NOT NULL,             -- lower-case hexadecimal
  san TEXT NOT NULL,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  request_id TEXT NOT NULL,
  not_before INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  logged INTEGER NOT NULL,
  granted INTEGER NOT NULL          -- index of the `granted` event
) STRICT;
CREATE INDEX issuance_leaf ON issuance(leaf);
CREATE UNIQUE INDEX issuance_serial ON issuance(serial);
CREATE INDEX issuance_san ON issuance(san);
CREATE INDEX issuance_issuer ON issuance(issuer);
CREATE INDEX issuance_subject ON issuance(subject);
CREATE INDEX issuance_request ON issuance(request_id);
CREATE INDEX issuance_logged ON issuance(logged);

CREATE TABLE certificate(
  id INTEGER PRIMARY KEY,           -- that of the certificates entry
  certificate BLOB,                 -- as ca/log/kept.h writes it, like the next
  precertificate BLOB,
  issued INTEGER                    -- index of the `issued` event
) STRICT;

CREATE TABLE unfinished(id INTEGER PRIMARY KEY, event INTEGER NOT NULL) STRICT;

CREATE TABLE spent(
  token BLOB PRIMARY KEY,
  key_hash BLOB NOT NULL,
  entry INTEGER NOT NULL,           -- leaf index
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_expires ON spent(expires);

CREATE TABLE tree_head(
  shard INTEGER NOT NULL REFERENCES shard(id),
  timestamp INTEGER NOT NULL,
  size INTEGER NOT NULL,
  root BLOB NOT NULL,
  signature BLOB NOT NULL,          -- ECDSA-Sig-Value; empty for events
  note TEXT NOT NULL,
  PRIMARY KEY(shard, timestamp)
) STRICT, WITHOUT ROWID;
)sql";

// Several certificates for one token, budgets, and what was seen before.
//
// `charge` numbers the certificates of a budget from 1 on, in order of time: whether the last N of
// them lie within a window is one look at number last - N + 1, however large N is. `seen` numbers
// what is known of one issuer and kind, so that the oldest can go when there are too many.
constexpr std::string_view kOnce = R"sql(
CREATE TABLE spent_by_key(
  token BLOB NOT NULL,
  key_hash BLOB NOT NULL,
  entry INTEGER NOT NULL,           -- leaf index
  expires INTEGER NOT NULL,
  PRIMARY KEY(token, key_hash)
) STRICT, WITHOUT ROWID;
INSERT INTO spent_by_key SELECT token, key_hash, entry, expires FROM spent;
DROP TABLE spent;
ALTER TABLE spent_by_key RENAME TO spent;
CREATE INDEX spent_expires ON spent(expires);

CREATE TABLE charge(
  bucket BLOB NOT NULL,
  number INTEGER NOT NULL,
  entry INTEGER NOT NULL,           -- leaf index
  at INTEGER NOT NULL,              -- never falls within a bucket
  expires INTEGER NOT NULL,
  PRIMARY KEY(bucket, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX charge_expires ON charge(expires);

CREATE TABLE seen(
  id BLOB PRIMARY KEY,              -- digest of issuer, kind and value
  scope BLOB NOT NULL,              -- digest of issuer and kind
  number INTEGER NOT NULL,          -- within the scope
  entry INTEGER NOT NULL            -- leaf index of the first certificate
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX seen_number ON seen(scope, number);
)sql";

// Spent tokens in the order of their entries, so that a new one is written at the edge; only the
// look-up by token is at a random place. An index by time of expiry would be a second such place.
constexpr std::string_view kSpentInOrder = R"sql(
CREATE TABLE spent_in_order(
  entry INTEGER PRIMARY KEY,        -- leaf index
  token BLOB NOT NULL,
  key_hash BLOB NOT NULL,
  expires INTEGER NOT NULL
) STRICT;
INSERT INTO spent_in_order SELECT entry, token, key_hash, expires FROM spent;
DROP TABLE spent;
ALTER TABLE spent_in_order RENAME TO spent;
CREATE INDEX spent_token ON spent(token);
)sql";

// What is looked up by keys that are random: leaf hash, serial and token. As an index of each table
// every certificate dirtied a page of its own in each of three B-trees. So `lookup_new` takes them
// in the order they come, and thousands at a time go into `lookup` in the order of their keys. A
// key is the beginning of what it stands for, its storage class says of which, and whoever finds
// one compares the whole: rows of tokens that have been forgotten may stay.
constexpr std::string_view kLookup = R"sql(
CREATE TABLE lookup(
  key ANY NOT NULL,                 -- INTEGER: issuance.leaf. TEXT: 12 digits of issuance.serial.
                                    -- BLOB: 8 octets of spent.token
  id INTEGER NOT NULL,              -- of the certificates entry
  PRIMARY KEY(key, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE lookup_new(key ANY NOT NULL, id INTEGER NOT NULL) STRICT;
CREATE VIEW lookups AS SELECT key, id FROM lookup UNION ALL SELECT key, id FROM lookup_new;
INSERT INTO lookup SELECT leaf, id FROM issuance ORDER BY 1, 2;
INSERT INTO lookup SELECT substr(serial, 1, 12), id FROM issuance ORDER BY 1, 2;
INSERT INTO lookup SELECT substr(token, 1, 8), 1 << 40 | entry FROM spent ORDER BY 1, 2;
DROP INDEX issuance_leaf;
DROP INDEX issuance_serial;
DROP INDEX spent_token;
)sql";

// Precertificate Signing Certificates (RFC 6962 3.1) by what a precertificate says of its issuer. A
// precertificate that finds none here was signed by the issuing key.
constexpr std::string_view kPrecertificateSigners = R"sql(
CREATE TABLE precertificate_signer(
  subject BLOB NOT NULL,            -- Name
  key_id BLOB NOT NULL,             -- SubjectKeyIdentifier
  certificate BLOB NOT NULL,        -- the newest of this name and key
  PRIMARY KEY(subject, key_id)
) STRICT, WITHOUT ROWID;
)sql";

// What is above an entry's precertificate stays what it was when the entry was made. A row is in
// force for entries from `first` on, until the next of its key.
constexpr std::string_view kIssuerChains = R"sql(
CREATE TABLE issuer_chain(
  key_hash BLOB NOT NULL,           -- a leaf's issuer_key_hash
  first INTEGER NOT NULL,           -- entry.id
  chain BLOB NOT NULL,              -- certificates one after another, issuing CA first
  PRIMARY KEY(key_hash, first)
) STRICT, WITHOUT ROWID;
CREATE TABLE signer_from(
  subject BLOB NOT NULL,            -- Name
  key_id BLOB NOT NULL,             -- SubjectKeyIdentifier
  first INTEGER NOT NULL,           -- entry.id
  certificate BLOB NOT NULL,
  PRIMARY KEY(subject, key_id, first)
) STRICT, WITHOUT ROWID;
INSERT INTO signer_from SELECT subject, key_id, 0, certificate FROM precertificate_signer;
DROP TABLE precertificate_signer;
ALTER TABLE signer_from RENAME TO precertificate_signer;
)sql";

// The issuing CAs that ca.rotation has ever named: each entry says by a key hash whose it is.
constexpr std::string_view kIssuingCas = R"sql(
CREATE TABLE issuing_ca(
  key_hash BLOB PRIMARY KEY,        -- SHA-256 of its SubjectPublicKeyInfo: a leaf's issuer_key_hash
  name TEXT NOT NULL,
  state TEXT NOT NULL,              -- as the events log has it: prepared, active, replaced, retired
  first INTEGER                     -- no entry before it is of this CA; absent: never active
) STRICT;
)sql";

// Entries are named by their row ids, shard << 40 | index, where they were by leaf index: a token
// that was spent in one shard is spent in those that follow. Events likewise, but in `issuance`,
// `certificate` and `unfinished`, which have a row for every certificate there ever was, a number
// without a shard stays, and is of the first events shard, 2.
constexpr std::string_view kShards = R"sql(
UPDATE spent SET entry = 1 << 40 | entry;
UPDATE charge SET entry = 1 << 40 | entry;
UPDATE seen SET entry = 1 << 40 | entry;
UPDATE issuing_ca SET first = 1 << 40 | first;
)sql";

// What certificates name, each text once. As columns of `issuance` with an index each, SANs and
// subjects dirtied two more pages at random places for every certificate. `named` is filled when
// `lookup` is, in the order of names: it and `named_middle` have all issuances before the first row
// of `lookup_new`, and of one name `named_middle` has the newer ones.
//
// The larger an index, the fewer of some thousand new keys share a page of it. So they go into a
// small one first, and from there a slice of all keys at a time into the large one.
constexpr std::string_view kNames = R"sql(
CREATE TABLE name(id INTEGER PRIMARY KEY, value TEXT NOT NULL UNIQUE) STRICT;
INSERT INTO name(value)
  SELECT san FROM issuance UNION SELECT issuer FROM issuance UNION SELECT subject FROM issuance;
CREATE TABLE issuance_by_name(
  id INTEGER PRIMARY KEY,           -- that of the certificates entry
  leaf INTEGER NOT NULL,            -- first 8 octets of the leaf hash
  serial TEXT NOT NULL,             -- lower-case hexadecimal
  san INTEGER NOT NULL,             -- name.id, as are the next two
  issuer INTEGER NOT NULL,
  subject INTEGER NOT NULL,
  request_id TEXT NOT NULL,
  not_before INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  logged INTEGER NOT NULL,
  granted INTEGER NOT NULL          -- row of the `granted` event
) STRICT;
INSERT INTO issuance_by_name
  SELECT i.id, leaf, serial, a.id, b.id, c.id, request_id, not_before, not_after, logged, granted
  FROM issuance i CROSS JOIN name a ON a.value = san CROSS JOIN name b ON b.value = issuer
  CROSS JOIN name c ON c.value = subject ORDER BY i.id;
DROP TABLE issuance;
ALTER TABLE issuance_by_name RENAME TO issuance;
CREATE INDEX issuance_request ON issuance(request_id);
CREATE INDEX issuance_logged ON issuance(logged);
CREATE TABLE named(
  name INTEGER NOT NULL,            -- name.id
  id INTEGER NOT NULL,              -- of an issuance that has it as SAN, issuer or subject
  PRIMARY KEY(name, id)
) STRICT, WITHOUT ROWID;
INSERT INTO named SELECT san, id FROM issuance UNION SELECT issuer, id FROM issuance
  UNION SELECT subject, id FROM issuance ORDER BY 1, 2;
CREATE TABLE named_middle(
  name INTEGER NOT NULL,
  id INTEGER NOT NULL,
  PRIMARY KEY(name, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE lookup_middle(
  key ANY NOT NULL,                 -- as lookup.key
  id INTEGER NOT NULL,
  PRIMARY KEY(key, id)
) STRICT, WITHOUT ROWID;
DROP VIEW lookups;
CREATE VIEW lookups AS SELECT key, id FROM lookup UNION ALL SELECT key, id FROM lookup_middle
  UNION ALL SELECT key, id FROM lookup_new;
)sql";

constexpr std::string_view kMigrations[] = {
    kLogs,         kOnce,       kSpentInOrder, kLookup, kPrecertificateSigners,
    kIssuerChains, kIssuingCas, kShards,       kNames};

}  // namespace

std::span<const std::string_view> Migrations() { return kMigrations; }

}  // namespace schema::sql
