#include "ca/log/pending.h"

namespace ca {

using schema::CertDer;
using schema::Steady;

void Pending::Enter(std::vector<Entry> entries, std::uint64_t size, schema::TimeMs time) {
  std::lock_guard lock(mutex_);
  Add(std::move(entries), entered_);
  size_ = size;
  time_ = time;
}

void Pending::TakeUp(std::vector<Entry> entries, std::uint64_t size, schema::TimeMs time) {
  std::lock_guard lock(mutex_);
  Add(std::move(entries), finished_);
  size_ = size;
  time_ = time;
}

void Pending::Add(std::vector<Entry> entries, std::deque<std::uint64_t>& queue) {
  const auto now = Steady::now();
  for (Entry& entry : entries) {
    Item item;
    item.tbs = std::move(entry.tbs);
    item.since = now;
    item.certificate_stored = entry.certificate.has_value();
    item.certificate = std::move(entry.certificate);
    unsigned_.insert(unsigned_.end(), entry.index);
    queue.push_back(entry.index);
    items_.insert_or_assign(items_.end(), entry.index, std::move(item));
  }
}

void Pending::SetSct(std::uint64_t index, const schema::Sct& sct) {
  std::lock_guard lock(mutex_);
  const auto it = items_.find(index);
  if (it != items_.end() && !it->second.sct) it->second.sct = sct;
}

std::optional<Pending::Known> Pending::Find(std::uint64_t index) const {
  std::lock_guard lock(mutex_);
  const auto it = items_.find(index);
  if (it == items_.end()) return std::nullopt;
  return Known{it->second.tbs, it->second.sct, it->second.certificate};
}

std::optional<CertDer> Pending::Finish(std::uint64_t index, const CertDer& certificate,
                                       const EventText& issued) {
  std::lock_guard lock(mutex_);
  const auto it = items_.find(index);
  if (it == items_.end()) return std::nullopt;
  Item& item = it->second;
  if (!item.certificate) {
    item.certificate = certificate;
    item.issued = issued;
    if (!item.taken) finished_.push_back(index);
  }
  return item.certificate;
}

void Pending::FinishLate(std::uint64_t index, const CertDer& certificate, const EventText& issued) {
  std::lock_guard lock(mutex_);
  Item item;
  item.since = Steady::now();
  item.certificate = certificate;
  item.issued = issued;
  item.precertificate_stored = true;
  if (items_.try_emplace(index, std::move(item)).second) finished_.push_back(index);
}

std::optional<Pending::Work> Pending::TakeOne(std::uint64_t index) {
  const auto it = items_.find(index);
  if (it == items_.end() || it->second.taken) return std::nullopt;
  Item& item = it->second;
  Work work{index, {}, std::nullopt, std::nullopt};
  if (!item.precertificate_stored) work.tbs = item.tbs;
  if (item.certificate && !item.certificate_stored) {
    work.certificate = item.certificate;
    work.issued = item.issued;
  }
  if (work.tbs.empty() && !work.certificate) return std::nullopt;
  item.taken = true;
  return work;
}

std::vector<Pending::Work> Pending::Take(std::size_t count_max, Steady::time_point now) {
  std::vector<Work> works;
  std::lock_guard lock(mutex_);
  while (works.size() < count_max && !finished_.empty()) {
    if (auto work = TakeOne(finished_.front())) works.push_back(*std::move(work));
    finished_.pop_front();
  }
  while (works.size() < count_max && !entered_.empty()) {
    const auto it = items_.find(entered_.front());
    if (it != items_.end() && !it->second.taken && now - it->second.since < kGrace) break;
    if (auto work = TakeOne(entered_.front())) works.push_back(*std::move(work));
    entered_.pop_front();
  }
  return works;
}

void Pending::PutBack(const std::vector<Work>& works) {
  std::lock_guard lock(mutex_);
  for (auto work = works.rbegin(); work != works.rend(); ++work) {
    const auto it = items_.find(work->index);
    if (it == items_.end()) continue;
    it->second.taken = false;
    finished_.push_front(work->index);
  }
}

void Pending::Stored(std::uint64_t index, bool certificate, bool precertificate) {
  std::lock_guard lock(mutex_);
  const auto it = items_.find(index);
  if (it == items_.end()) return;
  Item& item = it->second;
  item.taken = false;
  item.certificate_stored |= certificate;
  if (precertificate) {
    item.precertificate_stored = true;
    unsigned_.erase(index);
  }
  const bool certificate_open = item.certificate && !item.certificate_stored;
  if (item.precertificate_stored && !certificate_open) {
    items_.erase(it);
  } else {
    finished_.push_back(index);
  }
}

Pending::Covered Pending::Cover() const {
  std::lock_guard lock(mutex_);
  return {unsigned_.empty() ? size_ : *unsigned_.begin(), time_};
}

std::size_t Pending::Waiting() const {
  std::lock_guard lock(mutex_);
  return unsigned_.size();
}

std::optional<Steady::time_point> Pending::OldestSince() const {
  std::lock_guard lock(mutex_);
  if (unsigned_.empty()) return std::nullopt;
  return items_.at(*unsigned_.begin()).since;
}

bool Pending::Holds(std::uint64_t index) const {
  std::lock_guard lock(mutex_);
  const auto it = items_.find(index);
  return it != items_.end() && it->second.certificate.has_value();
}

}  // namespace ca
