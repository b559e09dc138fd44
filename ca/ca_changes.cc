#include "ca/ca_changes.h"

#include <algorithm>

namespace ca {

using schema::CaState;
using schema::Error;
using schema::Result;

namespace {

using Told = std::vector<IssuingCaRow>;

const IssuingCaRow* Find(const Told& told, const IssuingCa& ca) {
  const auto found = std::ranges::find(told, ca.chain.key_hash, &IssuingCaRow::key_hash);
  return found == told.end() ? nullptr : &*found;
}

bool Is(const IssuingCaRow* row, CaState state) {
  return row != nullptr && row->state == schema::CaStateName(state);
}

IssuingCaRow RowOf(const IssuingCa& ca) {
  return {ca.chain.key_hash, ca.terms.name, std::string(schema::CaStateName(ca.terms.state)),
          ca.chain.certificates};
}

schema::Json Event(const char* type, const IssuingCa& ca) {
  return {{"type", type},
          {"ca", ca.terms.name},
          {"certificate_sha256", schema::Hex(schema::Sha256(ca.chain.certificates[0].view()))},
          {"issuing_key_sha256", schema::Hex(ca.chain.key_hash)}};
}

schema::Outcome NothingForgotten(const IssuingCas& cas, const Told& told) {
  for (const IssuingCaRow& row : told) {
    const IssuingCa* ca = cas.Find(row.key_hash);
    if (ca == nullptr) {
      return Error{&kBadRotation, "CA " + row.name +
                                      " is missing, and clients verify its certificates; put it "
                                      "back, retired if it is over"};
    }
    if (Is(&row, CaState::kRetired) && ca->terms.state != CaState::kRetired) {
      return Error{&kBadRotation, "CA " + row.name + " was retired and cannot come back"};
    }
  }
  return schema::Ok();
}

}  // namespace

Result<std::vector<CaChange>> ChangesTo(const IssuingCas& cas, const Told& told) {
  TRY(NothingForgotten(cas, told));
  std::vector<CaChange> changes;
  for (const auto& ca : cas.all()) {
    if (ca->terms.state == CaState::kPrepared && Find(told, *ca) == nullptr) {
      changes.push_back({{}, Event("ca-prepared", *ca), {RowOf(*ca)}});
    }
  }
  const IssuingCa& active = cas.active();
  if (!Is(Find(told, active), CaState::kActive)) {
    schema::Json event = Event("ca-activated", active);
    std::vector<IssuingCaRow> rows = {RowOf(active)};
    for (const auto& ca : cas.all()) {
      if (!Is(Find(told, *ca), CaState::kActive)) continue;
      event["before"] = ca->terms.name;
      // Retired already or not: that is told behind this.
      rows.push_back(RowOf(*ca));
      rows.back().state = schema::CaStateName(CaState::kReplaced);
    }
    if (!active.terms.reason.empty()) event["reason"] = active.terms.reason;
    changes.push_back(
        {{.ca = schema::Hex(active.chain.key_hash)}, std::move(event), std::move(rows)});
  }
  for (const auto& ca : cas.all()) {
    if (ca->terms.state == CaState::kRetired && !Is(Find(told, *ca), CaState::kRetired)) {
      changes.push_back({{}, Event("ca-retired", *ca), {RowOf(*ca)}});
    }
  }
  return changes;
}

}  // namespace ca
