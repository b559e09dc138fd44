// How a DiffReport is written.
#include <algorithm>

#include "ca/policy_diff.h"
#include "ca/table.h"
#include "ca/text.h"

namespace ca {
namespace {

using schema::Json;

constexpr std::size_t kListedText = 10;

struct Heading {
  Change change;
  const char* title;
  const char* name;
};
constexpr Heading kHeadings[] = {
    {Change::kNowRefused, "WOULD NOW BE REFUSED", "now-refused"},
    {Change::kNowPasses, "WOULD NOW PASS", "now-passes"},
    {Change::kOtherRule, "SAME ANSWER, ANOTHER RULE", "other-rule"},
};

std::string Sum(const DiffReport& report, Change change) {
  std::uint64_t events = 0;
  std::uint64_t certificates = 0;
  for (const DiffGroup& group : report.groups) {
    if (group.change != change) continue;
    events += group.events;
    certificates += group.certificates;
  }
  return std::to_string(events) + " (" + std::to_string(certificates) + " certificates issued, " +
         std::to_string(events - certificates) + " refused then)";
}

void AddChange(const DiffReport& report, const Heading& heading, std::size_t rows_max,
               std::string* out) {
  std::vector<table::Row> rows = {
      {{"  EVENTS"}, {"CERTIFICATES"}, {"OLD"}, {"NEW"}, {"LAST"}, {"ISSUER"}, {"SUBJECT"}}};
  std::size_t left_out = 0;
  for (const DiffGroup& group : report.groups) {
    if (group.change != heading.change) continue;
    if (rows.size() > rows_max) {
      ++left_out;
      continue;
    }
    rows.push_back({{"  " + std::to_string(group.events)},
                    {std::to_string(group.certificates)},
                    {group.before},
                    {group.after},
                    {group.last},
                    {group.issuer},
                    {group.subject}});
  }
  if (rows.size() == 1) return;
  *out += std::string("\n") + heading.title + ": " + Sum(report, heading.change) + "\n";
  *out += table::Print(std::move(rows));
  if (left_out > 0)
    *out += "  and " + std::to_string(left_out) + " more rows: --rows, or --format json\n";
}

void AddUndecided(const DiffReport& report, std::string* out) {
  if (report.undecided == 0) return;
  *out += "\nUNDECIDABLE: " + std::to_string(report.undecided) +
          " events, because the log does not hold";
  const char* between = " ";
  for (const auto& [claim, events] : report.missing) {
    *out += between + Plain(claim) + " (" + std::to_string(events) + ")";
    between = ", ";
  }
  *out += "\n";
  const std::size_t shown = std::min(report.listed.size(), kListedText);
  for (std::size_t i = 0; i < shown; ++i) {
    *out += "  " + Plain(report.listed[i].time) + " request " + Plain(report.listed[i].request_id) +
            "\n";
  }
  if (report.undecided > shown) {
    *out += "  and " + std::to_string(report.undecided - shown) + " more\n";
  }
}

}  // namespace

std::string DiffText(const DiffReport& report, std::size_t rows) {
  std::string out = std::to_string(report.events) + " events";
  if (!report.first.empty()) out += " from " + Plain(report.first) + " to " + Plain(report.last);
  out += ": " + std::to_string(report.certificates) + " certificates and " +
         std::to_string(report.refusals) + " refusals judged; " + std::to_string(report.not_asked) +
         " were refused before the policy was asked, " + std::to_string(report.other) +
         " are of other types, " + std::to_string(report.unreadable) + " unreadable\n";
  for (const Heading& heading : kHeadings) AddChange(report, heading, rows, &out);
  AddUndecided(report, &out);
  if (!report.Differs()) out += "no difference\n";
  return out;
}

Json DiffJson(const DiffReport& report) {
  Json groups = Json::array();
  for (const DiffGroup& group : report.groups) {
    const auto* const heading = std::ranges::find(kHeadings, group.change, &Heading::change);
    groups.push_back({{"change", heading->name},
                      {"old", group.before},
                      {"new", group.after},
                      {"issuer", group.issuer},
                      {"subject", group.subject},
                      {"events", group.events},
                      {"certificates", group.certificates},
                      {"last", group.last}});
  }
  Json listed = Json::array();
  for (const Undecided& one : report.listed) {
    listed.push_back(
        {{"request_id", one.request_id}, {"time", one.time}, {"missing", one.missing}});
  }
  return {{"events", report.events},
          {"certificates", report.certificates},
          {"refusals", report.refusals},
          {"not_asked", report.not_asked},
          {"other", report.other},
          {"unreadable", report.unreadable},
          {"first", report.first},
          {"last", report.last},
          {"groups", std::move(groups)},
          {"undecidable",
           {{"events", report.undecided},
            {"missing_claims", report.missing},
            {"listed", std::move(listed)}}}};
}

}  // namespace ca
