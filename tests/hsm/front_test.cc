// A compromised front: it owns the channel to a signer and may write what it likes. It gets no CA
// certificate, no long-lived one, none of another purpose or name, and no signature over bytes of
// its own choice. Each attempt is followed by an honest request, which is still signed.
#include <doctest/doctest.h>
#include <poll.h>

#include <functional>

#include "hsm/digest.h"
#include "schema/base/der.h"
#include "schema/extensions.h"
#include "schema/log/checkpoint.h"
#include "schema/log/leaf.h"
#include "schema/log/sct.h"
#include "tests/hsm/direct.h"
#include "tests/hsm/rig.h"

namespace {

using namespace std::chrono_literals;
using hsm::AnswerCode;
using hsm::Purpose;
using schema::Bytes;
using tests::Direct;
using tests::TbsSpec;
namespace der = schema::der;
namespace oid = schema::oid;

schema::Time Now() { return schema::ToSeconds(schema::SystemClock().Now()); }

// A certificate as it should be, and what the front changes in it.
struct Forgery {
  const char* name;
  std::function<void(TbsSpec&)> change;
  bool of_any_kind = true;  // refused of a precertificate too
};

void Add(TbsSpec& t, const char* name, bool critical, const Bytes& value) {
  t.extensions.insert(t.extensions.begin() + tests::kArc1,
                      tests::Extension(der::OidContent(name), critical, value));
}

void Purposes(TbsSpec& t, std::initializer_list<const char*> names) {
  Bytes list;
  for (const char* name : names) {
    const Bytes one = tests::Wrap(der::kOid, der::OidContent(name));
    list.insert(list.end(), one.begin(), one.end());
  }
  t.extensions[tests::kPurposes] =
      tests::Extension(oid::kExtendedKeyUsage, false, tests::Wrap(der::kSequence, list));
}

void Valid(TbsSpec& t, std::chrono::seconds from, std::chrono::seconds length) {
  t.not_before = Now() + from;
  t.not_after = t.not_before + length;
}

constexpr const char* kCodeSigning = "1.3.6.1.5.5.7.3.3";
constexpr const char* kServerAuth = "1.3.6.1.5.5.7.3.1";
constexpr const char* kTimeStamping = "1.3.6.1.5.5.7.3.8";
constexpr const char* kOcspSigning = "1.3.6.1.5.5.7.3.9";
constexpr const char* kAnyPurpose = "2.5.29.37.0";

const Forgery kForgeries[] = {
    {"cA TRUE beside the honest extensions",
     [](TbsSpec& t) {
       Add(t, "2.5.29.19", true, {0x30, 0x03, 0x01, 0x01, 0xff});
     }},
    {"cA FALSE, which no certificate of ours says",
     [](TbsSpec& t) {
       Add(t, "2.5.29.19", true, {0x30, 0x00});
     }},
    {"keyCertSign alone",
     [](TbsSpec& t) {
       t.extensions[tests::kUsage] =
           tests::Extension(oid::kKeyUsage, true, Bytes{0x03, 0x02, 0x02, 0x04});
     }},
    {"keyCertSign beside digitalSignature",
     [](TbsSpec& t) {
       t.extensions[tests::kUsage] =
           tests::Extension(oid::kKeyUsage, true, Bytes{0x03, 0x02, 0x02, 0x84});
     }},
    {"serverAuth", [](TbsSpec& t) { Purposes(t, {kServerAuth}); }},
    {"codeSigning and serverAuth",
     [](TbsSpec& t) {
       Purposes(t, {kCodeSigning, kServerAuth});
     }},
    {"timeStamping", [](TbsSpec& t) { Purposes(t, {kTimeStamping}); }},
    {"OCSPSigning", [](TbsSpec& t) { Purposes(t, {kOcspSigning}); }},
    {"any purpose", [](TbsSpec& t) { Purposes(t, {kAnyPurpose}); }},
    {"no extended key usage",
     [](TbsSpec& t) { t.extensions.erase(t.extensions.begin() + tests::kPurposes); }},
    {"valid for ten years", [](TbsSpec& t) { Valid(t, -30s, std::chrono::years(10)); }},
    {"valid for a minute longer than configured", [](TbsSpec& t) { Valid(t, -30s, 630s + 60s); },
     false},
    {"valid from tomorrow", [](TbsSpec& t) { Valid(t, 24h, 600s); }},
    {"valid yesterday", [](TbsSpec& t) { Valid(t, -24h, 600s); }, false},
    {"valid from 1970 on", [](TbsSpec& t) { t.not_before = schema::Time{}; }},
    {"another issuer", [](TbsSpec& t) { t.issuer = tests::Wrap(der::kSequence, {}); }},
    {"a subject", [](TbsSpec& t) { t.subject = t.issuer; }},
    {"another authority key identifier",
     [](TbsSpec& t) {
       t.extensions[tests::kAki] =
           tests::Extension(oid::kAuthorityKeyId, false, Bytes{0x30, 0x03, 0x80, 0x01, 0x07});
     }},
    {"name constraints",
     [](TbsSpec& t) {
       Add(t, "2.5.29.30", true, {0x30, 0x06, 0xa0, 0x04, 0x30, 0x02, 0x82, 0x00});
     }},
    {"a critical extension that nobody knows",
     [](TbsSpec& t) {
       Add(t, "1.3.6.1.4.1.99999.1", true, {0x05, 0x00});
     }},
    {"an extension that nobody knows, not critical",
     [](TbsSpec& t) {
       Add(t, "1.3.6.1.4.1.99999.1", false, {0x05, 0x00});
     }},
    {"a policy of the web's",
     [](TbsSpec& t) {
       Add(t, "2.5.29.32", false, {0x30, 0x00});
     }},
    {"an unknown Fulcio arc",
     [](TbsSpec& t) {
       Add(t, "1.3.6.1.4.1.57264.1.99", false, {0x0c, 0x01, 'a'});
     }},
    {"a DNS name",
     [](TbsSpec& t) {
       t.extensions[tests::kSan] =
           tests::San({tests::Wrap(der::ContextPrimitive(2), tests::Text("bank.test"))});
     }},
    {"two names",
     [](TbsSpec& t) {
       const Bytes uri = tests::Wrap(der::ContextPrimitive(6), tests::Text("https://a.test"));
       t.extensions[tests::kSan] = tests::San({uri, uri});
     }},
    {"no SCT list: never logged", [](TbsSpec& t) { t.extensions.pop_back(); }},
    {"two SCT lists", [](TbsSpec& t) { t.extensions.push_back(tests::SctListExtension()); }},
    {"an SCT list of none",
     [](TbsSpec& t) {
       t.extensions[tests::kEnd] =
           tests::Extension(oid::kSctList, false, Bytes{0x04, 0x02, 0x00, 0x00});
     }},
    {"the poison in place of the SCT list",
     [](TbsSpec& t) { t.extensions[tests::kEnd] = tests::PoisonExtension(); }, false},
    {"the poison beside the SCT list",
     [](TbsSpec& t) {
       t.extensions.insert(t.extensions.begin() + tests::kEnd, tests::PoisonExtension());
     }},
    {"version 1",
     [](TbsSpec& t) {
       t.version = {0x02, 0x01, 0x00};
     }},
    {"another signature algorithm",
     [](TbsSpec& t) {
       t.algorithm = tests::Wrap(der::kSequence, tests::Wrap(der::kOid, oid::kEcdsaSha384));
     }},
    {"octets after the last field", [](TbsSpec& t) { t.after_extensions = Bytes(16, 0x41); }},
    {"an extension whose name is as long as a frame takes",
     [](TbsSpec& t) {
       t.extensions[0] = tests::Extension(Bytes(30 * 1024, 0x7f), true, Bytes{0x05, 0x00});
     }},
};

// One signer, what it refuses, and an honest request that it signs after each.
class Front {
 public:
  Front(std::string_view role, Purpose honest)
      : settings_(tests::SettingsOf(state_.Load())),
        signer_(state_, role),
        facts_(signer_.Hello().facts),
        honest_(honest) {}

  const hsm::GuardSettings& settings() const { return settings_; }
  Bytes Tbs(Purpose purpose) const { return tests::Build(Spec(purpose)); }
  TbsSpec Spec(Purpose purpose) const { return tests::SampleTbs(settings_, purpose, Now()); }
  Bytes Leaf(const Bytes& tbs, const schema::Hash& issuer_key_hash) const {
    return schema::EncodeLeaf(Now(), 7, issuer_key_hash, tbs).bytes();
  }
  Bytes Leaf(const Bytes& tbs) const {
    return Leaf(tbs, schema::Sha256(settings_.issuing_key.view()));
  }

  void Refuses(std::uint8_t code, const Bytes& bytes) {
    signer_.Ask(++id_, code, bytes);
    const auto answer = signer_.Next();
    REQUIRE(answer.has_value());
    CHECK_EQ(answer->id, id_);
    CHECK(static_cast<AnswerCode>(answer->code) == AnswerCode::kRefused);
  }
  void Refuses(Purpose purpose, const Bytes& bytes) {
    Refuses(static_cast<std::uint8_t>(purpose), bytes);
    Lives();
  }
  void Lives() {
    const bool issuing = honest_ == Purpose::kCertificate;
    const Bytes bytes =
        issuing ? Tbs(honest_) : schema::TreeHeadInput(Now(), ++id_, schema::Hash{});
    signer_.Ask(++id_, honest_, bytes);
    const auto answer = signer_.Next();
    REQUIRE(answer.has_value());
    REQUIRE(static_cast<AnswerCode>(answer->code) == AnswerCode::kSigned);
    const auto made = hsm::DecodeSigned(answer->bytes);
    REQUIRE(made.has_value());
    CHECK(hsm::VerifyP256(issuing ? facts_.issuing : facts_.log, bytes, made->signature));
  }

 private:
  const support::HsmState state_;
  const hsm::GuardSettings settings_;
  Direct signer_;
  const hsm::KeyFacts facts_;
  const Purpose honest_;
  std::uint32_t id_ = 0;
};

TEST_CASE("a compromised front gets no forged certificate signed") {
  Front front("issuing", Purpose::kCertificate);
  front.Lives();
  front.Refuses(Purpose::kCertificate, tests::Build(tests::CaTbs(front.settings(), Now())));
  for (const Forgery& forgery : kForgeries) {
    CAPTURE(forgery.name);
    TbsSpec spec = front.Spec(Purpose::kCertificate);
    forgery.change(spec);
    front.Refuses(Purpose::kCertificate, tests::Build(spec));
  }
}

TEST_CASE("nor a CA certificate or another purpose as a precertificate") {
  // A precertificate may be old, and as long as any configuration allows: verifiers take none.
  Front front("issuing", Purpose::kCertificate);
  for (const Forgery& forgery : kForgeries) {
    CAPTURE(forgery.name);
    TbsSpec spec = front.Spec(Purpose::kPrecertificate);
    forgery.change(spec);
    if (forgery.of_any_kind) front.Refuses(Purpose::kPrecertificate, tests::Build(spec));
  }
  TbsSpec lasting = front.Spec(Purpose::kPrecertificate);
  Valid(lasting, -30s, 48h);
  front.Refuses(Purpose::kPrecertificate, tests::Build(lasting));
  Valid(lasting, 24h, 600s);
  front.Refuses(Purpose::kPrecertificate, tests::Build(lasting));
  front.Refuses(Purpose::kPrecertificate, front.Tbs(Purpose::kCertificate));
}

TEST_CASE("nor a leaf of the log for a certificate that could not be issued") {
  Front front("log", Purpose::kTreeHead);
  front.Lives();
  front.Refuses(Purpose::kSct, front.Leaf(tests::Build(tests::CaTbs(front.settings(), Now()))));
  front.Refuses(Purpose::kSct, front.Leaf(front.Tbs(Purpose::kCertificate)));
  front.Refuses(Purpose::kSct, front.Leaf(front.Tbs(Purpose::kPrecertificate)));
  front.Refuses(Purpose::kSct, front.Leaf(front.Tbs(Purpose::kSct), schema::Hash{}));
  front.Refuses(Purpose::kSct, front.Tbs(Purpose::kSct));
  front.Refuses(Purpose::kTreeHead, front.Leaf(front.Tbs(Purpose::kSct)));
  // A note of one log under the other's key, and of a stranger's origin.
  const auto note = [](const char* origin) {
    return tests::Text(schema::CheckpointText(origin, 9, schema::Hash{}));
  };
  front.Refuses(Purpose::kEventsNote, note("ca.test/certificates"));
  front.Refuses(Purpose::kCertificatesNote, note("ca.test/events"));
  front.Refuses(Purpose::kCertificatesNote, note("another.test/log"));
}

TEST_CASE("nor bytes of its own choice under any code at all") {
  struct Sample {
    const char* name;
    Bytes bytes;
  };
  const schema::Hash digest = schema::Sha256(schema::AsBytes("what it wants signed"));
  const Sample samples[] = {
      {"nothing", {}},
      {"one octet", {0x30}},
      {"a digest", schema::ToBytes(schema::BytesView(digest))},
      // PKCS #1's DigestInfo, what CKM_RSA_PKCS would take.
      {"a DigestInfo",
       tests::Wrap(der::kSequence, tests::Join({{0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                                 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00},
                                                tests::Wrap(der::kOctetString, digest)}))},
      {"text", tests::Text("sign this, please\n")},
      {"nearly a probe", tests::Text("chancery probe")},
      {"a long probe", tests::Probe(std::string(65, 'x'))},
      {"a tree head and an octet", Bytes(61, 0)},
      {"as much as a frame takes", Bytes(hsm::kInputBytesMax, 0x30)},
  };
  Front issuing("issuing", Purpose::kCertificate);
  Front log("log", Purpose::kTreeHead);
  for (Front* front : {&issuing, &log}) {
    for (const Sample& sample : samples) {
      CAPTURE(sample.name);
      for (int code = 0; code <= 0xff; ++code) {
        CAPTURE(code);
        // Looks at the session, and signs nothing.
        const bool keep_alive = code == static_cast<int>(Purpose::kKeepAlive);
        if (keep_alive && sample.bytes.empty()) continue;
        front->Refuses(static_cast<std::uint8_t>(code), sample.bytes);
      }
      front->Lives();
    }
  }
}

TEST_CASE("nor what is the other signer's to sign") {
  Front issuing("issuing", Purpose::kCertificate);
  Front log("log", Purpose::kTreeHead);
  for (const Purpose purpose : {Purpose::kCertificate, Purpose::kPrecertificate}) {
    log.Refuses(purpose, log.Tbs(purpose));
  }
  log.Refuses(Purpose::kProbe, tests::Probe(""));
  issuing.Refuses(Purpose::kSct, issuing.Leaf(issuing.Tbs(Purpose::kSct)));
  issuing.Refuses(Purpose::kTreeHead, schema::TreeHeadInput(Now(), 1, schema::Hash{}));
  for (const Purpose purpose : {Purpose::kCertificatesNote, Purpose::kEventsNote}) {
    issuing.Refuses(purpose,
                    tests::Text(schema::CheckpointText("ca.test/certificates", 9, schema::Hash{})));
  }
}

TEST_CASE("a broken frame ends the signer, and nothing behind it is signed") {
  const support::HsmState state;
  const hsm::GuardSettings settings = tests::SettingsOf(state.Load());
  struct Case {
    const char* name;
    Bytes stream;
  };
  const Case cases[] = {
      {"a length of nothing", {0, 0, 0, 0}},
      {"a length shorter than the head", {0, 0, 0, 4, 0, 0, 0, 1}},
      {"four gigabytes", {0xff, 0xff, 0xff, 0xff, 1}},
      {"an octet more than the largest frame",
       {0, 0, static_cast<std::uint8_t>((hsm::kFrameBytesMax + 1) >> 8),
        static_cast<std::uint8_t>(hsm::kFrameBytesMax + 1), 1}},
      {"HTTP", tests::Text("GET / HTTP/1.1\r\n\r\n")},
  };
  static_assert(hsm::kFrameBytesMax < 0xffff);
  for (const Case& c : cases) {
    CAPTURE(c.name);
    Direct signer(state, "issuing");
    REQUIRE(signer.Code() == AnswerCode::kHelloReady);
    Bytes stream = c.stream;
    hsm::AppendFrame(stream, 1, static_cast<std::uint8_t>(Purpose::kCertificate),
                     tests::Build(tests::SampleTbs(settings, Purpose::kCertificate, Now())));
    signer.Send(stream);
    CHECK_FALSE(signer.Next().has_value());
  }
}

TEST_CASE("half a frame is waited for, not signed") {
  const support::HsmState state;
  const hsm::GuardSettings settings = tests::SettingsOf(state.Load());
  Direct signer(state, "issuing");
  REQUIRE(signer.Code() == AnswerCode::kHelloReady);
  Bytes frame;
  hsm::AppendFrame(frame, 9, static_cast<std::uint8_t>(Purpose::kCertificate),
                   tests::Build(tests::SampleTbs(settings, Purpose::kCertificate, Now())));
  const auto middle = frame.begin() + static_cast<std::ptrdiff_t>(frame.size() / 2);
  signer.Send(Bytes(frame.begin(), middle));
  pollfd wait{signer.process().socket(), POLLIN, 0};
  CHECK_EQ(::poll(&wait, 1, 100), 0);
  signer.Send(Bytes(middle, frame.end()));
  CHECK(signer.Code() == AnswerCode::kSigned);
}

}  // namespace
