// What a store of many certificates costs: one size, measured, as one JSON object.
//
//   growth DIRECTORY SIZE [--compact] [SECONDS]
//   growth --fill DATABASE SIZE    fills the new store of a stopped server instead, compact
//
// The store is made without keys or requests: rows as the sequencer writes them, the indexes after
// the rows. `--compact` leaves out what is large and never looked at here: entries are 16 octets
// long, certificates and precertificates one. Then the product's log opens it and issues
// certificates with software keys, and its reader proves and searches.
//
// Caches are warm, so an answer takes as long as its thread computes: that time is measured, and a
// busy machine changes it little. Issuance is measured by the clock and by the process's CPU time.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>

#include "ca/log/kept.h"
#include "ca/log/sqlite.h"
#include "ca/log/store.h"
#include "ca/profile.h"
#include "schema/log/leaf.h"
#include "tests/bench/filling.h"
#include "tests/ca/log/house.h"

namespace {

using bench::Facts;
using bench::FactsOf;
using bench::Mix;
using bench::Must;
using bench::Template;
using ca::LogName;
using ca::sqlite::Connection;
using ca::sqlite::Statement;
using log_test::House;
using schema::Bytes;
using schema::Steady;

constexpr std::uint64_t kRowsAtOnce = 20'000;
constexpr std::uint64_t kMiddle = 131'072;  // newest certificates, which the small indexes have
constexpr std::size_t kWaiters = 64;
constexpr std::uint64_t kQuestions = 1'000;
constexpr int kTries = 3;  // of each question
constexpr std::uint64_t kLater = 1ULL
                                 << 40;  // milliseconds: behind all that a store is filled with

// As long as a signature, and none.
Bytes Signed(schema::BytesView tbs, std::uint64_t random) {
  Bytes signature{0x30, 0x44};
  for (std::uint64_t i = 0; i < 9; ++i) {
    for (int n = 0; n < 8; ++n) {
      signature.push_back(static_cast<std::uint8_t>(Mix(random + i) >> (8 * n)));
    }
  }
  return ca::Assemble(tbs, schema::Signature(std::move(signature))).bytes();
}

class Filler {
 public:
  // `whole`: whose certificates they are; compact when it is null.
  Filler(const std::filesystem::path& database, schema::TimeMs now, std::uint64_t size,
         House* whole)
      : whole_(whole),
        size_(size),
        connection_(Must(Connection::Open(database, {.write = true}))),
        now_(now),
        start_(now - std::chrono::milliseconds(100) * static_cast<std::int64_t>(size)),
        entry_(Prepare("INSERT INTO entry(id, data) VALUES(?,?)")),
        hash_(Prepare("INSERT INTO hash(id, hash) VALUES(?,?)")),
        issuance_(Prepare(
            "INSERT INTO issuance(id, leaf, serial, san, issuer, subject, request_id, not_before, "
            "not_after, logged, granted) VALUES(?,?,?,?,?,?,?,?,?,?,?)")),
        certificate_(Prepare("INSERT INTO certificate(id, certificate, precertificate, issued) "
                             "VALUES(?,?,?,?)")),
        name_(Prepare("INSERT INTO name(id, value) VALUES(?,?)")),
        spent_(Prepare("INSERT INTO spent(entry, token, key_hash, expires) VALUES(?,?,?,?)")) {
    if (whole != nullptr) template_.emplace(*whole);
  }

  void Fill() {
    Must(
        connection_->Execute("PRAGMA synchronous=OFF; PRAGMA cache_size=-1000000;"
                             "PRAGMA temp_store=FILE; DELETE FROM tree_head; DELETE FROM hash;"
                             "DELETE FROM entry"));
    const std::vector<std::string> indexes = DropIndexes();
    for (std::uint64_t next = 0; next < size_;) {
      Must(connection_->Execute("BEGIN"));
      const std::uint64_t end = std::min(size_, next + kRowsAtOnce);
      for (; next < end; ++next) Add(next);
      Must(connection_->Execute("COMMIT"));
      Must(connection_->Checkpoint());
    }
    Must(connection_->Execute("BEGIN"));
    for (const std::string& index : indexes) Must(connection_->Execute(index));
    const auto middle = static_cast<std::int64_t>(size_ - std::min(size_, kMiddle));
    const std::string edge = std::to_string(ca::RowId(ca::ShardIds().certificates, 0) + middle);
    const std::string sides[][2] = {{"", " WHERE id < " + edge},
                                    {"_middle", " WHERE id >= " + edge}};
    for (const auto& [index, where] : sides) {
      Must(connection_->Execute(
          "INSERT INTO named" + index + " SELECT * FROM (" + "SELECT san, id FROM issuance" +
          where + " UNION ALL SELECT issuer, id FROM issuance" + where +
          " UNION ALL SELECT subject, id FROM issuance" + where + ") ORDER BY 1, 2"));
      Must(connection_->Execute("INSERT INTO lookup" + index + " SELECT * FROM (" +
                                "SELECT leaf, id FROM issuance" + where +
                                " UNION ALL SELECT substr(serial,1,12), id FROM issuance" + where +
                                " UNION ALL SELECT substr(token,1,8), entry AS id FROM spent" +
                                where + ") ORDER BY 1, 2"));
    }
    Close(LogName::kCertificates, certificates_, size_);
    Close(LogName::kEvents, events_, 0);
    Must(connection_->Execute("COMMIT"));
    Must(connection_->Checkpoint());
  }

 private:
  Statement Prepare(const char* sql) { return Must(connection_->Prepare(sql)); }

  std::vector<std::string> DropIndexes() {
    std::vector<std::string> texts, names;
    Statement read = Prepare(
        "SELECT sql, name FROM sqlite_schema WHERE type='index' AND tbl_name='issuance' AND sql "
        "NOT NULL");
    while (Must(read.Next())) {
      texts.emplace_back(read.Text(0));
      names.emplace_back(read.Text(1));
    }
    for (const std::string& name : names) Must(connection_->Execute("DROP INDEX " + name));
    return texts;
  }

  schema::Hash Append(LogName log, const Bytes& data) {
    auto& edge = log == LogName::kEvents ? events_ : certificates_;
    const std::uint64_t index = edge.size();
    Must(entry_.Start(ca::RowId(ca::ShardIds().Of(log), index), schema::BytesView(data)).Run());
    const schema::Hash leaf = schema::LeafHash(data);
    stored_.clear();
    edge.Append(leaf, stored_);
    for (const auto& stored : stored_) {
      Must(hash_.Start(ca::HashId(ca::ShardIds().Of(log), stored.level, stored.index), stored.hash)
               .Run());
    }
    return leaf;
  }

  std::int64_t Name(const std::string& text) {
    const auto [name, added] =
        names_.try_emplace(text, static_cast<std::int64_t>(names_.size() + 1));
    if (added) Must(name_.Start(name->second, text).Run());
    return name->second;
  }

  Bytes Event(std::string_view type, std::uint64_t index) const {
    std::string text = R"({"leaf_index":)" + std::to_string(index);
    if (whole_ != nullptr) {
      const std::size_t filler = type == "granted" ? 1200 : 300;  // claims; digests, token, latency
      text += R"(,"text":")" + std::string(filler, 'x') + R"(","type":")" + std::string(type) + '"';
    }
    return schema::ToBytes(schema::AsBytes(text + "}"));
  }

  void Add(std::uint64_t index) {
    const Facts facts = FactsOf(index, size_);
    const auto logged = start_ + std::chrono::milliseconds(100) * static_cast<std::int64_t>(index);
    const std::int64_t ms = logged.time_since_epoch().count();
    const std::int64_t id = ca::RowId(ca::ShardIds().certificates, index);
    const schema::Hash token = schema::Sha256(facts.serial);
    Bytes leaf, certificate{0}, precertificate{0};
    if (whole_ == nullptr) {
      leaf.assign(facts.serial.begin(), facts.serial.begin() + 16);
    } else {
      const Bytes& tbs = template_->Tbs(facts);
      leaf = schema::EncodeLeaf(logged, index, whole_->chain.key_hash, tbs).bytes();
      const schema::Sct sct{token, logged, index, schema::Signature(Bytes(71, 1))};
      const auto final_tbs = Must(ca::WithSctList(tbs, schema::EncodeSctList(sct)));
      const auto poisoned = Must(ca::WithPoison(tbs));
      certificate = ca::Keep(leaf, Signed(final_tbs.view(), index));
      precertificate = ca::Keep(leaf, Signed(poisoned.view(), index + size_));
    }
    const schema::Hash hash = Append(LogName::kCertificates, leaf);
    const std::int64_t granted = ca::RowId(ca::ShardIds().events, events_.size());
    Append(LogName::kEvents, Event("granted", index));
    Append(LogName::kEvents, Event("issued", index));
    Must(issuance_
             .Start(id, ca::LeafPrefix(hash), schema::Hex(facts.serial), Name(facts.san),
                    Name(facts.issuer), Name(facts.subject), facts.request_id, ms / 1000 - 30,
                    ms / 1000 + 600, ms, granted)
             .Run());
    Must(certificate_
             .Start(id, schema::BytesView(certificate), schema::BytesView(precertificate),
                    granted + 1)
             .Run());
    // Tokens are kept for minutes: these are of the last hour.
    if (index + 36'000 < size_) return;
    Must(spent_.Start(id, token, token, ms / 1000 + 1200).Run());
  }

  void Close(LogName log, const schema::merkle::Frontier& edge, std::uint64_t settled) {
    const std::int64_t now = now_.time_since_epoch().count();
    const schema::Hash root = edge.Root();
    Statement tail = Prepare("UPDATE tail SET size=?, root=?, time=?, settled=? WHERE shard=?");
    Must(tail.Start(edge.size(), root, now, settled, ca::ShardIds().Of(log)).Run());
    Statement head = Prepare(
        "INSERT INTO tree_head(shard, timestamp, size, root, signature, note) VALUES(?,?,?,?,?,?)");
    Must(head.Start(ca::ShardIds().Of(log), now, edge.size(), root, schema::BytesView(),
                    std::string_view("filled"))
             .Run());
  }

  House* const whole_;
  const std::uint64_t size_;
  std::optional<Template> template_;
  std::unique_ptr<Connection> connection_;
  const schema::TimeMs now_, start_;
  Statement entry_, hash_, issuance_, certificate_, name_, spent_;
  std::unordered_map<std::string, std::int64_t> names_;
  schema::merkle::Frontier certificates_, events_;
  std::vector<schema::merkle::Frontier::Stored> stored_;
};

double Milliseconds(Steady::duration d) {
  return std::chrono::duration<double, std::milli>(d).count();
}

double CpuMilliseconds(clockid_t clock) {
  timespec now{};
  MUST(clock_gettime(clock, &now) == 0);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

struct Rate {
  double per_second, cpu_us;
};

// Enter and Finish from many threads, for so long.
Rate Issue(House& house, int seconds, std::uint64_t round) {
  const std::size_t each = 6000 * static_cast<std::size_t>(seconds) / kWaiters;
  std::vector<std::vector<ca::Grant>> grants(kWaiters);
  for (std::size_t w = 0; w < kWaiters; ++w) {
    for (std::size_t i = 0; i < each; ++i) {
      const std::uint64_t n = round << 32 | w << 24 | i;
      const Facts facts = FactsOf(Mix(n), 1'000'000);
      grants[w].push_back(house.MakeGrantFor(facts.san, schema::Hex(facts.serial)));
      grants[w].back().subject = facts.subject;
      grants[w].back().request_id = bench::RequestId(kLater + round * 1'000'000 + i, Mix(n));
      grants[w].back().event =
          log_test::Event({{"type", "granted"}, {"text", std::string(1200, 'x')}});
    }
  }
  std::atomic<std::uint64_t> entered{0};
  const double cpu = CpuMilliseconds(CLOCK_PROCESS_CPUTIME_ID);
  const auto start = Steady::now();
  const auto end = start + std::chrono::seconds(seconds);
  std::vector<std::thread> threads;
  for (auto& list : grants) {
    threads.emplace_back([&] {
      for (ca::Grant& grant : list) {
        if (Steady::now() > end) break;
        const auto receipt = house.log().Enter(std::move(grant));
        if (!receipt) continue;
        ++entered;
        house.log().Finish(receipt->index(), schema::CertDer(schema::ToBytes(receipt->tbs())),
                           log_test::Event({{"type", "issued"}, {"text", std::string(300, 'x')}}));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto count = static_cast<double>(entered);
  return {count * 1000 / Milliseconds(Steady::now() - start),
          (CpuMilliseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1000 / count};
}

// The 99th percentile of many questions in milliseconds. Each is asked in several rounds, and its
// best time counts: the worst ones tell of what else the machine does.
double Ask(const std::function<bool(std::uint64_t random)>& ask) {
  std::vector<double> times(kQuestions, 1e9);
  for (int round = 0; round < kTries; ++round) {
    for (std::uint64_t i = 0; i < kQuestions; ++i) {
      const double start = CpuMilliseconds(CLOCK_THREAD_CPUTIME_ID);
      MUST(ask(Mix(i)));
      times[i] = std::min(times[i], CpuMilliseconds(CLOCK_THREAD_CPUTIME_ID) - start);
    }
  }
  std::ranges::sort(times);
  return times[times.size() * 99 / 100];
}

double AskSearch(House& house, std::uint64_t size,
                 const std::function<void(const Facts&, ca::Search&)>& set) {
  return Ask([&](std::uint64_t random) {
    ca::Search search;
    set(FactsOf(random % size, size), search);
    const auto rows = house.log().reader().Find(search);
    return rows && !rows->empty();
  });
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv, argv + argc);
  const bool compact = argc > 3 && arguments[3] == "--compact";
  if (argc < 3) {
    std::fprintf(stderr,
                 "usage: growth DIRECTORY SIZE [--compact] [SECONDS]\n"
                 "       growth --fill DATABASE SIZE\n");
    return 2;
  }
  if (arguments[1] == "--fill") {
    MUST(argc == 4);
    const auto now =
        std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
    Filler(arguments[2], now, std::stoull(arguments[3]), nullptr).Fill();
    return 0;
  }
  const std::uint64_t size = std::stoull(arguments[2]);
  const int seconds = argc > (compact ? 4 : 3) ? std::stoi(arguments.back()) : 8;
  House house;
  house.config.state = std::filesystem::path(arguments[1]) / ("growth-" + std::to_string(getpid()));
  house.config.log.checkpoint = std::chrono::seconds(1);
  house.config.log.precertificate_backlog = 1'000'000;
  Must(house.Open());  // makes the store, and its keys' rows
  house.Close();
  const auto begun = Steady::now();
  Filler(house.database(), house.clock.Now(), size, compact ? nullptr : &house).Fill();
  const double fill = Milliseconds(Steady::now() - begun) / 1000;
  const auto octets = std::filesystem::file_size(house.database());

  std::vector<double> starts;
  for (int i = 0; i < 3; ++i) {
    house.Close();
    const auto start = Steady::now();
    Must(house.Open());
    starts.push_back(Milliseconds(Steady::now() - start));
  }
  std::ranges::sort(starts);

  const ca::Reader& reader = house.log().reader();
  const double inclusion = Ask([&](std::uint64_t random) {
    return reader.InclusionProof(LogName::kCertificates, random % size, size).has_value();
  });
  const double consistency = Ask([&](std::uint64_t random) {
    return reader.ConsistencyProof(LogName::kCertificates, 1 + random % size, size).has_value();
  });
  const double san =
      AskSearch(house, size, [](const Facts& facts, ca::Search& s) { s.san = facts.san; });
  const double issuer =
      AskSearch(house, size, [](const Facts& facts, ca::Search& s) { s.issuer = facts.issuer; });
  const double subject =
      AskSearch(house, size, [](const Facts& facts, ca::Search& s) { s.subject = facts.subject; });
  const double serial = AskSearch(
      house, size, [](const Facts& facts, ca::Search& s) { s.serial = schema::Hex(facts.serial); });
  const double request = AskSearch(
      house, size, [](const Facts& facts, ca::Search& s) { s.request_id = facts.request_id; });
  const auto newest = house.clock.Now();
  const double time = Ask([&](std::uint64_t random) {
    ca::Search search;
    search.until = newest - std::chrono::milliseconds(100 * (random % (size * 9 / 10)));
    search.since = *search.until - std::chrono::hours(1);
    const auto rows = reader.Find(search);
    return rows && !rows->empty();
  });
  std::vector<Rate> rates;
  for (std::uint64_t round = 0; round < 3; ++round) rates.push_back(Issue(house, seconds, round));
  std::ranges::sort(rates, {}, &Rate::per_second);
  std::printf(
      R"({"size": %llu, "compact": %s, "per_second": %.0f, "cpu_us": %.0f, "inclusion_ms": %.4f, )"
      R"("consistency_ms": %.4f, "san_ms": %.4f, "issuer_ms": %.4f, "subject_ms": %.4f, )"
      R"("serial_ms": %.4f, "request_id_ms": %.4f, "time_ms": %.4f, "start_ms": %.0f, )"
      R"("octets_each": %.0f, "fill_seconds": %.0f})"
      "\n",
      static_cast<unsigned long long>(size), compact ? "true" : "false", rates[1].per_second,
      rates[1].cpu_us, inclusion, consistency, san, issuer, subject, serial, request, time,
      starts[1], static_cast<double>(octets) / static_cast<double>(size), fill);
  house.Close();
  std::filesystem::remove_all(house.config.state);
  return 0;
}
