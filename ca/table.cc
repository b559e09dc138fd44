#include "ca/table.h"

#include <algorithm>
#include <string_view>

#include "ca/text.h"

namespace ca::table {
namespace {

// Columns of characters, not octets: "é" is one.
std::size_t Width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

std::string Print(std::vector<Row> rows) {
  std::vector<std::size_t> widths;
  for (Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t c = 0; c < row.size(); ++c) {
      for (std::string& line : row[c]) {
        line = Plain(line);
        widths[c] = std::max(widths[c], Width(line));
      }
    }
  }
  std::string out;
  for (const Row& row : rows) {
    std::size_t height = 0;
    for (const auto& cell : row) height = std::max(height, cell.size());
    for (std::size_t l = 0; l < height; ++l) {
      std::string line;
      for (std::size_t c = 0; c < row.size(); ++c) {
        const std::string text = l < row[c].size() ? row[c][l] : std::string();
        line += text + std::string(widths[c] - Width(text) + 2, ' ');
      }
      out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
  }
  return out;
}

}  // namespace ca::table
