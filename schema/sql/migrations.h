// The store's schema, one text per version.
//
// PRAGMA user_version counts the texts already run. A text that has been released never changes:
// the next version is a further text at the end.
#pragma once

#include <span>
#include <string_view>

namespace schema::sql {

std::span<const std::string_view> Migrations();

}  // namespace schema::sql
