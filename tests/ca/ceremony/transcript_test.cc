// What somebody could do to a transcript, and that none of it goes unnoticed.
#include "ca/ceremony/transcript.h"

#include <doctest/doctest.h>

#include "tests/ca/ceremony/stage.h"

namespace {

using namespace ca::ceremony;  // NOLINT(google-build-using-namespace)
using schema::Json;

// One ceremony for all cases: with everything in it that an entry can be.
const std::string& Transcript() {
  static const std::string text = [] {
    stage::Stage stage;
    const auto ceremony = stage.Plan("first", stage::PlanText(R"(precertificate:
  key: "file:precertificate.key"
  subject: {organization: Example, common-name: Example Precertificates}
  lifetime: 900d
)"));
    const auto held = stage.HoldAll(ceremony);
    if (!held) std::fprintf(stderr, "%s\n", held.error().Describe().c_str());
    MUST(held.has_value());
    return ceremony.transcript();
  }();
  return text;
}

std::vector<Json> Entries() {
  std::vector<Json> out;
  std::string_view rest = Transcript();
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    out.push_back(Json::parse(rest.substr(0, end)));
    rest.remove_prefix(end + 1);
  }
  return out;
}

// The chain made good again, as a forger would.
std::string Chained(const std::vector<Json>& entries) {
  std::string out;
  schema::Hash previous{};
  std::size_t number = 0;
  for (Json entry : entries) {
    entry["entry"] = number++;
    entry["previous"] = schema::Hex(previous);
    std::string line;
    schema::AppendJson(entry, line);
    previous = schema::Sha256(schema::AsBytes(line));
    out += line + "\n";
  }
  return out;
}

// Another value of the same type.
Json Changed(const Json& value) {
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_null()) return "x";
  if (value.is_array() || value.is_object()) return Json();
  if (value.is_number()) return value.get<int>() + 1;
  std::string text = value;
  if (text.empty()) return "x";
  char& middle = text[text.size() / 2];
  middle = middle == 'a' ? 'b' : 'a';
  return text;
}

TEST_CASE("the chain made good again is the transcript") {
  CHECK_EQ(Chained(Entries()), Transcript());
  const auto record = ReadTranscript(Transcript());
  if (!record) FAIL(record.error().Describe());
  CHECK_FALSE(record->next());
}

TEST_CASE("every octet counts") {
  std::string text = Transcript();
  for (std::size_t i = 0; i < text.size(); i += 211) {
    const char kept = text[i];
    text[i] = static_cast<char>(kept ^ 1);
    CAPTURE(i);
    CHECK_FALSE(ReadTranscript(text));
    text[i] = kept;
  }
}

TEST_CASE("every member of every entry counts, also when the chain is made good again") {
  const std::vector<Json> entries = Entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Json flat = entries[i].flatten();
    for (const auto& [pointer, value] : flat.items()) {
      if (pointer == "/entry" || pointer == "/previous") continue;  // Chained writes them
      const std::string where = std::to_string(i) + pointer;
      CAPTURE(where);
      auto changed = entries;
      changed[i][Json::json_pointer(pointer)] = Changed(value);
      CHECK_FALSE(ReadTranscript(Chained(changed)));
    }
    for (const auto& member : entries[i].items()) {
      const std::string& name = member.key();
      if (name == "entry" || name == "previous") continue;
      CAPTURE(i);
      CAPTURE(name);
      auto without = entries;
      without[i].erase(name);
      CHECK_FALSE(ReadTranscript(Chained(without)));
    }
  }
}

TEST_CASE("no entry can be left out, repeated or swapped, nor can another be put in") {
  const std::vector<Json> entries = Entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    CAPTURE(i);
    auto without = entries;
    without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
    // Without the last seal it is a transcript of a step that is still held.
    const auto record = ReadTranscript(Chained(without));
    CHECK_EQ(record.has_value(), i + 1 == entries.size());
    if (record) CHECK(record->next());
    auto twice = entries;
    twice.insert(twice.begin() + static_cast<std::ptrdiff_t>(i), entries[i]);
    CHECK_FALSE(ReadTranscript(Chained(twice)));
    if (i == 0) continue;
    auto swapped = entries;
    std::swap(swapped[i - 1], swapped[i]);
    CHECK_FALSE(ReadTranscript(Chained(swapped)));
  }
  for (const char* more : {R"({"type":"note","time":"2026-11-26T10:00:00Z","text":"fine"})",
                           R"({"type":"begun","time":"2026-11-26T10:00:00Z"})", "[]"}) {
    std::string text = Transcript();
    CHECK_FALSE(ReadTranscript(text + more + "\n"));
  }
}

TEST_CASE("a transcript that is cut off says so") {
  const std::string& text = Transcript();
  CHECK_FALSE(ReadTranscript(""));
  CHECK_FALSE(ReadTranscript(text.substr(0, text.size() - 1)));
  CHECK_FALSE(ReadTranscript("\n"));
  // At any entry's end it is one of a ceremony that is not complete.
  for (std::size_t end = text.find('\n'); end + 1 < text.size(); end = text.find('\n', end + 1)) {
    CAPTURE(end);
    const auto record = ReadTranscript(text.substr(0, end + 1));
    REQUIRE(record);
    CHECK(record->next());
  }
}

}  // namespace
