#include "hsm/custody.h"
#include "hsm/key.h"

namespace hsm {

using schema::ErrorKind;
using schema::Fault;

const ErrorKind kPinRefused{"hsm-pin-refused", Fault::kUs,
                            "the HSM refused the PIN; it was tried once and is not tried again "
                            "until pin-source has another"};
const ErrorKind kKeyUnusable{"hsm-key-unusable", Fault::kUs,
                             "a signing key cannot be used; see the server's log"};
const ErrorKind kOtherKey{"hsm-other-key", Fault::kUs,
                          "a token has another key than it should; see the server's log"};
const ErrorKind kSignerUnavailable{"hsm-unavailable", Fault::kBusy,
                                   "the HSM cannot sign now; try again in a few seconds"};
const ErrorKind kTokenDrained{"hsm-token-drained", Fault::kBusy,
                              "an operator has taken the HSM out of use; try again later"};
const ErrorKind kSignerRefused{"hsm-signer-refused", Fault::kUs,
                               "the signer refused what it was asked to sign; this is a defect, "
                               "report the request id"};
const ErrorKind kDeviceFailed{"hsm-device-failed", Fault::kBusy,
                              "the HSM reported an error; try again in a few seconds"};

const ErrorKind kSessionLost{"hsm-session-lost", Fault::kBusy,
                             "the HSM's session is gone; try again in a few seconds"};

}  // namespace hsm
