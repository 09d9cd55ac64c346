#include "analysis/toml_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "analysis/keys.hpp"
#include "base/text.hpp"

namespace vedette::analysis {

namespace {

using Type = KeyRow::Type;

std::string_view words_of(Type type) {
  switch (type) {
    case Type::text:
      return "a text";
    case Type::texts:
      return "a list of texts";
    case Type::integer:
      return "a whole number";
    case Type::number:
      return "a finite number";
    case Type::numbers:
      return "a list of numbers";
    case Type::boolean:
      return "true or false";
    case Type::table:
      return "a table";
    case Type::tables:
      return "a list of tables";
  }
  return "";
}

bool is_number(const toml::node& node) {
  const auto value = node.value<double>();
  return node.is_number() && value && std::isfinite(*value);
}

template <typename Test>
bool all_of(const toml::node& node, const Test& test) {
  const auto* list = node.as_array();
  return list != nullptr && std::all_of(list->begin(), list->end(), test);
}

bool is_type(const toml::node& node, Type type) {
  switch (type) {
    case Type::text:
      return node.is_string();
    case Type::texts:
      return all_of(node, [](const toml::node& each) { return each.is_string(); });
    case Type::integer:
      return node.is_integer();
    case Type::number:
      return is_number(node);
    case Type::numbers:
      return all_of(node, is_number);
    case Type::boolean:
      return node.is_boolean();
    case Type::table:
      return node.is_table();
    case Type::tables:
      return all_of(node, [](const toml::node& each) { return each.is_table(); });
  }
  return false;
}

bool is_choice(std::string_view choices, std::string_view word) {
  const std::string all = " " + std::string(choices) + " ";
  return word.find(' ') == std::string_view::npos && all.find(" " + std::string(word) + " ") != std::string::npos;
}

std::string listed(std::string_view choices) {
  std::string out;
  for (const char c : choices) out += c == ' ' ? std::string(", ") : std::string(1, c);
  return out;
}

}  // namespace

TableReader::TableReader(const toml::table& table, std::string file, std::string rows, std::string name,
                         std::optional<Error>& fault, std::vector<std::string> also)
    : table_(table), file_(std::move(file)), rows_(std::move(rows)), name_(std::move(name)), fault_(fault) {
  check_rows(also);
}

void TableReader::check_rows(const std::vector<std::string>& also) {
  if (fault_) return;
  std::vector<std::string_view> known(also.begin(), also.end());
  for (const KeyRow& row : key_rows()) {
    if (row.table == rows_) known.push_back(row.key);
  }
  // A misspelt key first: it explains the missing one.
  for (const auto& [key, value] : table_) {
    if (std::find(known.begin(), known.end(), key.str()) != known.end()) continue;
    const auto near = nearest(key.str(), known);
    std::sort(known.begin(), known.end());
    refuse("tool.key_unknown", fmt::format("'{}' is no known key", path(key.str())), key.source(),
           near ? fmt::format("Did you mean '{}'?", *near) : fmt::format("Known here: {}.", fmt::join(known, ", ")));
    return;
  }
  for (const KeyRow& row : key_rows()) {
    if (row.table != rows_) continue;
    const toml::node* node = table_.get(row.key);
    if (node != nullptr) {
      check_key(row.key, *node);
    } else if (row.needed) {
      refuse("tool.key_missing", fmt::format("'{}' is missing", path(row.key)), table_.source(),
             fmt::format("Add '{}' to the file: {}.", path(row.key), row.help));
    }
  }
}

void TableReader::check_key(std::string_view key, const toml::node& node) {
  const KeyRow& row = *key_row(rows_, key);
  if (!is_type(node, row.type)) {
    refuse("tool.key_type", fmt::format("'{}' must be {}", path(key), words_of(row.type)), node.source());
    return;
  }
  std::vector<std::string> words;
  if (row.type == Type::text) words.push_back(node.as_string()->get());
  if (row.type == Type::texts) words = texts(key);
  for (const std::string& word : words) {
    if (row.needed && trimmed(word).empty()) refuse("tool.key_empty", fmt::format("'{}' is empty", path(key)), key);
    const auto longest = static_cast<std::size_t>(row.most > 0 ? row.most : 1000);
    if (word.size() > longest)
      refuse("tool.key_long", fmt::format("'{}' is longer than {} characters", path(key), longest), key);
    if (!row.choices.empty() && !is_choice(row.choices, word)) {
      // Two words have codes of their own, which other places name.
      const std::string code = key == "urgency" ? "tool.urgency" : key == "prefer" ? "tool.prefer" : "tool.key_choice";
      refuse(code, fmt::format("'{}' is not one that '{}' may be", word, path(key)), key,
             fmt::format("Known: {}.", listed(row.choices)));
    }
  }
  if (row.type == Type::texts && row.needed && words.empty())
    refuse("tool.key_empty", fmt::format("'{}' is empty", path(key)), key);
  if (row.type == Type::tables && row.needed && node.as_array()->empty())
    refuse("tool.key_empty", fmt::format("'{}' is empty", path(key)), key);
  if ((row.type == Type::integer || row.type == Type::number) && (row.least != 0 || row.most != 0)) {
    const double value = node.value<double>().value_or(0);
    if (value < row.least || value > row.most)
      refuse("tool.key_range", fmt::format("'{}' must lie between {:.0f} and {:.0f}", path(key), row.least, row.most),
             key);
  }
}

void TableReader::refuse(std::string_view code, std::string cause, const toml::source_region& at, std::string remedy) {
  if (fault_) return;
  fault_ = Error{Fault::refused, std::string(code), std::move(cause),
                 fmt::format("{}:{}:{}", file_, at.begin.line, at.begin.column), std::move(remedy)};
}
void TableReader::refuse(std::string_view code, std::string cause, std::string_view key, std::string remedy) {
  const toml::node* at = table_.get(key);
  refuse(code, std::move(cause), at == nullptr ? table_.source() : at->source(), std::move(remedy));
}

std::string TableReader::place() const {
  const auto& at = table_.source().begin;
  return fmt::format("{}:{}:{}", file_, at.line, at.column);
}

std::string TableReader::text(std::string_view key) const {
  const toml::node* found = table_.get(key);
  return found != nullptr && found->is_string() ? found->as_string()->get() : std::string();
}

std::vector<std::string> TableReader::texts(std::string_view key) const {
  std::vector<std::string> out;
  const toml::node* found = table_.get(key);
  if (found == nullptr || !is_type(*found, Type::texts)) return out;
  for (const toml::node& each : *found->as_array()) out.push_back(each.as_string()->get());
  return out;
}

bool TableReader::boolean(std::string_view key, bool absent) const {
  const toml::node* found = table_.get(key);
  return found == nullptr ? absent : found->value<bool>().value_or(absent);
}

std::int64_t TableReader::integer(std::string_view key, std::int64_t absent) const {
  const toml::node* found = table_.get(key);
  return found == nullptr || !found->is_integer() ? absent : found->as_integer()->get();
}

std::optional<double> TableReader::number(std::string_view key) const {
  const toml::node* found = table_.get(key);
  if (found == nullptr || !is_number(*found)) return std::nullopt;
  return found->value<double>();
}

const toml::table* TableReader::table(std::string_view key) const {
  const toml::node* found = table_.get(key);
  return found == nullptr ? nullptr : found->as_table();
}

std::vector<const toml::table*> TableReader::tables(std::string_view key) const {
  std::vector<const toml::table*> out;
  const toml::node* found = table_.get(key);
  if (found == nullptr || !is_type(*found, Type::tables)) return out;
  for (const toml::node& each : *found->as_array()) out.push_back(each.as_table());
  return out;
}

TableReader TableReader::below(const toml::table& inner, std::string_view key) const {
  return {inner, file_, rows_.empty() ? std::string(key) : rows_ + "." + std::string(key), path(key), fault_};
}
TableReader TableReader::below_as(const toml::table& inner, std::string_view key, std::string rows,
                                  std::vector<std::string> also) const {
  return {inner, file_, std::move(rows), path(key), fault_, std::move(also)};
}

}  // namespace vedette::analysis
