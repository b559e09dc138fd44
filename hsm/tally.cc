#include "hsm/tally.h"

namespace hsm {

namespace {

constexpr std::array<std::string_view, kSigningPurposes> kNames = {
    "probe",     "certificate",       "precertificate", "sct",
    "tree-head", "certificates-note", "events-note",    "timestamp"};

}  // namespace

std::optional<std::size_t> PlaceOf(Purpose purpose) {
  const auto number = static_cast<std::size_t>(purpose);
  if (number < 1 || number > kSigningPurposes) return std::nullopt;
  return number - 1;
}

std::string_view PurposeName(Purpose purpose) {
  const auto place = PlaceOf(purpose);
  return place ? kNames[*place] : "none";
}

void Tally::Sent(Purpose purpose, bool again) {
  const auto place = PlaceOf(purpose);
  if (!place) return;
  ++counters_[*place].asked;
  if (again) ++counters_[*place].again;
}

void Tally::Lost(Purpose purpose) {
  if (const auto place = PlaceOf(purpose)) ++counters_[*place].lost;
}

void Tally::Made(std::size_t place, std::uint64_t count, std::uint64_t excess) {
  counters_[place].made += count;
  counters_[place].excess += excess;
}

std::array<SignatureCount, kSigningPurposes> Tally::Counts() const {
  std::array<SignatureCount, kSigningPurposes> counts;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const Counter& counter = counters_[i];
    counts[i].purpose = static_cast<Purpose>(i + 1);
    // What is read first may only be too small against what is read after it.
    counts[i].excess = counter.excess;
    counts[i].made = counter.made;
    counts[i].lost = counter.lost;
    counts[i].again = counter.again;
    counts[i].asked = counter.asked;
  }
  return counts;
}

RunCounts::Verdict RunCounts::Take(const MadeCounts& told, std::optional<Purpose> answered,
                                   Tally& tally) {
  MadeCounts expected = known_;
  if (answered) {
    if (const auto place = PlaceOf(*answered)) ++expected[*place];
  }
  for (std::size_t i = 0; i < told.size(); ++i) {
    if (told[i] < expected[i]) return Verdict::kContradict;
  }
  for (std::size_t i = 0; i < told.size(); ++i) {
    tally.Made(i, told[i] - known_[i], told[i] - expected[i]);
  }
  known_ = told;
  return told == expected ? Verdict::kAgree : Verdict::kExcess;
}

}  // namespace hsm
