#include "finding/finding.hpp"

#include <array>
#include <utility>

namespace vedette::finding {
namespace {

constexpr std::array<std::pair<State, std::string_view>, 7> state_names{{{State::proposed, "proposed"},
                                                                         {State::confirmed, "confirmed"},
                                                                         {State::edited, "edited"},
                                                                         {State::rejected, "rejected"},
                                                                         {State::deferred, "deferred"},
                                                                         {State::withdrawn, "withdrawn"},
                                                                         {State::added, "added"}}};
constexpr std::array<std::pair<Urgency, std::string_view>, 4> urgency_names{{{Urgency::immediate, "immediate"},
                                                                             {Urgency::urgent, "urgent"},
                                                                             {Urgency::soon, "soon"},
                                                                             {Urgency::routine, "routine"}}};

}  // namespace

std::string_view name_of(State state) {
  for (const auto& [value, name] : state_names) {
    if (value == state) return name;
  }
  return "proposed";
}

std::optional<State> state_from(std::string_view name) {
  for (const auto& [value, known] : state_names) {
    if (known == name) return value;
  }
  return std::nullopt;
}

std::string_view name_of(Urgency urgency) {
  for (const auto& [value, name] : urgency_names) {
    if (value == urgency) return name;
  }
  return "routine";
}

std::optional<Urgency> urgency_from(std::string_view name) {
  for (const auto& [value, known] : urgency_names) {
    if (known == name) return value;
  }
  return std::nullopt;
}

bool is_open(State state) {
  return state == State::proposed || state == State::confirmed || state == State::edited || state == State::added;
}

bool is_unreviewed(State state) {
  return state == State::proposed || state == State::deferred;
}

std::string etag_of(const Finding& finding) {
  return "\"" + finding.id + "." + std::to_string(finding.revision) + "\"";
}

}  // namespace vedette::finding
