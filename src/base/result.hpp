#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/fault.hpp"

namespace vedette {

/// A refusal or failure as a person reads it: where, why, and the way out. `detail` is for the log only and never
/// leaves the node.
struct Error {
  Fault fault = Fault::internal;
  std::string code;      ///< stable slug for programs, for example "dicom.truncated"
  std::string cause;     ///< one sentence: what happened
  std::string where{};   ///< tag and offset, UID level, key or file; empty when the cause says it
  std::string remedy{};  ///< one sentence: what to do
  std::string detail{};  ///< internal, for the log

  /// The sentence for people: "cause (where). remedy".
  std::string text() const {
    std::string out = cause;
    if (!where.empty()) out += " (" + where + ")";
    if (!out.empty() && out.back() != '.') out += '.';
    if (!remedy.empty()) out += " " + remedy;
    return out;
  }
};

/// A value or an Error; the shape of std::expected<T, Error> (C++23), which g++ 12 lacks.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  /// By value, so that a loop over the value of a temporary keeps it.
  T value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T value_or(T other) const& { return has_value() ? value() : std::move(other); }

  Error& error() & { return std::get<1>(state_); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  void value() const {}
  void operator*() const {}
  Error& error() & { return *error_; }
  const Error& error() const& { return *error_; }
  Error&& error() && { return *std::move(error_); }

 private:
  std::optional<Error> error_;
};

}  // namespace vedette

/// Evaluates to the value of a Result, or returns its error from the enclosing function. (A statement expression: g++ and clang.)
#define VEDETTE_TRY(...) VEDETTE_TRY_NAMED_1(__COUNTER__, __VA_ARGS__)
#define VEDETTE_TRY_NAMED_1(count, ...) VEDETTE_TRY_NAMED_2(count, __VA_ARGS__)
#define VEDETTE_TRY_NAMED_2(count, ...)                                                            \
  __extension__({                                                                                  \
    auto vedette_result_##count = (__VA_ARGS__);                                                   \
    if (!vedette_result_##count.has_value()) return ::vedette::Error(std::move(vedette_result_##count).error()); \
    *std::move(vedette_result_##count);                                                            \
  })
