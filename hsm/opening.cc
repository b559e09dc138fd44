#include "hsm/opening.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "hsm/custody.h"

namespace hsm {

namespace {

constexpr std::array<std::string_view, 11> kStepNames = {
    "uri", "module",     "slot",      "token",     "pin",  "login",
    "key", "attributes", "mechanism", "signature", "chain"};

struct Hint {
  std::string_view family;  // lower case, part of the module's name or the manufacturer's
  Step step;
  std::string_view text;
};

constexpr Hint kHints[] = {
    {"softhsm", Step::kToken,
     "SoftHSM finds its tokens by the file that SOFTHSM2_CONF names: set it in ca.module-env"},
    {"softhsm", Step::kSlot,
     "SoftHSM finds its tokens by the file that SOFTHSM2_CONF names: set it in ca.module-env"},
    {"softhsm", Step::kModule,
     "the file that SOFTHSM2_CONF names, and the token directory in it, have to be there and this "
     "user's to read"},
    {"tpm2", Step::kToken,
     "tpm2-pkcs11 finds its store by TPM2_PKCS11_STORE and the TPM by TPM2_PKCS11_TCTI: set them "
     "in ca.module-env"},
    {"tpm2", Step::kLogin, "a TPM that saw wrong PINs waits (dictionary attack lock-out)"},
    {"yubi", Step::kLogin,
     "the PIN of a YubiHSM 2 is the id of its authentication key, four hexadecimal digits, and "
     "the password behind it"},
    {"yubi", Step::kModule, "the module reads the file that YUBIHSM_PKCS11_CONF names"},
    {"yubi", Step::kSlot,
     "yubihsm-connector has to run and see the device, and hsm.network to list its host"},
    {"yubi", Step::kToken, "a YubiHSM 2 has 16 sessions, for all who use it"},
    {"cryptoki2", Step::kModule, "Luna reads the directory that ChrystokiConfigurationPath names"},
    {"cryptoki2", Step::kSlot, "hsm.network has to list the appliances"},
    {"cryptoki2", Step::kLogin,
     "Luna wants the PIN of the partition's Crypto Officer; a partition that asks for a PED "
     "wants it activated first"},
    {"cknfast", Step::kLogin,
     "nShield with operator cards needs them presented: start the server through preload, whose "
     "environment has to reach it; softcards need CKNFAST_LOADSHARING=1"},
    {"cknfast", Step::kToken, "nShield shows cards and softcards with CKNFAST_LOADSHARING=1"},
    {"cloudhsm", Step::kLogin, "the PIN of CloudHSM is USER:PASSWORD of a crypto user"},
    {"cloudhsm", Step::kSlot, "hsm.network has to list the cluster's addresses"},
    {"cloudhsm", Step::kModule, "CloudHSM wants its client configured (configure-pkcs11)"},
    {"cloudhsm", Step::kKey,
     "on a cluster of one HSM CloudHSM hides keys until its key availability check is off"},
    {"nethsm", Step::kSlot, "hsm.network has to list the instances"},
    {"nethsm", Step::kModule, "the module reads the file that P11NETHSM_CONFIG_FILE names"},
    {"nethsm", Step::kLogin, "the PIN of a NetHSM is the password of its operator user"},
};

}  // namespace

std::string_view StepName(Step step) { return kStepNames[static_cast<std::size_t>(step)]; }

std::string_view VendorHint(std::string_view known, Step step) {
  std::string lower(known);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const Hint& hint : kHints) {
    if (hint.step == step && lower.find(hint.family) != std::string::npos) return hint.text;
  }
  return {};
}

void Opening::Passed(Step step, std::string found) {
  steps_.push_back({step, true, std::move(found), {}});
}

schema::Error Opening::Failed(Step step, std::string reason, std::string remedy,
                              const schema::ErrorKind& kind) {
  if (const std::string_view hint = VendorHint(known_, step); !hint.empty()) {
    remedy.append(remedy.empty() ? "" : "; ").append(hint);
  }
  std::string detail = std::string(StepName(step)) + ": " + reason;
  if (!remedy.empty()) detail += "; " + remedy;
  steps_.push_back({step, false, std::move(reason), std::move(remedy)});
  return {&kind, std::move(detail)};
}

schema::Error Opening::Failed(Step step, std::string reason, std::string remedy) {
  return Failed(step, std::move(reason), std::move(remedy), kKeyUnusable);
}

}  // namespace hsm
