#include "ca/log/listing.h"

namespace ca {

schema::Json RowsJson(const std::vector<IssuanceRow>& rows) {
  schema::Json list = schema::Json::array();
  for (const IssuanceRow& row : rows) {
    list.push_back({{"leaf_index", row.index},
                    {"shard", row.shard},
                    {"logged", schema::Rfc3339(row.logged)},
                    {"serial", row.serial},
                    {"san", row.san},
                    {"issuer", row.issuer},
                    {"subject", row.subject},
                    {"request_id", row.request_id},
                    {"not_before", schema::Rfc3339(row.not_before)},
                    {"not_after", schema::Rfc3339(row.not_after)},
                    {"certificate_stored", row.certificate_stored}});
  }
  return {{"issuances", std::move(list)}};
}

}  // namespace ca
