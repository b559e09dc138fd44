// Tables for a terminal.
#pragma once

#include <string>
#include <vector>

namespace ca::table {

using Cell = std::vector<std::string>;  // its lines
using Row = std::vector<Cell>;

// Columns side by side, two spaces between, nothing at the ends of lines. Every text is made Plain
// (text.h). A character counts as one column.
std::string Print(std::vector<Row> rows);

}  // namespace ca::table
