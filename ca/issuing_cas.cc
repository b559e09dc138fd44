#include "ca/issuing_cas.h"

#include <algorithm>

#include "ca/pem.h"
#include "ca/tbs_parts.h"
#include "schema/base/file.h"

namespace ca {

using schema::CaState;
using schema::Error;
using schema::Outcome;
using schema::Result;

const schema::ErrorKind kBadRotation = {"bad-rotation", schema::Fault::kUs,
                                        "the issuing CAs of ca.rotation cannot live side by side"};

namespace {

Error Unfit(const std::string& name, const std::string& why) {
  return Error{&kBadRotation, "CA " + name + ": " + why};
}

// A retired chain may be over: what counts is that it was good.
schema::Time CheckedAt(const schema::RotationCa& ca, schema::Time now) {
  switch (ca.state) {
    case CaState::kPrepared:
    case CaState::kActive:
      return now;
    case CaState::kReplaced:
    case CaState::kRetired:
      if (ca.replaced) return *ca.replaced;
      return ca.prepared.value_or(now);
  }
  MUST(false);
}

std::optional<schema::Time> EndOf(const schema::RotationCa& ca, std::chrono::seconds lifetime) {
  if (ca.state != CaState::kRetired) return std::nullopt;
  // Nothing was signed after it had been replaced, but for what was under way.
  return std::max(*ca.retired, ca.replaced.value_or(*ca.retired) + lifetime);
}

Result<NextShard> LoadNextShard(const schema::Config& config, const schema::NextShard& terms) {
  const auto unfit = [&terms](const std::string& why) {
    return Error{&kBadRotation, "next-shard: " + terms.key + ": " + why};
  };
  const auto pem = schema::ReadFile(config.Resolve(terms.key));
  if (!pem) return unfit(pem.error().detail);
  auto blocks = ParsePem(*pem, 1);
  if (!blocks) return unfit(blocks.error().detail);
  if (blocks->front().label != "PUBLIC KEY") return unfit("wanted a PUBLIC KEY");
  schema::SpkiDer key(std::move(blocks->front().der));
  if (!IssuerKey::Load(key)) return unfit("wanted an ECDSA P-256 key");
  return NextShard{terms, std::move(key)};
}

}  // namespace

Outcome IssuingCas::Add(IssuingCa ca) {
  const std::string& name = ca.terms.name;
  for (const auto& other : all_) {
    const std::string& their = other->terms.name;
    if (other->chain.key_hash == ca.chain.key_hash) {
      return Unfit(name, "it has the key of CA " + their + "; a new CA needs a new key");
    }
    if (other->chain.key_id == ca.chain.key_id) {
      return Unfit(name, "it has the SubjectKeyIdentifier of CA " + their);
    }
    if (other->chain.subject == ca.chain.subject) {
      return Unfit(name, "it has the subject of CA " + their +
                             "; certificates name their issuer by it: make it another, by a year "
                             "for instance");
    }
  }
  all_.push_back(std::make_shared<const IssuingCa>(std::move(ca)));
  if (all_.back()->terms.state == CaState::kActive) active_ = all_.back();
  return schema::Ok();
}

Result<IssuingCas> IssuingCas::Load(const schema::Config& config, const schema::Rotation& rotation,
                                    schema::Time now) {
  IssuingCas cas;
  for (const schema::RotationCa& terms : rotation.cas) {
    const auto pem = schema::ReadFile(config.Resolve(terms.chain));
    if (!pem) return Unfit(terms.name, "its chain: " + pem.error().detail);
    auto chain = LoadChain(*pem, CheckedAt(terms, now));
    if (!chain) return Unfit(terms.name, terms.chain + ": " + chain.error().detail);
    TRY(IssuerKey key, IssuerKey::Load(chain->spki));
    TRY(cas.Add({terms, *std::move(chain), std::move(key), EndOf(terms, config.ca.lifetime)}));
  }
  if (rotation.next_shard) {
    TRY(cas.next_shard_, LoadNextShard(config, *rotation.next_shard));
  }
  return cas;
}

Result<IssuingCas> IssuingCas::Of(Chain chain) {
  TRY(IssuerKey key, IssuerKey::Load(chain.spki));
  IssuingCas cas;
  schema::RotationCa terms;
  terms.name = schema::kFirstCa;
  TRY(cas.Add({std::move(terms), std::move(chain), std::move(key), std::nullopt}));
  return cas;
}

const IssuingCa* IssuingCas::Find(const schema::Hash& key_hash) const {
  const auto found =
      std::ranges::find_if(all_, [&](const auto& ca) { return ca->chain.key_hash == key_hash; });
  return found == all_.end() ? nullptr : found->get();
}

std::shared_ptr<const IssuingCa> IssuingCas::IssuerOf(schema::BytesView tbs) const {
  const auto parts = CutTbs(tbs);
  if (!parts) return nullptr;
  const auto found = std::ranges::find_if(
      all_, [&](const auto& ca) { return schema::Equal(ca->chain.subject.view(), parts->issuer); });
  return found == all_.end() ? nullptr : *found;
}

}  // namespace ca
