// The one error mechanism: a Result<T> holds a T or an Error, never neither.
//
// A bad input or a failed device is an Error; a bug of ours is MUST (abort). A dependency's
// exception is caught in the one file that includes the dependency.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace schema {

// Who has to act. http/problem.cc turns this, and nothing else, into a status code.
enum class Fault {
  kCaller,    // the request is malformed or its key or proof is wrong       400
  kToken,     // the identity token was refused                              401
  kPolicy,    // a valid token that may not have this certificate            403
  kNotFound,  // no such path or entry                                       404
  kMethod,    // the path exists, the method does not                        405
  kTooMany,   // this client address asks too often                          429
  kBusy,      // HSM, log or queue is not able to serve now; try again       503
  kUs,        // a defect, or a configuration that cannot work               500, or a refused start
};

// Declared once, beside the code that reports it, with static storage.
struct ErrorKind {
  std::string_view id;  // stable, kebab-case; logged and shown to the client as the reason
  Fault fault;
  std::string_view text;  // shown to the client; says what to do; never holds input
};

struct [[nodiscard]] Error {
  const ErrorKind* kind;
  std::string detail;  // for the operator's log, never for the wire

  bool Is(const ErrorKind& other) const { return kind == &other; }
  // "id: text (detail)", for start-up messages and the operator's log.
  std::string Describe() const {
    std::string out(kind->id);
    out.append(": ").append(kind->text);
    if (!detail.empty()) out.append(" (").append(detail).append(")");
    return out;
  }
};

// Aborts: the program's own state is wrong and going on would be worse.
#define MUST(condition)                                                               \
  do {                                                                                \
    if (!(condition)) {                                                               \
      std::fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                   \
    }                                                                                 \
  } while (false)

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  const T& operator*() const& {
    MUST(has_value());
    return *std::get_if<0>(&state_);
  }
  T& operator*() & {
    MUST(has_value());
    return *std::get_if<0>(&state_);
  }
  T&& operator*() && {
    MUST(has_value());
    return std::move(*std::get_if<0>(&state_));
  }
  const T* operator->() const { return &**this; }
  T* operator->() { return &**this; }

  const Error& error() const& {
    MUST(!has_value());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    MUST(!has_value());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<T, Error> state_;
};

// A Result that carries no value: return Ok() or an Error.
struct Nothing {};
using Outcome = Result<Nothing>;
inline Outcome Ok() { return Nothing{}; }

}  // namespace schema

// TRY(auto claims, ParseClaims(…)) declares, or returns the error.
// TRY(CheckAudience(…)) goes on, or returns the error.
#define SCHEMA_TRY_CONCAT_(a, b) a##b
#define SCHEMA_TRY_NAME_(line) SCHEMA_TRY_CONCAT_(try_result_, line)
#define SCHEMA_TRY_DECLARE_(decl, expr, name) \
  auto name = (expr);                         \
  if (!name) return std::move(name).error();  \
  decl = *std::move(name)
#define SCHEMA_TRY_ONLY_(expr, name)           \
  do {                                         \
    auto name = (expr);                        \
    if (!name) return std::move(name).error(); \
  } while (false)
#define SCHEMA_TRY_2_(decl, expr) SCHEMA_TRY_DECLARE_(decl, expr, SCHEMA_TRY_NAME_(__COUNTER__))
#define SCHEMA_TRY_1_(expr) SCHEMA_TRY_ONLY_(expr, SCHEMA_TRY_NAME_(__COUNTER__))
#define SCHEMA_TRY_PICK_(_1, _2, NAME, ...) NAME
#define TRY(...) SCHEMA_TRY_PICK_(__VA_ARGS__, SCHEMA_TRY_2_, SCHEMA_TRY_1_, )(__VA_ARGS__)
