#include "analysis/toml_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.hpp"

namespace vedette::analysis {

void TableReader::refuse(std::string_view code, std::string cause, const toml::source_region& at, std::string remedy) {
  if (fault_) return;
  fault_ = Error{Fault::refused, std::string(code), std::move(cause),
                 fmt::format("{}:{}:{}", file_, at.begin.line, at.begin.column), std::move(remedy)};
}
void TableReader::refuse(std::string_view code, std::string cause, std::string_view key, std::string remedy) {
  const toml::node* at = table_.get(key);
  refuse(code, std::move(cause), at == nullptr ? table_.source() : at->source(), std::move(remedy));
}

const toml::node* TableReader::node(std::string_view key, bool required) {
  asked_.emplace(key);
  const toml::node* found = table_.get(key);
  if (found == nullptr && required) {
    refuse("tool.key_missing", fmt::format("'{}' is missing", path(key)), table_.source(),
           fmt::format("Add '{}' to the file.", path(key)));
  }
  return found;
}

template <typename Kind>
const Kind* TableReader::as(std::string_view key, bool required, std::string_view what) {
  const toml::node* found = node(key, required);
  if (found == nullptr) return nullptr;
  const Kind* typed = found->as<typename std::remove_cv_t<Kind>>();
  if (typed == nullptr) refuse("tool.key_type", fmt::format("'{}' must be {}", path(key), what), found->source());
  return typed;
}

std::string TableReader::text(std::string_view key, bool required, std::size_t longest) {
  const auto* found = as<toml::value<std::string>>(key, required, "a text");
  if (found == nullptr) return {};
  std::string value = found->get();
  if (required && trimmed(value).empty()) refuse("tool.key_empty", fmt::format("'{}' is empty", path(key)), key);
  if (value.size() > longest) {
    refuse("tool.key_long", fmt::format("'{}' is longer than {} characters", path(key), longest), key);
  }
  return value;
}

std::vector<std::string> TableReader::texts(std::string_view key, bool required) {
  std::vector<std::string> out;
  const auto* list = as<toml::array>(key, required, "a list of texts");
  if (list == nullptr) return out;
  for (const toml::node& each : *list) {
    const auto* value = each.as_string();
    if (value == nullptr) {
      refuse("tool.key_type", fmt::format("'{}' must hold texts only", path(key)), each.source());
      return {};
    }
    out.push_back(value->get());
  }
  if (required && out.empty()) refuse("tool.key_empty", fmt::format("'{}' is empty", path(key)), key);
  return out;
}

bool TableReader::boolean(std::string_view key, bool required, bool absent) {
  const auto* found = as<toml::value<bool>>(key, required, "true or false");
  return found == nullptr ? absent : found->get();
}

std::int64_t TableReader::integer(std::string_view key, std::int64_t least, std::int64_t most,
                                  std::optional<std::int64_t> absent) {
  const auto* found = as<toml::value<std::int64_t>>(key, !absent, "a whole number");
  if (found == nullptr) return absent.value_or(least);
  if (found->get() < least || found->get() > most) {
    refuse("tool.key_range", fmt::format("'{}' must lie between {} and {}", path(key), least, most), key);
  }
  return found->get();
}

std::optional<double> TableReader::number(std::string_view key, bool required) {
  const toml::node* found = node(key, required);
  if (found == nullptr) return std::nullopt;
  const auto value = found->value<double>();
  if (!found->is_number() || !value || !std::isfinite(*value)) {
    refuse("tool.key_type", fmt::format("'{}' must be a finite number", path(key)), found->source());
    return std::nullopt;
  }
  return value;
}

std::string TableReader::choice(std::string_view key, const std::vector<std::string>& choices, bool required) {
  std::string value = text(key, required);
  if (!value.empty() && std::find(choices.begin(), choices.end(), value) == choices.end()) {
    refuse("tool.key_choice", fmt::format("'{}' is not one of {}", path(key), fmt::join(choices, ", ")), key);
  }
  return value;
}

const toml::table* TableReader::table(std::string_view key, bool required) {
  return as<toml::table>(key, required, "a table");
}

std::vector<const toml::table*> TableReader::tables(std::string_view key, bool required) {
  std::vector<const toml::table*> out;
  const auto* list = as<toml::array>(key, required, "a list of tables");
  if (list == nullptr) return out;
  for (const toml::node& each : *list) {
    if (const auto* inner = each.as_table()) {
      out.push_back(inner);
    } else {
      refuse("tool.key_type", fmt::format("'{}' must hold tables only", path(key)), each.source());
    }
  }
  return out;
}

void TableReader::finish() {
  for (const auto& [key, value] : table_) {
    if (asked_.contains(std::string_view(key.str()))) continue;
    std::vector<std::string_view> known(asked_.begin(), asked_.end());
    const auto near = nearest(key.str(), known);
    refuse("tool.key_unknown", fmt::format("'{}' is no known key", path(key.str())), key.source(),
           near ? fmt::format("Did you mean '{}'?", *near) : fmt::format("Known here: {}.", fmt::join(known, ", ")));
    return;
  }
}

}  // namespace vedette::analysis
