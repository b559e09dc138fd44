// Two SoftHSM tokens that hold the same keys, as devices do that were cloned by their backup: each
// behind a faulty module of its own.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "tests/hsm/rig.h"

namespace tests {

struct TwinOptions {
  int sessions = 1;             // of each
  std::string left{}, right{};  // further members of their entries, ", weight: 3"
  bool log_key_too = false;     // else a file
  std::string sign_deadline = "2s";
};

// "left" is the token "chancery", "right" is its copy "chancerb".
class Twins {
 public:
  explicit Twins(const TwinOptions& options = {});
  void Ask(std::string_view twin, std::string_view fault, std::string_view argument = "") const;
  void Unask(std::string_view twin, std::string_view fault) const;
  // Takes the token of a twin away, and brings it back.
  void Remove(std::string_view twin) const;
  void Restore(std::string_view twin) const;
  // Makes another key, while no custody runs; and gives it to the right twin, which is away, under
  // the name of its own.
  void MakeStranger() const;
  void RestoreEstranged() const;
  std::filesystem::path Tokens(std::string_view twin) const;  // directory of its token
  const support::HsmState& state() const { return state_; }
  schema::Config Load() const { return state_.Load(); }
  // Of a token by its name in a state of a custody; of the issuing role.
  static hsm::CustodyState::Token Of(const hsm::Custody& custody, std::string_view twin);

 private:
  std::string Entries(std::string_view label, const TwinOptions& options) const;

  support::HsmState state_;
};

}  // namespace tests
