// `ci-issuer-metadata`: what each CI provider's claims become, as templates compiled at load.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "oidc/issuers.h"
#include "schema/base/document.h"

namespace oidc {

class CiMetadata {
 public:
  // `node` is the section, or nullptr when the file has none; it must outlive this. Each entry is
  // compiled, so that a fault is told even when no issuer names it yet. Keys that are ignored
  // (Rules::lenient_keys) go to `warnings`.
  static CiMetadata Read(const schema::Node* node, const Rules& rules,
                         std::vector<schema::Error>& problems, std::vector<std::string>& warnings);

  // The provider of that name, with an issuer's own `default-template-values` (nullptr: none) in
  // front of the entry's. kBadSetting, kBadTemplate: what is wrong with either.
  schema::Result<std::shared_ptr<const CiProvider>> Provide(const std::string& name,
                                                            const schema::Node* constants) const;

  bool Has(const std::string& name) const { return entries_.contains(name); }
  // " a b c", for messages.
  std::string Names() const;

 private:
  struct Entry {
    const schema::Node* node;
    schema::Result<std::shared_ptr<const CiProvider>> plain;  // without an issuer's constants
  };
  Rules rules_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace oidc
