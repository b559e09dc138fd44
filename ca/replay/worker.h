// One thread's part of a replay: counts and groups of the events it was given. Inside ca.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <unordered_map>

#include "ca/policy_diff.h"
#include "ca/replay/judge.h"
#include "ca/replay/scan.h"

namespace ca {

// Claims that any condition of the policies reads, sorted.
std::vector<std::string> ClaimsRead(const Policy& a, const Policy& b);

class ReplayWorker {
 public:
  ReplayWorker(const DiffRun& run, const std::vector<std::string>& claims);

  void Take(std::string_view event);
  // Adds this part to the whole.
  void AddTo(DiffReport* whole) const;

 private:
  // What the policies say of one combination of what they read.
  struct Answer {
    bool undecided = false;
    bool differs = false;
    Change change = Change::kOtherRule;
    std::string before, after;
    std::vector<std::string> missing;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  using GroupKey = std::tuple<Change, std::string, std::string, std::string, std::string>;

  bool ScanEvent(std::string_view event);
  const Answer* AnswerTo();  // the current slices; nullptr when they cannot be read
  bool ReadLogged(Logged* out) const;
  Answer Compare(const Logged& logged) const;
  void Count(const Answer& answer, bool certificate);

  const DiffRun& run_;
  const std::vector<std::string>& claims_;
  const EventScanner scanner_;
  EventSlices slices_;
  std::string canonical_;  // the event rewritten, when it is not in our log's form
  std::string key_;        // of answers_, reused
  std::unordered_map<std::string, Answer, TextHash, std::equal_to<>> answers_;
  std::map<GroupKey, DiffGroup> groups_;
  DiffReport part_;
};

}  // namespace ca
