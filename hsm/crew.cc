#include "hsm/crew.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <iterator>

namespace hsm {

using schema::Error;
using schema::KeyToken;
using schema::Result;

namespace {

std::vector<Descriptor> NewEvents(std::size_t count) {
  std::vector<Descriptor> events;
  for (std::size_t i = 0; i < count; ++i) {
    events.emplace_back(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    MUST(events.back().get() >= 0);
  }
  return events;
}

std::vector<int> Numbers(const std::vector<Descriptor>& events) {
  std::vector<int> numbers;
  for (const Descriptor& event : events) numbers.push_back(event.get());
  return numbers;
}

std::vector<int> Weights(const std::vector<KeyToken>& tokens) {
  std::vector<int> weights;
  for (const KeyToken& token : tokens) weights.push_back(token.weight);
  return weights;
}

// What came of the first start of one token's signers.
struct FirstStart {
  std::optional<KeyFacts> facts;  // of its first
  std::optional<Error> trouble;
};

// Which of two errors to tell: what the operator has to mend before anything else.
int Rank(const Error& error) { return error.Is(kPinRefused) ? 2 : error.Is(kOtherKey) ? 1 : 0; }

Error Told(const Error& error) {
  return error.Is(kOtherKey) ? Error{&kKeyUnusable, error.detail} : error;
}

}  // namespace

std::vector<std::size_t> Crew::Places(const std::vector<KeyToken>& tokens) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    places.insert(places.end(), static_cast<std::size_t>(tokens[i].sessions), i);
  }
  return places;
}

Crew::Crew(const std::vector<KeyToken>& tokens) : Crew(tokens, Places(tokens)) {}

Crew::Crew(std::vector<KeyToken> tokens, std::vector<std::size_t> places)
    : tokens_(std::move(tokens)),
      token_of_(std::move(places)),
      events_(NewEvents(token_of_.size())),
      queue_(Numbers(events_), token_of_, Weights(tokens_)) {}

void Crew::Man(const LaneSettings& settings, const std::vector<LoginGate*>& gates, Tally& tally,
               schema::Journal& journal) {
  role_ = RoleText({settings.role, settings.ca});
  for (std::size_t i = 0; i < token_of_.size(); ++i) {
    LaneSettings own = settings;
    own.token = tokens_[token_of_[i]].name;
    own.setting = tokens_[token_of_[i]].setting;
    lanes_.push_back(std::make_unique<Lane>(own, i, events_[i].get(), queue_, keys_,
                                            *gates[token_of_[i]], tally, journal));
  }
}

Result<KeyFacts> Crew::AwaitStart(std::vector<std::string>& reports, schema::Journal& journal) {
  std::vector<FirstStart> starts(tokens_.size());
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    FirstStart& start = starts[token_of_[i]];
    Result<KeyFacts> facts = lanes_[i]->FirstStart();
    if (!facts) {
      if (!start.trouble || Rank(facts.error()) > Rank(*start.trouble)) {
        start.trouble = facts.error();
      }
    } else if (!start.facts) {
      std::ranges::move(facts->Reports(), std::back_inserter(reports));
      start.facts = *std::move(facts);
    }
  }
  std::optional<Error> worst;
  std::optional<KeyFacts> whole;
  for (FirstStart& start : starts) {
    if (start.trouble && (!worst || Rank(*start.trouble) > Rank(*worst))) worst = start.trouble;
    if (!start.trouble && !whole) whole = std::move(start.facts);
  }
  if (worst && (!whole || Rank(*worst) > 0)) return Told(*worst);
  for (std::size_t i = 0; i < starts.size(); ++i) {
    if (!starts[i].trouble) continue;
    journal.Warning(
        "token-away",
        {{"role", role_}, {"token", tokens_[i].name}, {"reason", starts[i].trouble->detail}});
  }
  return *std::move(whole);
}

void Crew::Follow(const DrainNotes& notes) {
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const auto note = notes.find(tokens_[i].name);
    // A key in a file is in no token.
    const bool of_token = note != notes.end() && !tokens_[i].uri.starts_with("file:");
    queue_.SetNote(i, of_token ? std::optional(note->second) : std::nullopt);
  }
}

void Crew::AskToStop() {
  for (const auto& lane : lanes_) lane->AskToStop();
}

void Crew::Describe(CustodyState& state) const {
  for (const auto& lane : lanes_) {
    state.signers.push_back(lane->State());
    state.operations += lane->operations();
    state.replacements += lane->replacements();
    state.reopenings += lane->reopenings();
  }
  const std::vector<TokenState> tokens = queue_.Tokens();
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    CustodyState::Token token{role_, tokens_[i].name, tokens[i]};
    for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
      if (token_of_[lane] == i) token.signatures += lanes_[lane]->State().signatures;
    }
    state.tokens.push_back(std::move(token));
  }
}

}  // namespace hsm
