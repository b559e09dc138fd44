#include "ca/replay/worker.h"

#include <algorithm>
#include <set>

#include "schema/base/limits.h"

namespace ca {

using schema::Json;

namespace {

// Policies that read a claim with many values (a commit, a run) would fill memory otherwise.
constexpr std::size_t kAnswers = 1 << 16;

constexpr std::string_view kRedacted = "\"(redacted)\"";
constexpr std::string_view kCut = "…\"";     // events.cc cuts a claim's text at 1 KiB
constexpr std::size_t kCutBytes = 1024 - 4;  // less is a text that ends so by itself

std::string TextOf(std::string_view raw) {
  if (raw.size() < 2 || raw.front() != '"') return std::string(raw);
  if (raw.find('\\') == std::string_view::npos) return std::string(raw.substr(1, raw.size() - 2));
  const auto text = schema::ParseJson(raw, {.bytes = schema::limits::kEventBytes});
  return text && text->is_string() ? text->get<std::string>() : std::string(raw);
}

bool IsHidden(std::string_view raw) {
  return raw == kRedacted || (raw.size() > kCutBytes && raw.ends_with(kCut));
}

// The log writes arrays and objects as JSON in a string.
Json Restored(Json value) {
  if (!value.is_string()) return value;
  const std::string& text = value.get_ref<const std::string&>();
  if (!text.starts_with('[') && !text.starts_with('{')) return value;
  auto inner = schema::ParseJson(text, {.bytes = schema::limits::kEventBytes});
  return inner && inner->is_structured() ? *std::move(inner) : value;
}

}  // namespace

std::vector<std::string> ClaimsRead(const Policy& a, const Policy& b) {
  std::set<std::string> names;
  for (const Policy* policy : {&a, &b}) {
    for (const std::vector<Rule>* rules : {&policy->deny(), &policy->allow()}) {
      for (const Rule& rule : *rules) {
        for (const Condition& condition : rule.when) names.insert(condition.claim());
        for (const Condition& condition : rule.grant.when) names.insert(condition.claim());
      }
    }
  }
  return {names.begin(), names.end()};
}

ReplayWorker::ReplayWorker(const DiffRun& run, const std::vector<std::string>& claims)
    : run_(run), claims_(claims), scanner_(claims) {}

bool ReplayWorker::ScanEvent(std::string_view event) {
  if (scanner_.Scan(event, &slices_)) return true;
  // Somebody else's writer: once more through the parser, in our own form.
  const auto parsed = schema::ParseJson(event, {.bytes = schema::limits::kEventBytes});
  if (!parsed || !parsed->is_object()) return false;
  canonical_.clear();
  schema::AppendJson(*parsed, canonical_);
  return scanner_.Scan(canonical_, &slices_);
}

void ReplayWorker::Take(std::string_view event) {
  ++part_.events;
  if (!ScanEvent(event)) {
    ++part_.unreadable;
    return;
  }
  const bool certificate = slices_.type == "\"granted\"";
  if (!certificate && slices_.type != "\"denied\"") {
    ++part_.other;
    return;
  }
  if (!certificate && slices_.rule.empty()) {
    ++part_.not_asked;
    return;
  }
  const Answer* answer = AnswerTo();
  if (answer == nullptr) {
    ++part_.unreadable;
    return;
  }
  Count(*answer, certificate);
}

const ReplayWorker::Answer* ReplayWorker::AnswerTo() {
  key_.assign(slices_.issuer);
  const auto add = [this](std::string_view raw) {
    key_ += '\n';  // never in a JSON value as our log writes it, nor in one that was scanned
    key_ += raw;
  };
  add(slices_.key_algorithm);
  add(slices_.more.empty() ? "" : "…");
  for (const std::string_view claim : slices_.claims) add(claim);
  if (const auto known = answers_.find(std::string_view(key_)); known != answers_.end()) {
    return &known->second;
  }
  Logged logged;
  if (!ReadLogged(&logged)) return nullptr;
  if (answers_.size() >= kAnswers) answers_.clear();
  return &answers_.emplace(key_, Compare(logged)).first->second;
}

bool ReplayWorker::ReadLogged(Logged* out) const {
  out->identity.issuer = TextOf(slices_.issuer);
  out->identity.claims = Json::object();
  out->key = TextOf(slices_.key_algorithm);
  out->more = !slices_.more.empty();
  if (out->identity.issuer.empty()) return false;
  for (std::size_t i = 0; i < claims_.size(); ++i) {
    const std::string_view raw = slices_.claims[i];
    if (raw.empty()) continue;
    if (IsHidden(raw)) {
      out->hidden.insert(claims_[i]);
      continue;
    }
    auto value = schema::ParseJson(raw, {.bytes = schema::limits::kEventBytes});
    if (!value) return false;
    out->identity.claims[claims_[i]] = Restored(*std::move(value));
  }
  return true;
}

ReplayWorker::Answer ReplayWorker::Compare(const Logged& logged) const {
  const Judgement before = Judge(run_.before, logged, run_.now);
  const Judgement after = Judge(run_.after, logged, run_.now);
  using Outcome = Judgement::Outcome;
  Answer answer;
  if (before.outcome == Outcome::kUnknown || after.outcome == Outcome::kUnknown) {
    answer.undecided = true;
    std::set<std::string> missing = before.missing;
    missing.insert(after.missing.begin(), after.missing.end());
    answer.missing.assign(missing.begin(), missing.end());
    return answer;
  }
  answer.differs = before.outcome != after.outcome || before.by != after.by;
  if (before.outcome != after.outcome) {
    answer.change = after.outcome == Outcome::kAllowed ? Change::kNowPasses : Change::kNowRefused;
  }
  answer.before = before.by;
  answer.after = after.by;
  return answer;
}

void ReplayWorker::Count(const Answer& answer, bool certificate) {
  ++(certificate ? part_.certificates : part_.refusals);
  const std::string_view time = slices_.time.size() > 2
                                    ? slices_.time.substr(1, slices_.time.size() - 2)
                                    : std::string_view();
  if (part_.first.empty() || time < part_.first) part_.first = time;
  if (time > part_.last) part_.last = time;
  if (answer.undecided) {
    ++part_.undecided;
    for (const std::string& claim : answer.missing) ++part_.missing[claim];
    if (part_.listed.size() < kDiffListed) {
      part_.listed.push_back({TextOf(slices_.request_id), std::string(time), answer.missing});
    }
    return;
  }
  if (!answer.differs) return;
  std::string subject;
  if (answer.change != Change::kOtherRule) {
    subject = groups_.size() < kDiffGroups ? TextOf(slices_.subject) : kMoreIdentities;
  }
  GroupKey key{answer.change, answer.before, answer.after, TextOf(slices_.issuer),
               std::move(subject)};
  DiffGroup& group = groups_[key];
  ++group.events;
  if (certificate) ++group.certificates;
  if (time > group.last) group.last = time;
}

void ReplayWorker::AddTo(DiffReport* whole) const {
  whole->events += part_.events;
  whole->certificates += part_.certificates;
  whole->refusals += part_.refusals;
  whole->not_asked += part_.not_asked;
  whole->other += part_.other;
  whole->unreadable += part_.unreadable;
  whole->undecided += part_.undecided;
  if (!part_.first.empty() && (whole->first.empty() || part_.first < whole->first)) {
    whole->first = part_.first;
  }
  whole->last = std::max(whole->last, part_.last);
  whole->listed.insert(whole->listed.end(), part_.listed.begin(), part_.listed.end());
  for (const auto& [claim, events] : part_.missing) whole->missing[claim] += events;
  for (const auto& [key, group] : groups_) {
    DiffGroup out = group;
    std::tie(out.change, out.before, out.after, out.issuer, out.subject) = key;
    whole->groups.push_back(std::move(out));
  }
}

}  // namespace ca
