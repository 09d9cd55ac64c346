#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "voxel/image.hpp"
#include "voxel/network.hpp"

namespace vedette::voxel {

/// A value of a declared pipeline.
using Value = std::variant<bool, std::int64_t, double, std::string, std::vector<double>, std::vector<std::string>>;
using Values = std::map<std::string, Value, std::less<>>;

/// One parameter of an operator, as a row of a table.
struct ParameterRule {
  enum class Type : std::uint8_t { boolean, integer, number, text, numbers, texts };
  std::string_view name{};
  Type type = Type::number;
  std::string_view standard{};  ///< default as text; numbers and texts separated by blanks; empty and `needed`: none
  bool needed = false;
  double least = -1e300, most = 1e300;          ///< of each number
  std::size_t count_least = 0, count_most = 0;  ///< of numbers and texts; 0: any
  /// "mm", "voxels", "share", "percent", "1" …; "image": the number is in the image's own unit, which the parameter
  /// `unit` then must name.
  std::string_view unit{};
  std::string_view choices{};  ///< texts separated by blanks; empty: any
  std::string_view help{};     ///< one line
};
std::string_view name_of(ParameterRule::Type type);

/// What is known of an operand before anything runs. Empty: not known, which never fails a check.
struct Form {
  enum class Kind : std::uint8_t { image, labels, boxes, segments };
  Kind kind = Kind::image;
  std::optional<int> channels;
  std::array<std::optional<int>, 3> shape;       ///< slice, row, column
  std::array<std::optional<double>, 3> spacing;  ///< mm
  std::optional<std::string> code;               ///< orientation, "RAS"
  std::optional<std::string> unit;
  std::optional<double> low, high;  ///< bounds of the values
  std::optional<bool> placed;
  /// Of the image before the first geometric step, to which `invert` goes back; none: nothing to undo.
  struct Source {
    std::array<std::optional<int>, 3> shape;
    std::array<std::optional<double>, 3> spacing;
    std::optional<std::string> code;
  };
  std::optional<Source> source;
};
std::string_view name_of(Form::Kind kind);
/// "image, 1 channel, 96 × ? × ?, 1.5 mm, RAS, HU, -1024 to 3071" for people.
std::string text_of(const Form& form);

using Operand = std::variant<Image, LabelMap, Boxes, Segments>;
Form form_of(const Operand& operand);

/// What operators that run or look up need from outside; empty members fail refused where one is needed.
struct Surroundings {
  Threads threads{};
  Network network{};
  std::optional<int> network_channels;  ///< that the network gives, when its file says so
  const Image* reference = nullptr;     ///< of "resample_to" and "measure"
  std::function<Result<void>(std::size_t done, std::size_t all)> progress{};
};

/// One operator: name, what it takes, and both ways to apply it: to a form and to values. Both get values that
/// `read_values` has passed. `form` refuses what `run` would refuse, as far as the form tells: a unit that is not the
/// image's, a kind that is not taken, a window larger than allowed.
struct Operator {
  std::string_view name{};
  std::string_view help{};     ///< one line
  std::string_view changes{};  ///< shape, unit, spacing, range: one line for people
  std::span<const ParameterRule> parameters{};
  enum class Takes : std::uint8_t { one, several } takes = Takes::one;
  Result<Form> (*form)(std::span<const Form> inputs, const Values& values, const Surroundings& with) = nullptr;
  Result<Operand> (*run)(std::vector<Operand> inputs, const Values& values, const Surroundings& with) = nullptr;
};

/// All operators by name. A new one is a file and a row in operators.inc.
std::span<const Operator* const> operators();
const Operator* operator_named(std::string_view name);

/// Checks names, types, bounds and choices, and fills in what is left out. Fails refused with the parameter's name, the
/// cause and the way out; an unknown name is answered with the nearest known one.
Result<Values> read_values(const Operator& op, const Values& given);

/// One step of a chain; the whole chain checked from a form, in order. Errors name the step.
struct Step {
  const Operator* op = nullptr;
  Values values;
};
Result<std::vector<Form>> check_chain(const Form& input, std::span<const Step> steps, const Surroundings& with);

/// Reading values that `read_values` has passed.
bool boolean(const Values& values, std::string_view name);
std::int64_t integer(const Values& values, std::string_view name);
double number(const Values& values, std::string_view name);
std::optional<double> maybe_number(const Values& values, std::string_view name);  ///< left out and without default
const std::string& text(const Values& values, std::string_view name);
std::vector<double> numbers(const Values& values, std::string_view name);
std::vector<std::string> texts(const Values& values, std::string_view name);

}  // namespace vedette::voxel
