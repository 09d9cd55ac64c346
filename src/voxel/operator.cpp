#include "voxel/operator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.hpp"

namespace vedette::voxel {

#define VEDETTE_OPERATOR(name) extern const Operator name##_operator;
#include "voxel/operators.inc"
#undef VEDETTE_OPERATOR

namespace {

using Type = ParameterRule::Type;

#define VEDETTE_OPERATOR(name) &name##_operator,
constexpr const Operator* table[] = {
#include "voxel/operators.inc"
};
#undef VEDETTE_OPERATOR

Error wrong(const Operator& op, std::string_view what, std::string cause, std::string remedy) {
  return {Fault::refused, fmt::format("operator.{}.{}", op.name, what), std::move(cause), std::string(op.name),
          std::move(remedy)};
}

/// The value in the rule's own type; whole numbers stand for numbers and single values for lists.
std::optional<Value> fitted(const Value& value, Type type) {
  const auto* whole = std::get_if<std::int64_t>(&value);
  const auto* real = std::get_if<double>(&value);
  const auto* word = std::get_if<std::string>(&value);
  switch (type) {
    case Type::boolean:
      return std::holds_alternative<bool>(value) ? std::optional(value) : std::nullopt;
    case Type::integer:
      return whole != nullptr ? std::optional(value) : std::nullopt;
    case Type::number:
      if (whole != nullptr) return Value(static_cast<double>(*whole));
      return real != nullptr ? std::optional(value) : std::nullopt;
    case Type::text:
      return word != nullptr ? std::optional(value) : std::nullopt;
    case Type::numbers:
      if (whole != nullptr) return Value(std::vector<double>{static_cast<double>(*whole)});
      if (real != nullptr) return Value(std::vector<double>{*real});
      return std::holds_alternative<std::vector<double>>(value) ? std::optional(value) : std::nullopt;
    case Type::texts:
      if (word != nullptr) return Value(std::vector<std::string>{*word});
      return std::holds_alternative<std::vector<std::string>>(value) ? std::optional(value) : std::nullopt;
  }
  return std::nullopt;
}

Value standard_of(const ParameterRule& rule) {
  const std::string text(rule.standard);
  switch (rule.type) {
    case Type::boolean:
      return text == "true";
    case Type::integer:
      return static_cast<std::int64_t>(to_integer(text).value_or(0));
    case Type::number:
      return to_number(text).value_or(0);
    case Type::text:
      return text;
    case Type::numbers: {
      std::vector<double> out;
      for (const auto part : split(text, ' ')) {
        if (!part.empty()) out.push_back(to_number(part).value_or(0));
      }
      return out;
    }
    case Type::texts: {
      std::vector<std::string> out;
      for (const auto part : split(text, ' ')) {
        if (!part.empty()) out.emplace_back(part);
      }
      return out;
    }
  }
  return false;
}

Result<void> bounded(const Operator& op, const ParameterRule& rule, const Value& value) {
  std::vector<double> all;
  std::vector<std::string> words;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) all = {static_cast<double>(*whole)};
  if (const auto* real = std::get_if<double>(&value)) all = {*real};
  if (const auto* list = std::get_if<std::vector<double>>(&value)) all = *list;
  if (const auto* word = std::get_if<std::string>(&value)) words = {*word};
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) words = *list;
  const bool list = rule.type == Type::numbers || rule.type == Type::texts;
  const std::size_t count = rule.type == Type::numbers ? all.size() : words.size();
  if (list && (count < rule.count_least || (rule.count_most > 0 && count > rule.count_most))) {
    return wrong(op, rule.name, fmt::format("\"{}\" has {} values.", rule.name, count),
                 rule.count_least == rule.count_most ? fmt::format("Give {}.", rule.count_least)
                                                     : fmt::format("Give {} or more.", rule.count_least));
  }
  for (const double number : all) {
    if (!std::isfinite(number) || number < rule.least || number > rule.most) {
      return wrong(op, rule.name, fmt::format("\"{}\" is {}.", rule.name, number),
                   rule.most < 1e299 ? fmt::format("Give a number from {} to {}.", rule.least, rule.most)
                                     : fmt::format("Give a number of at least {}.", rule.least));
    }
  }
  const auto choices = split(rule.choices, ' ');
  for (const std::string& word : words) {
    if (rule.choices.empty() || std::find(choices.begin(), choices.end(), word) != choices.end()) continue;
    return wrong(op, rule.name, fmt::format("\"{}\" cannot be \"{}\".", rule.name, word),
                 fmt::format("Choose from: {}.", rule.choices));
  }
  return {};
}

template <typename T>
const T& held(const Values& values, std::string_view name) {
  return std::get<T>(values.find(name)->second);
}

}  // namespace

std::span<const Operator* const> operators() {
  return table;
}

const Operator* operator_named(std::string_view name) {
  for (const Operator* op : table) {
    if (op->name == name) return op;
  }
  return nullptr;
}

Result<Values> read_values(const Operator& op, const Values& given) {
  std::vector<std::string_view> names;
  for (const ParameterRule& rule : op.parameters) names.push_back(rule.name);
  for (const auto& [name, value] : given) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    const auto near = nearest(name, names);
    return wrong(
        op, "unknown_parameter", fmt::format("\"{}\" is no parameter of {}.", name, op.name),
        near ? fmt::format("Did you mean \"{}\"?", *near) : fmt::format("It knows: {}.", fmt::join(names, ", ")));
  }
  Values out;
  for (const ParameterRule& rule : op.parameters) {
    const auto found = given.find(rule.name);
    if (found == given.end()) {
      if (rule.needed) {
        return wrong(op, rule.name, fmt::format("\"{}\" is missing.", rule.name), fmt::format("Give {}.", rule.help));
      }
      const bool list = rule.type == Type::numbers || rule.type == Type::texts || rule.type == Type::text;
      if (!rule.standard.empty() || list) out.emplace(rule.name, standard_of(rule));
      continue;
    }
    auto value = fitted(found->second, rule.type);
    if (!value) {
      return wrong(op, rule.name, fmt::format("\"{}\" is no {}.", rule.name, name_of(rule.type)),
                   fmt::format("Give {}.", rule.help));
    }
    VEDETTE_TRY(bounded(op, rule, *value));
    out.emplace(rule.name, *std::move(value));
  }
  return out;
}

Result<std::vector<Form>> check_chain(const Form& input, std::span<const Step> steps, const Surroundings& with) {
  std::vector<Form> forms{input};
  for (std::size_t i = 0; i < steps.size(); ++i) {
    auto next = steps[i].op->form(std::span(&forms.back(), 1), steps[i].values, with);
    if (!next) {
      Error error = std::move(next).error();
      error.where = fmt::format("step {} of {}: {}", i + 1, steps.size(), steps[i].op->name);
      return error;
    }
    forms.push_back(*std::move(next));
  }
  return forms;
}

std::string_view name_of(ParameterRule::Type type) {
  constexpr std::string_view names[] = {"truth value", "whole number",    "number",
                                        "text",        "list of numbers", "list of texts"};
  return names[static_cast<std::size_t>(type)];
}

std::string_view name_of(Form::Kind kind) {
  constexpr std::string_view names[] = {"image", "labels", "boxes", "segments"};
  return names[static_cast<std::size_t>(kind)];
}

std::string text_of(const Form& form) {
  const auto known = [](const auto& value) { return value ? fmt::format("{}", *value) : std::string("?"); };
  std::string out(name_of(form.kind));
  if (form.channels) out += fmt::format(", {} channel{}", *form.channels, *form.channels == 1 ? "" : "s");
  out += fmt::format(", {} × {} × {}", known(form.shape[0]), known(form.shape[1]), known(form.shape[2]));
  if (form.spacing[0] || form.spacing[1] || form.spacing[2]) {
    out += fmt::format(", {} × {} × {} mm", known(form.spacing[0]), known(form.spacing[1]), known(form.spacing[2]));
  }
  if (form.code) out += ", " + *form.code;
  if (form.unit) out += form.unit->empty() ? ", arbitrary unit" : ", " + *form.unit;
  if (form.low && form.high) out += fmt::format(", {} to {}", *form.low, *form.high);
  return out;
}

namespace {

Form grid_form(const Grid& grid, bool placed, const std::vector<Undo>& steps, Form::Kind kind) {
  Form form;
  form.kind = kind;
  form.placed = placed;
  const auto fill = [](const Grid& of, auto& to) {
    for (std::size_t a = 0; a < 3; ++a) {
      to.shape[a] = shape_of(of)[a];
      to.spacing[a] = spacing_of(of)[a];
    }
    to.code = code_of(of);
  };
  fill(grid, form);
  if (!steps.empty()) {
    form.source.emplace();
    fill(steps.front().before, *form.source);
  }
  return form;
}

}  // namespace

Form form_of(const Operand& operand) {
  if (const auto* image = std::get_if<Image>(&operand)) {
    Form form = grid_form(image->grid, image->placed, image->steps, Form::Kind::image);
    form.channels = image->channels;
    form.unit = image->unit;
    return form;
  }
  if (const auto* labels = std::get_if<LabelMap>(&operand)) {
    Form form = grid_form(labels->grid, labels->placed, labels->steps, Form::Kind::labels);
    form.channels = labels->channels;
    return form;
  }
  if (const auto* boxes = std::get_if<Boxes>(&operand)) {
    return grid_form(boxes->grid, boxes->placed, boxes->steps, Form::Kind::boxes);
  }
  const auto& segments = std::get<Segments>(operand);
  return grid_form(segments.grid, segments.placed, {}, Form::Kind::segments);
}

bool boolean(const Values& values, std::string_view name) {
  return held<bool>(values, name);
}
std::int64_t integer(const Values& values, std::string_view name) {
  return held<std::int64_t>(values, name);
}
double number(const Values& values, std::string_view name) {
  return held<double>(values, name);
}
std::optional<double> maybe_number(const Values& values, std::string_view name) {
  const auto found = values.find(name);
  return found == values.end() ? std::nullopt : std::optional(std::get<double>(found->second));
}
const std::string& text(const Values& values, std::string_view name) {
  return held<std::string>(values, name);
}
std::vector<double> numbers(const Values& values, std::string_view name) {
  return held<std::vector<double>>(values, name);
}
std::vector<std::string> texts(const Values& values, std::string_view name) {
  return held<std::vector<std::string>>(values, name);
}

}  // namespace vedette::voxel
