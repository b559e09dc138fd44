// The keys that a plan names, opened one at a time: finding a token's slot closes the sessions of
// all others (hsm/cabinet.h).
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "ca/ceremony/plan.h"
#include "ca/ceremony/rehearsal.h"
#include "hsm/cabinet.h"
#include "hsm/key.h"
#include "schema/base/json.h"

namespace ca::ceremony {

class Keys {
 public:
  // Sets the plan's module-env, or with `rehearsal` uses its tokens. Both outlive this object.
  // `state`: where a refused PIN is remembered.
  Keys(const Plan& plan, Rehearsal* rehearsal, std::filesystem::path state);

  // Makes the key, or opens it, and proves it with a signature. Members of a `key` entry
  // (record.h). hsm's errors: kKeyUnusable, kPinRefused.
  schema::Result<schema::Json> Make(std::string_view name);
  schema::Result<schema::Json> Open(std::string_view name);
  // ECDSA-Sig-Value over SHA-256 of `message`.
  schema::Result<schema::Signature> Sign(std::string_view name, schema::BytesView message);

 private:
  struct Place;
  schema::Result<Place> PlaceOf(std::string_view name);
  schema::Result<std::unique_ptr<hsm::SigningKey>> OpenAt(const Place& place);
  schema::Result<schema::Json> Describe(const Place& place, bool made);

  const Plan& plan_;
  Rehearsal* rehearsal_;
  hsm::Cabinet cabinet_;
};

}  // namespace ca::ceremony
