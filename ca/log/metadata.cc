#include "ca/log/metadata.h"

#include "schema/base/base64.h"
#include "schema/base/json.h"

namespace ca {

namespace {

// Maximum merge delay, in seconds: that of the public logs. An entry is in a checkpoint after
// log.checkpoint, while the signers work.
constexpr int kMergeDelay = 86400;

}  // namespace

std::string LogMetadata(const schema::Config& config, const LogKeys& keys) {
  const schema::ShardSettings& shard = config.log.certificates;
  return schema::Json{
             {"description", shard.origin},
             {"log_id", schema::Base64(keys.log_id)},
             {"key", schema::Base64(keys.log_key.view())},
             // Nothing is submitted there: the CA is the log's only writer. Its name is the origin.
             {"submission_url", "https://" + shard.origin + "/"},
             {"monitoring_url", config.public_url + "/log/certificates/" + shard.shard + "/"},
             {"mmd", kMergeDelay},
             {"log_software", {{"name", "chancery"}}},
         }
             .dump(2) +
         "\n";
}

}  // namespace ca
