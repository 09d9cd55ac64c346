#include "ledger/details.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/id.hpp"
#include "base/text.hpp"

namespace vedette::ledger {

namespace {

using Json = nlohmann::json;

constexpr std::size_t longest_text = 200;  // a code, a pseudonym, a digest; no report and no letter
constexpr std::size_t shortest_uid = 24;   // versions such as 1.2.0 have the form of a UID, too
constexpr std::size_t longest_list = 1000;

bool names(std::string_view list, std::string_view key) {
  const auto parts = split(list, ' ');
  return std::find(parts.begin(), parts.end(), key) != parts.end();
}

Error refused(Kind kind, std::string cause, std::string_view key) {
  std::string where(name_of(kind));
  if (!key.empty()) where += ", " + std::string(key);
  return Error{Fault::refused, "ledger.details", std::move(cause), std::move(where),
               "tables/events.tsv says what the details of this event are."};
}

Result<void> check_value(Kind kind, std::string_view key, const Json& value) {
  if (value.is_array()) {
    if (value.size() > longest_list) return refused(kind, "A list in the details is too long", key);
    for (const Json& item : value) {
      if (item.is_array()) return refused(kind, "A detail is nested", key);
      VEDETTE_TRY(check_value(kind, key, item));
    }
    return {};
  }
  if (value.is_object()) return refused(kind, "A detail is nested", key);
  if (!value.is_string()) return {};
  const auto& text = value.get_ref<const std::string&>();
  if (text.size() > longest_text) return refused(kind, "A detail is longer than a code or pseudonym", key);
  if (text.size() >= shortest_uid && is_uid(text)) return refused(kind, "A detail is a UID", key);
  return {};
}

std::string as_words(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_array()) {
    std::string out;
    for (const Json& item : value) out += (out.empty() ? "" : ", ") + as_words(item);
    return out;
  }
  return value.dump();
}

// Fills `text` up; `complete` turns false where a key is missing.
std::string filled(std::string_view text, const Json& details, bool& complete) {
  std::string out;
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    out += text.substr(0, open);
    if (open == std::string_view::npos) break;
    const std::size_t close = text.find('}', open);
    const std::string key(text.substr(open + 1, close - open - 1));
    const auto found = details.find(key);
    if (found == details.end() || found->is_null()) {
      complete = false;
      out += "?";
    } else {
      out += as_words(*found);
    }
    text.remove_prefix(close + 1);
  }
  return out;
}

}  // namespace

Result<void> check_details(Kind kind, std::string_view details) {
  const Json json = Json::parse(details, nullptr, false);
  if (!json.is_object()) return refused(kind, "The details of an event are no JSON object", {});
  const EventRow& row = row_of(kind);
  for (const auto& [key, value] : json.items()) {
    if (!names(row.keys, key)) return refused(kind, "The details carry a key that the event's row does not name", key);
    VEDETTE_TRY(check_value(kind, key, value));
  }
  if (row.required.empty()) return {};
  for (const std::string_view key : split(row.required, ' ')) {
    const auto found = json.find(std::string(key));
    if (found == json.end() || found->is_null()) return refused(kind, "A detail of the event is missing", key);
  }
  return {};
}

std::string sentence(Kind kind, std::string_view details) {
  Json json = Json::parse(details, nullptr, false);
  if (!json.is_object()) json = Json::object();
  std::string_view text = row_of(kind).summary;
  std::string out;
  while (!text.empty()) {
    const std::size_t open = text.find('[');
    bool complete = true;
    out += filled(text.substr(0, open), json, complete);
    if (open == std::string_view::npos) break;
    const std::size_t close = text.find(']', open);
    complete = true;
    const std::string part = filled(text.substr(open + 1, close - open - 1), json, complete);
    if (complete) out += part;
    text.remove_prefix(close + 1);
  }
  return out;
}

}  // namespace vedette::ledger
