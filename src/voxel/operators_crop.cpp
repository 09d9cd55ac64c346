#include <algorithm>

#include "voxel/crop.hpp"
#include "voxel/operator_parts.hpp"

/// Operators that take voxels away or add some.
namespace vedette::voxel {

using namespace parts;

namespace {

constexpr ParameterRule three_voxels(std::string_view name, bool needed, std::string_view standard,
                                     std::string_view help) {
  return {.name = name,
          .type = Type::numbers,
          .standard = standard,
          .needed = needed,
          .least = 0,
          .most = 65536,
          .count_least = 3,
          .count_most = 3,
          .unit = "voxels",
          .help = help};
}

Result<Form> image_form(std::string_view op, Forms inputs) {
  Form form = VEDETTE_TRY(one(op, inputs, Form::Kind::image));
  remember(form);
  return form;
}

Result<Form> crop_form(Forms inputs, const Values& values, const Surroundings&) {
  Form form = VEDETTE_TRY(image_form("crop", inputs));
  const auto low = three(numbers(values, "low")), high = three(numbers(values, "high"));
  for (std::size_t a = 0; a < 3; ++a) {
    if (high[a] <= low[a] || (form.shape[a] && low[a] >= *form.shape[a])) {
      return refusal("crop", "empty", "Nothing of the image lies inside the crop.", "Check low and high.");
    }
    if (form.shape[a]) form.shape[a] = std::min(high[a], *form.shape[a]) - low[a];
  }
  return form;
}
Result<Operand> crop_run(Inputs inputs, const Values& values, const Surroundings&) {
  const Range3 range{three(numbers(values, "low")), three(numbers(values, "high"))};
  return Operand(VEDETTE_TRY(crop(VEDETTE_TRY(one_of<Image>("crop", inputs)), range)));
}
constexpr ParameterRule crop_rules[] = {three_voxels("low", true, "", "first index kept along slice, row, column"),
                                        three_voxels("high", true, "", "index after the last one kept")};

Result<Form> crop_centre_form(Forms inputs, const Values& values, const Surroundings&) {
  Form form = VEDETTE_TRY(image_form("crop_centre", inputs));
  const auto shape = three(numbers(values, "shape"));
  for (std::size_t a = 0; a < 3; ++a) {
    if (shape[a] > 0 && form.shape[a]) form.shape[a] = std::min(shape[a], *form.shape[a]);
  }
  return form;
}
Result<Operand> crop_centre_run(Inputs inputs, const Values& values, const Surroundings&) {
  const auto shape = three(numbers(values, "shape"));
  return Operand(VEDETTE_TRY(crop_centre(VEDETTE_TRY(one_of<Image>("crop_centre", inputs)), shape)));
}
constexpr ParameterRule crop_centre_rules[] = {
    three_voxels("shape", true, "", "greatest size along slice, row, column; 0 keeps an axis")};

Result<Form> unknown_shape(std::string_view op, Forms inputs, const Values& values) {
  Form form = VEDETTE_TRY(image_form(op, inputs));
  VEDETTE_TRY(unit_agrees(op, form, values));
  form.shape = {};
  return form;
}

Result<Form> crop_foreground_form(Forms inputs, const Values& values, const Surroundings&) {
  return unknown_shape("crop_foreground", inputs, values);
}
Result<Operand> crop_foreground_run(Inputs inputs, const Values& values, const Surroundings&) {
  const Image image = VEDETTE_TRY(one_of<Image>("crop_foreground", inputs));
  VEDETTE_TRY(unit_agrees("crop_foreground", image.unit, text(values, "unit")));
  const ForegroundOptions options{static_cast<float>(number(values, "above")), boolean(values, "not_zero"),
                                  static_cast<int>(integer(values, "margin"))};
  return Operand(VEDETTE_TRY(crop(image, VEDETTE_TRY(foreground_of(image, options)))));
}
constexpr ParameterRule crop_foreground_rules[] = {
    {.name = "above", .type = Type::number, .standard = "0", .unit = "image", .help = "foreground is above this value"},
    {.name = "not_zero",
     .type = Type::boolean,
     .standard = "false",
     .help = "foreground is what is not 0 (nnU-Net) instead of what is above"},
    {.name = "margin",
     .type = Type::integer,
     .standard = "0",
     .least = 0,
     .most = 10000,
     .unit = "voxels",
     .help = "voxels kept around the foreground"},
    {.name = "unit", .type = Type::text, .help = "unit of above; when given it must be the image's"}};

Result<Form> crop_body_form(Forms inputs, const Values& values, const Surroundings&) {
  return unknown_shape("crop_body", inputs, values);
}
Result<Operand> crop_body_run(Inputs inputs, const Values& values, const Surroundings&) {
  const Image image = VEDETTE_TRY(one_of<Image>("crop_body", inputs));
  VEDETTE_TRY(unit_agrees("crop_body", image.unit, text(values, "unit")));
  const Range3 range =
      VEDETTE_TRY(body_of(image, static_cast<float>(number(values, "above")), number(values, "margin")));
  return Operand(VEDETTE_TRY(crop(image, range)));
}
constexpr ParameterRule crop_body_rules[] = {
    {.name = "above",
     .type = Type::number,
     .standard = "-500",
     .unit = "image",
     .help = "the body is the largest connected part above this value"},
    {.name = "margin",
     .type = Type::number,
     .standard = "0",
     .least = 0,
     .most = 1000,
     .unit = "mm",
     .help = "distance kept around the body"},
    {.name = "unit", .type = Type::text, .standard = "HU", .help = "unit of above; must be the image's"}};

Result<Form> pad_form(Forms inputs, const Values& values, const Surroundings&) {
  Form form = VEDETTE_TRY(image_form("pad", inputs));
  const auto shape = three(numbers(values, "shape")), multiple = three(numbers(values, "multiple"));
  const auto before = three(numbers(values, "before")), after = three(numbers(values, "after"));
  for (std::size_t a = 0; a < 3; ++a) {
    if (!form.shape[a]) continue;
    const int unit = std::max(multiple[a], 1);
    const int wide = std::max(*form.shape[a] + before[a] + after[a], shape[a]);
    form.shape[a] = (wide + unit - 1) / unit * unit;
  }
  if (text(values, "mode") == "constant" && form.low && form.high) {
    form.low = std::min(*form.low, number(values, "fill"));
    form.high = std::max(*form.high, number(values, "fill"));
  }
  return form;
}
Result<Operand> pad_run(Inputs inputs, const Values& values, const Surroundings&) {
  const Image image = VEDETTE_TRY(one_of<Image>("pad", inputs));
  const auto shape = three(numbers(values, "shape")), multiple = three(numbers(values, "multiple"));
  const auto before = three(numbers(values, "before")), after = three(numbers(values, "after"));
  Grid wide = image.grid;
  wide.slices += before[0] + after[0];
  wide.rows += before[1] + after[1];
  wide.columns += before[2] + after[2];
  PadOptions options = padding_to(wide, shape, multiple);
  for (std::size_t a = 0; a < 3; ++a) {
    options.before[a] += before[a];
    options.after[a] += after[a];
  }
  const std::string& mode = text(values, "mode");
  options.mode = mode == "constant" ? PadOptions::Mode::constant
                 : mode == "edge"   ? PadOptions::Mode::edge
                                    : PadOptions::Mode::reflect;
  options.fill = static_cast<float>(number(values, "fill"));
  return Operand(VEDETTE_TRY(pad(image, options)));
}
constexpr ParameterRule pad_rules[] = {
    three_voxels("before", false, "0 0 0", "voxels added before slice, row, column"),
    three_voxels("after", false, "0 0 0", "voxels added after"),
    three_voxels("shape", false, "0 0 0", "then to at least this size, half before, the odd one after"),
    three_voxels("multiple", false, "0 0 0", "then to a multiple of this"),
    {.name = "mode",
     .type = Type::text,
     .standard = "constant",
     .choices = "constant edge reflect",
     .help = "what is added, as numpy.pad"},
    {.name = "fill", .type = Type::number, .standard = "0", .unit = "image", .help = "value of constant"}};

}  // namespace

extern const Operator crop_operator{.name = "crop",
                                    .help = "Keeps a range of indices.",
                                    .changes = "shape; undone by invert, which knows nothing outside",
                                    .parameters = crop_rules,
                                    .form = crop_form,
                                    .run = crop_run};
extern const Operator crop_centre_operator{.name = "crop_centre",
                                           .help = "Keeps the middle.",
                                           .changes = "shape; undone by invert",
                                           .parameters = crop_centre_rules,
                                           .form = crop_centre_form,
                                           .run = crop_centre_run};
extern const Operator crop_foreground_operator{.name = "crop_foreground",
                                               .help = "Keeps the box around all foreground.",
                                               .changes = "shape, by the image; undone by invert",
                                               .parameters = crop_foreground_rules,
                                               .form = crop_foreground_form,
                                               .run = crop_foreground_run};
extern const Operator crop_body_operator{.name = "crop_body",
                                         .help = "Keeps the box around the largest connected part.",
                                         .changes = "shape, by the image; undone by invert",
                                         .parameters = crop_body_rules,
                                         .form = crop_body_form,
                                         .run = crop_body_run};
extern const Operator pad_operator{.name = "pad",
                                   .help = "Adds voxels around the image.",
                                   .changes = "shape; the added ones are never read by invert",
                                   .parameters = pad_rules,
                                   .form = pad_form,
                                   .run = pad_run};

}  // namespace vedette::voxel
