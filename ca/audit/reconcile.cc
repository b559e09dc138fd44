#include "ca/audit/reconcile.h"

#include <algorithm>
#include <utility>

namespace ca::audit {

namespace {

constexpr std::chrono::hours kGrace{1};
constexpr std::size_t kSerialDigits = 16;  // of 8 octets

std::uint64_t FirstOctets(const std::string& hex) {
  std::uint64_t value = 0;
  for (const char c : std::string_view(hex).substr(0, kSerialDigits)) {
    value = value << 4 | static_cast<std::uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return value;
}

// An event has all 20 octets of a serial, a certificate its magnitude.
std::string_view Magnitude(std::string_view hex) {
  while (hex.starts_with("00")) hex.remove_prefix(2);
  return hex;
}

}  // namespace

Reconciler::Reconciler(std::uint64_t size, NextEntry next, Findings& findings, NameOf name_of)
    : size_(size),
      next_entry_(std::move(next)),
      findings_(findings),
      name_of_(std::move(name_of)) {}

void Reconciler::Event(const std::string& where, const EventFacts& event) {
  if (event.time < time_) findings_.Add("time-falls", where, event.time);
  time_ = event.time;
  const bool of_entry = event.leaf_index || event.elsewhere;
  if (of_entry &&
      (event.type == "granted" || event.type == "issued" || event.type == "unfinished")) {
    if (event.type == "granted") ++granted_in_run_;
    if (event.type == "issued") ++issued_in_run_;
    if (event.elsewhere) {
      ++counts_.others;
    } else if (*event.leaf_index >= size_) {
      ++counts_.beyond;
    } else if (event.type == "granted") {
      Granted(where, event);
    } else {
      Ended(where, event);
    }
    return;
  }
  ++counts_.others;
  if (event.type == "policy-loaded") policy_ = event.policy_digest;
  if (event.type == "issuers-loaded") issuers_ = event.issuers_digest;
  if (event.type == "started") granted_in_run_ = issued_in_run_ = issued_counted_ = 0;
  if (event.type == "signatures-counted") Counted(where, event);
  if (event.type == "signature-excess") {
    findings_.Add("signature-count", where,
                  std::to_string(event.excess) + " signatures of purpose " + event.purpose +
                      " more than were asked for");
  }
}

EntryFacts Reconciler::Take() {
  ++next_;
  EntryFacts facts = next_entry_();
  if (!facts.serial.empty()) serials_.push_back(FirstOctets(facts.serial));
  return facts;
}

void Reconciler::Granted(const std::string& where, const EventFacts& event) {
  const std::uint64_t leaf = *event.leaf_index;
  if (leaf < next_) return findings_.Add("granted-twice", where, name_of_(leaf));
  while (next_ < leaf) {
    findings_.Add("granted-missing", name_of_(next_), "before " + where);
    Take();
  }
  const EntryFacts facts = Take();
  ++counts_.granted;
  const std::pair<const char*, bool> same[] = {
      {"serial", Magnitude(event.serial) == facts.serial},
      {"TBS", event.tbs_sha256 == schema::Hex(facts.tbs_sha256)},
      {"issuing key", event.issuing_key_sha256 == schema::Hex(facts.issuer_key_hash)},
  };
  for (const auto& [part, good] : same) {
    if (!good) findings_.Add("granted-differs", where, part + (" of " + name_of_(leaf)));
  }
  if (event.policy_digest != policy_) {
    findings_.Add("policy-differs", where, "policy " + event.policy_digest);
  }
  if (event.issuers_digest != issuers_) {
    findings_.Add("policy-differs", where, "issuers " + event.issuers_digest);
  }
  open_.emplace(leaf, Open{facts.certificate_sha256, facts.not_after});
}

void Reconciler::Ended(const std::string& where, const EventFacts& event) {
  const std::uint64_t leaf = *event.leaf_index;
  const auto found = open_.find(leaf);
  if (found == open_.end()) {
    return findings_.Add(
        "issued-twice", where,
        leaf < next_ ? name_of_(leaf) : name_of_(leaf) + " was not granted before");
  }
  Open& entry = found->second;
  if (event.type == "unfinished") {
    entry.unfinished = true;
    return;
  }
  ++counts_.issued;
  if (!entry.certificate_sha256) {
    findings_.Add("certificate-missing", name_of_(leaf), "issued by " + where);
  } else if (event.certificate_sha256 != schema::Hex(*entry.certificate_sha256)) {
    findings_.Add("issued-differs", where, name_of_(leaf));
  }
  open_.erase(found);
}

// What was granted when the counts were read is at most what was granted before the event, and what
// was issued before the last such event had been signed. What was issued before the final one had
// been signed too: nobody signs any more. `lost` gives no leave: it is what the signers did not say
// that they made.
void Reconciler::Counted(const std::string& where, const EventFacts& event) {
  ++counts_.signature_counts;
  const auto more = [&](std::uint64_t left, const std::string& what, std::uint64_t right,
                        const std::string& than) {
    if (left <= right) return;
    findings_.Add("signature-count", where,
                  std::to_string(left) + ' ' + what + ", " + std::to_string(right) + ' ' + than);
  };
  const std::string signed_text = "signatures of purpose " + event.purpose;
  more(event.made, signed_text, event.asked, "asked for");
  if (event.purpose != "certificate") return;
  more(event.entered, "entries given to be signed", granted_in_run_, "granted");
  more(event.made, signed_text, granted_in_run_ + event.retried + event.again,
       "granted, retried or asked for again");
  more(event.final ? issued_in_run_ : issued_counted_, "certificates issued",
       event.made + event.lost, "signed");
  issued_counted_ = issued_in_run_;
}

void Reconciler::Finish() {
  while (next_ < size_) {
    findings_.Add("granted-missing", name_of_(next_), "no event of it");
    Take();
  }
  for (const auto& [leaf, entry] : open_) {
    if (entry.unfinished) {
      ++counts_.unknown;
    } else if (schema::Rfc3339(entry.not_after + kGrace) < time_) {
      findings_.Add("outcome-missing", name_of_(leaf), "neither issued nor unfinished");
    } else {
      ++counts_.open;
    }
  }
  FindTwins();
}

// Of 64 random bits: among ten million entries two that agree by chance are one in 300,000.
void Reconciler::FindTwins() {
  std::ranges::sort(serials_);
  for (auto twin = std::ranges::adjacent_find(serials_); twin != serials_.end();
       twin = std::ranges::adjacent_find(twin + 1, serials_.end())) {
    findings_.Add("serial-twice", "certificates",
                  "serials that start with the octets of " + std::to_string(*twin));
  }
}

}  // namespace ca::audit
