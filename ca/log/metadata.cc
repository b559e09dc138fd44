#include "ca/log/metadata.h"

#include "schema/base/base64.h"
#include "schema/base/json.h"

namespace ca {

namespace {

// Maximum merge delay, in seconds: that of the public logs. An entry is in a checkpoint after
// log.checkpoint, while the signers work.
constexpr int kMergeDelay = 86400;

}  // namespace

std::string LogMetadata(const std::string& public_url, const std::string& shard,
                        const std::string& origin, const schema::SpkiDer& log_key) {
  return schema::Json{
             {"description", origin},
             {"log_id", schema::Base64(schema::Sha256(log_key.view()))},
             {"key", schema::Base64(log_key.view())},
             // Nothing is submitted there: the CA is the log's only writer. Its name is the origin.
             {"submission_url", "https://" + origin + "/"},
             {"monitoring_url", public_url + "/log/certificates/" + shard + "/"},
             {"mmd", kMergeDelay},
             {"log_software", {{"name", "chancery"}}},
         }
             .dump(2) +
         "\n";
}

}  // namespace ca
