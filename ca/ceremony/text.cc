#include "ca/ceremony/text.h"

#include <array>
#include <cstdio>

#include "ca/ceremony/plan.h"
#include "ca/ceremony/words.h"
#include "ca/text.h"
#include "schema/base/json.h"

namespace ca::ceremony {

using schema::Json;

namespace {

constexpr std::size_t kWordsALine = 8 * 6;  // characters: eight words and their dashes

class Page {
 public:
  void Line(const std::string& text = "") { out_ += text + "\n"; }
  void Member(const char* title, const Json& value) {
    std::array<char, 32> head{};
    std::snprintf(head.data(), head.size(), "    %-16s", title);
    Line(head.data() + Plain(value.is_string() ? value.get<std::string>() : value.dump()));
  }
  void Words(const std::string& words) {
    for (std::size_t at = 0; at < words.size(); at += kWordsALine) {
      Member(at == 0 ? "in words" : "", words.substr(at, kWordsALine));
    }
  }
  // As it is, each line behind a bar.
  void Block(const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      Line("    | " + Plain(text.substr(at, end - at)));
      at = end + 1;
    }
  }
  std::string Take() && { return std::move(out_); }

 private:
  std::string out_;
};

void Key(Page& page, const Json& entry) {
  page.Member("key", entry["key"]);
  page.Member("custody", entry["custody"]);
  page.Member("SHA-256", entry["sha256"]);
  page.Words(entry["words"]);
  if (!entry.contains("report")) return;
  page.Member("module", entry["module"]);
  page.Member("module SHA-256", entry["module_sha256"]);
  const Json& report = entry["report"];
  for (const char* name :
       {"token", "token_serial", "token_model", "token_firmware", "object", "id", "mechanism"}) {
    if (report.contains(name)) page.Member(name, report[name]);
  }
  for (const auto& [name, value] : report["attributes"].items()) {
    page.Member("", name + " " + (value.is_null() ? "unknown" : value.dump()));
  }
}

void Certificate(Page& page, const Json& entry) {
  page.Member("certificate", entry["certificate"]);
  page.Member("SHA-256", entry["sha256"]);
  page.Words(entry["words"]);
  page.Block(entry["pem"]);
}

void Entry(Page& page, const Json& entry) {
  const std::string type = entry["type"];
  page.Line();
  page.Line(entry["entry"].dump() + "  " + entry["time"].get<std::string>() + "  " + type +
            (type == "key" ? (entry["made"].get<bool>() ? ": made" : ": opened") : ""));
  if (type == "begun") {
    page.Member("step", entry["step"]);
    page.Member("program SHA-256", entry["program_sha256"]);
    page.Member("plan SHA-256", entry["plan_sha256"]);
    if (entry["step"] == StepName(Step::kMakeRoot)) page.Block(entry["plan"]);
  } else if (type == "confirmed") {
    page.Member("witness", entry["witness"]);
    page.Member("confirms", entry["what"]);
    page.Member("SHA-256", entry["digest"]);
    page.Member("typed", entry["typed"].is_null() ? "nothing: a test" : entry["typed"]);
    page.Member("signature", "______________________________");
  } else if (type == "key") {
    Key(page, entry);
  } else if (type == "given" || type == "signed") {
    Certificate(page, entry);
  } else if (type == "requested") {
    page.Member("SHA-256", entry["sha256"]);
    page.Block(entry["pem"]);
  } else if (type == "linted") {
    page.Member("certificate", entry["certificate"]);
    page.Member("rules", std::to_string(entry["rules"].size()) + ", none broken");
  } else if (type == "written") {
    page.Member("file", entry["file"]);
    page.Member("SHA-256", entry["sha256"]);
  } else {
    page.Member("step", entry["step"]);
    for (const auto& [key, signature] : entry["signatures"].items()) {
      page.Member("signed by key", key);
      page.Member("", signature);
    }
  }
}

}  // namespace

std::string PrintableText(std::string_view transcript) {
  Page page;
  page.Line("Transcript of a key ceremony");
  bool titled = false;
  schema::Hash head{};
  while (!transcript.empty()) {
    const std::size_t end = std::min(transcript.find('\n'), transcript.size() - 1);
    const std::string_view line = transcript.substr(0, end);
    const Json entry = Json::parse(line, nullptr, false);
    MUST(entry.is_object());
    if (!titled && entry["rehearsal"] == true) page.Line("A REHEARSAL: no key of it is of any use");
    if (!titled && entry["testing"] == true) page.Line("A TEST: no witness was asked");
    titled = true;
    Entry(page, entry);
    head = schema::Sha256(schema::AsBytes(line));
    transcript.remove_prefix(end + 1);
  }
  page.Line();
  page.Line("The last entry's SHA-256 covers all of the above:");
  page.Member("SHA-256", schema::Hex(head));
  page.Words(Words(head));
  return std::move(page).Take();
}

}  // namespace ca::ceremony
