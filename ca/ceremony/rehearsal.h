// SoftHSM in the place of every token that a plan names, for as long as this object lives.
#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "hsm/cabinet.h"
#include "hsm/uri.h"
#include "schema/base/result.h"

namespace ca::ceremony {

inline constexpr const char* kSoftHsmModule = "/usr/lib/softhsm/libsofthsm2.so";

class Rehearsal {
 public:
  // A temporary directory with SoftHSM's settings, which the process's environment names from now
  // on: before any module is loaded. kFileUnwritable.
  static schema::Result<std::unique_ptr<Rehearsal>> Begin(std::filesystem::path module);
  Rehearsal(const Rehearsal&) = delete;
  Rehearsal& operator=(const Rehearsal&) = delete;
  ~Rehearsal();  // removes all of it

  // The same label and object in a token of ours, which is made when it is named for the first
  // time. kKeyUnusable.
  schema::Result<hsm::KeyUri> Move(hsm::KeyUri uri, hsm::Cabinet& cabinet);
  // Where a key file is, in a directory of ours.
  std::filesystem::path Move(const std::filesystem::path& file) const;

 private:
  explicit Rehearsal(std::filesystem::path module) : module_(std::move(module)) {}
  std::filesystem::path module_, directory_;
  std::set<std::string> tokens_;
};

}  // namespace ca::ceremony
