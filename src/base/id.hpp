#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace vedette {

/// True for what is taken as a DICOM UID: components of digits joined by dots, 1 to 64 characters (PS3.5 section 9.1). Components with
/// leading zeros break the standard, but real devices write them and refusing their studies would help nobody: they are taken as they are.
constexpr bool is_uid(std::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || text[i] == '.') {
      if (i == start) return false;
      start = i + 1;
    } else if (text[i] < '0' || text[i] > '9') {
      return false;
    }
  }
  return true;
}

/// True for a name of ours: 1 to 64 characters of a-z, A-Z, 0-9, '_', '-', '.', not starting with '.'.
constexpr bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 64 || text.front() == '.') return false;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '_' && c != '-' && c != '.') return false;
  }
  return true;
}

/// An identifier that does not mix with others: a checked string of one kind. `Kind` has `name` and
/// `valid(string_view)`.
template <typename Kind>
class Id {
 public:
  Id() = default;

  /// Fails malformed when the text is no identifier of this kind. The text itself is not repeated: it may be a
  /// person's.
  static Result<Id> make(std::string_view text) {
    if (!Kind::valid(text)) {
      return Error{Fault::malformed, std::string("id.") + std::string(Kind::name),
                   std::string(Kind::name) + (text.empty() ? " is empty" : " is not valid")};
    }
    return Id(std::string(text));
  }

  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  auto operator<=>(const Id&) const = default;

 private:
  explicit Id(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

#define VEDETTE_ID(Type, rule)                                                \
  struct Type##Kind {                                                         \
    static constexpr std::string_view name = #Type;                           \
    static constexpr bool valid(std::string_view text) { return rule(text); } \
  };                                                                          \
  using Type = Id<Type##Kind>

VEDETTE_ID(StudyUid, is_uid);
VEDETTE_ID(SeriesUid, is_uid);
VEDETTE_ID(InstanceUid, is_uid);
VEDETTE_ID(CentreId, is_name);
VEDETTE_ID(FindingId, is_name);
VEDETTE_ID(ToolId, is_name);

}  // namespace vedette

template <typename Kind>
struct std::hash<vedette::Id<Kind>> {
  std::size_t operator()(const vedette::Id<Kind>& id) const noexcept { return std::hash<std::string>{}(id.text()); }
};
