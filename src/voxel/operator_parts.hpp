#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "voxel/operator.hpp"

/// What the files that define operators have in common.
namespace vedette::voxel::parts {

using Type = ParameterRule::Type;
using Inputs = std::vector<Operand>;
using Forms = std::span<const Form>;

/// Choices of several operators.
inline constexpr ParameterRule unit_rule{.name = "unit",
                                         .type = Type::text,
                                         .needed = true,
                                         .help = "unit that the numbers are meant in, such as HU; must be the image's"};

inline Error refusal(std::string_view op, std::string_view what, std::string cause, std::string remedy) {
  return {Fault::refused, fmt::format("operator.{}.{}", op, what), std::move(cause), std::string(op),
          std::move(remedy)};
}

/// Fails refused when the values are in another unit than the step's numbers.
inline Result<void> unit_agrees(std::string_view op, const std::string& has, const std::string& declared) {
  if (declared.empty() || same_unit(has, declared)) return {};
  return refusal(op, "unit", fmt::format("The values are in \"{}\", the step's numbers in \"{}\".", has, declared),
                 "Give the numbers in the image's unit, or take another input.");
}
inline Result<void> unit_agrees(std::string_view op, const Form& form, const Values& values) {
  return form.unit ? unit_agrees(op, *form.unit, text(values, "unit")) : Result<void>{};
}

inline Result<Form> one(std::string_view op, Forms inputs, Form::Kind kind) {
  if (inputs.size() != 1) {
    return refusal(op, "inputs", fmt::format("The step takes one input, not {}.", inputs.size()), "");
  }
  if (inputs[0].kind == kind) return inputs[0];
  return refusal(op, "kind", fmt::format("The step takes {}, not {}.", name_of(kind), name_of(inputs[0].kind)),
                 "Check the order of the steps.");
}

template <typename Kind>
Result<Kind> one_of(std::string_view op, Inputs& inputs) {
  if (inputs.size() != 1) {
    return refusal(op, "inputs", fmt::format("The step takes one input, not {}.", inputs.size()), "");
  }
  if (auto* held = std::get_if<Kind>(&inputs[0])) {
    if constexpr (requires { checked(*held); }) VEDETTE_TRY(checked(*held));
    return std::move(*held);
  }
  return refusal(op, "kind", "The step does not take such an input.", "Check the order of the steps.");
}

/// Remembers where the chain started, before the first geometric step.
inline void remember(Form& form) {
  if (!form.source) form.source = Form::Source{form.shape, form.spacing, form.code};
}

inline std::array<int, 3> three(const std::vector<double>& values) {
  std::array<int, 3> out{};
  for (std::size_t i = 0; i < 3 && i < values.size(); ++i) out[i] = static_cast<int>(values[i]);
  return out;
}
inline std::array<bool, 3> axes_named(const std::vector<std::string>& names) {
  std::array<bool, 3> out{};
  for (const auto& name : names) out[name == "slice" ? 0 : name == "row" ? 1 : 2] = true;
  return out;
}

}  // namespace vedette::voxel::parts
