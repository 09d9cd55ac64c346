#include <algorithm>
#include <cmath>

#include "voxel/grey.hpp"
#include "voxel/operator_parts.hpp"

/// Operators on grey values and channels.
namespace vedette::voxel {

using namespace parts;

namespace {

void set_range(Form& form, std::optional<double> low, std::optional<double> high) {
  form.low = low;
  form.high = high;
}

Result<Form> clip_form(Forms inputs, const Values& values, const Surroundings&) {
  Form form = VEDETTE_TRY(one("clip", inputs, Form::Kind::image));
  VEDETTE_TRY(unit_agrees("clip", form, values));
  const double low = number(values, "low"), high = number(values, "high");
  if (!(low < high)) return refusal("clip", "range", "low is not below high.", "Give low below high.");
  set_range(form, std::clamp(form.low.value_or(low), low, high), std::clamp(form.high.value_or(high), low, high));
  return form;
}
Result<Operand> clip_run(Inputs inputs, const Values& values, const Surroundings& with) {
  Image image = VEDETTE_TRY(one_of<Image>("clip", inputs));
  VEDETTE_TRY(unit_agrees("clip", image.unit, text(values, "unit")));
  clip(image, number(values, "low"), number(values, "high"), with.threads);
  return Operand(std::move(image));
}
constexpr ParameterRule clip_rules[] = {
    {.name = "low", .type = Type::number, .needed = true, .unit = "image", .help = "least value"},
    {.name = "high", .type = Type::number, .needed = true, .unit = "image", .help = "greatest value"},
    unit_rule};

Result<Form> scale_form(Forms inputs, const Values& values, const Surroundings&) {
  Form form = VEDETTE_TRY(one("scale", inputs, Form::Kind::image));
  const bool from_data = boolean(values, "from_data");
  const auto from_low = maybe_number(values, "from_low"), from_high = maybe_number(values, "from_high");
  if (!from_data && (!from_low || !from_high || text(values, "unit").empty())) {
    return refusal("scale", "from", "from_low, from_high and their unit are missing.",
                   "Give the three, or from_data = true for the image's own least and greatest value.");
  }
  const double to_low = number(values, "to_low"), to_high = number(values, "to_high");
  if (from_data || boolean(values, "clip")) {
    set_range(form, std::min(to_low, to_high), std::max(to_low, to_high));
  } else if (form.low && form.high) {
    const double factor = (to_high - to_low) / (*from_high - *from_low);
    const double a = (*form.low - *from_low) * factor + to_low, b = (*form.high - *from_low) * factor + to_low;
    set_range(form, std::min(a, b), std::max(a, b));
  }
  if (!from_data) VEDETTE_TRY(unit_agrees("scale", form, values));
  form.unit = text(values, "to_unit");
  return form;
}
Result<Operand> scale_run(Inputs inputs, const Values& values, const Surroundings& with) {
  Image image = VEDETTE_TRY(one_of<Image>("scale", inputs));
  ScaleOptions options;
  options.from_data = boolean(values, "from_data");
  if (!options.from_data) VEDETTE_TRY(unit_agrees("scale", image.unit, text(values, "unit")));
  options.from_low = maybe_number(values, "from_low").value_or(0);
  options.from_high = maybe_number(values, "from_high").value_or(0);
  options.to_low = number(values, "to_low");
  options.to_high = number(values, "to_high");
  options.clip = boolean(values, "clip");
  options.unit = text(values, "to_unit");
  options.threads = with.threads;
  VEDETTE_TRY(scale(image, options));
  return Operand(std::move(image));
}
constexpr ParameterRule scale_rules[] = {
    {.name = "from_low", .type = Type::number, .unit = "image", .help = "value that becomes to_low"},
    {.name = "from_high", .type = Type::number, .unit = "image", .help = "value that becomes to_high"},
    {.name = "to_low", .type = Type::number, .standard = "0", .unit = "1", .help = "what from_low becomes"},
    {.name = "to_high", .type = Type::number, .standard = "1", .unit = "1", .help = "what from_high becomes"},
    {.name = "clip", .type = Type::boolean, .standard = "false", .help = "keep the result between the two"},
    {.name = "from_data",
     .type = Type::boolean,
     .standard = "false",
     .help = "from the least and greatest value of each channel"},
    {.name = "unit", .type = Type::text, .help = "unit of from_low and from_high; must be the image's"},
    {.name = "to_unit", .type = Type::text, .standard = "1", .help = "unit of the result"}};

Result<Form> percentile_clip_form(Forms inputs, const Values& values, const Surroundings&) {
  Form form = VEDETTE_TRY(one("percentile_clip", inputs, Form::Kind::image));
  if (number(values, "low") < number(values, "high")) return form;
  return refusal("percentile_clip", "range", "low is not below high.", "Give low below high.");
}
Result<Operand> percentile_clip_run(Inputs inputs, const Values& values, const Surroundings&) {
  Image image = VEDETTE_TRY(one_of<Image>("percentile_clip", inputs));
  VEDETTE_TRY(percentile_clip(image, number(values, "low"), number(values, "high"), boolean(values, "not_zero")));
  return Operand(std::move(image));
}
constexpr ParameterRule percentile_clip_rules[] = {
    {.name = "low",
     .type = Type::number,
     .standard = "0.5",
     .least = 0,
     .most = 100,
     .unit = "percent",
     .help = "lower percentile"},
    {.name = "high",
     .type = Type::number,
     .standard = "99.5",
     .least = 0,
     .most = 100,
     .unit = "percent",
     .help = "upper percentile"},
    {.name = "not_zero", .type = Type::boolean, .standard = "false", .help = "count and change only what is not 0"}};

Result<Form> z_score_form(Forms inputs, const Values& values, const Surroundings&) {
  Form form = VEDETTE_TRY(one("z_score", inputs, Form::Kind::image));
  const auto mean = maybe_number(values, "mean"), sd = maybe_number(values, "sd");
  if (mean.has_value() != sd.has_value()) {
    return refusal("z_score", "mean", "Only one of mean and sd is given.", "Give both, or none for the image's own.");
  }
  if (mean && text(values, "unit").empty()) {
    return refusal("z_score", "unit", "mean and sd have no unit.", "Give their unit, such as HU.");
  }
  if (mean) VEDETTE_TRY(unit_agrees("z_score", form, values));
  if (mean && !boolean(values, "not_zero") && form.low && form.high) {
    set_range(form, (*form.low - *mean) / *sd, (*form.high - *mean) / *sd);
  } else {
    set_range(form, {}, {});
  }
  form.unit = "1";
  return form;
}
Result<Operand> z_score_run(Inputs inputs, const Values& values, const Surroundings& with) {
  Image image = VEDETTE_TRY(one_of<Image>("z_score", inputs));
  ZScoreOptions options;
  options.mean = maybe_number(values, "mean");
  options.sd = maybe_number(values, "sd");
  options.not_zero = boolean(values, "not_zero");
  options.per_channel = boolean(values, "per_channel");
  options.threads = with.threads;
  if (options.mean) VEDETTE_TRY(unit_agrees("z_score", image.unit, text(values, "unit")));
  VEDETTE_TRY(z_score(image, options));
  return Operand(std::move(image));
}
constexpr ParameterRule z_score_rules[] = {
    {.name = "not_zero", .type = Type::boolean, .standard = "false", .help = "only voxels that are not 0"},
    {.name = "per_channel", .type = Type::boolean, .standard = "true", .help = "each channel by itself"},
    {.name = "mean", .type = Type::number, .unit = "image", .help = "of training; left out: the image's own"},
    {.name = "sd",
     .type = Type::number,
     .least = 1e-12,
     .unit = "image",
     .help = "of training; left out: the image's own"},
    {.name = "unit", .type = Type::text, .help = "unit of mean and sd; must be the image's"}};

Result<Form> window_form(Forms inputs, const Values& values, const Surroundings&) {
  Form form = VEDETTE_TRY(one("window", inputs, Form::Kind::image));
  VEDETTE_TRY(unit_agrees("window", form, values));
  if (text(values, "function") == "linear" && number(values, "width") < 1) {
    return refusal("window", "width", "A linear window is narrower than 1.", "PS3.3 C.11.2.1.2 asks for 1 or more.");
  }
  set_range(form, number(values, "low"), number(values, "high"));
  form.unit = "1";
  return form;
}
Result<Operand> window_run(Inputs inputs, const Values& values, const Surroundings& with) {
  Image image = VEDETTE_TRY(one_of<Image>("window", inputs));
  VEDETTE_TRY(unit_agrees("window", image.unit, text(values, "unit")));
  WindowOptions options;
  options.centre = number(values, "centre");
  options.width = number(values, "width");
  const std::string& function = text(values, "function");
  options.function = function == "linear"         ? WindowFunction::linear
                     : function == "linear_exact" ? WindowFunction::linear_exact
                                                  : WindowFunction::sigmoid;
  options.low = number(values, "low");
  options.high = number(values, "high");
  options.threads = with.threads;
  VEDETTE_TRY(window(image, options));
  return Operand(std::move(image));
}
constexpr ParameterRule window_rules[] = {
    {.name = "centre", .type = Type::number, .needed = true, .unit = "image", .help = "window centre"},
    {.name = "width", .type = Type::number, .needed = true, .least = 1e-9, .unit = "image", .help = "window width"},
    {.name = "function",
     .type = Type::text,
     .standard = "linear",
     .choices = "linear linear_exact sigmoid",
     .help = "VOI LUT Function (PS3.3 C.11.2.1)"},
    {.name = "low", .type = Type::number, .standard = "0", .unit = "1", .help = "least value of the result"},
    {.name = "high", .type = Type::number, .standard = "1", .unit = "1", .help = "greatest value of the result"},
    unit_rule};

Result<Form> invert_monochrome1_form(Forms inputs, const Values& values, const Surroundings&) {
  Form form = VEDETTE_TRY(one("invert_monochrome1", inputs, Form::Kind::image));
  const auto low = maybe_number(values, "low"), high = maybe_number(values, "high");
  if (low.has_value() == high.has_value()) return form;
  return refusal("invert_monochrome1", "range", "Only one of low and high is given.", "Give both or none.");
}
Result<Operand> invert_monochrome1_run(Inputs inputs, const Values& values, const Surroundings& with) {
  Image image = VEDETTE_TRY(one_of<Image>("invert_monochrome1", inputs));
  const auto [least, most] = std::minmax_element(image.values.begin(), image.values.end());
  invert_monochrome1(image, maybe_number(values, "low").value_or(static_cast<double>(*least)),
                     maybe_number(values, "high").value_or(static_cast<double>(*most)), with.threads);
  return Operand(std::move(image));
}
constexpr ParameterRule invert_monochrome1_rules[] = {
    {.name = "low", .type = Type::number, .unit = "image", .help = "least possible value; left out: the image's least"},
    {.name = "high",
     .type = Type::number,
     .unit = "image",
     .help = "greatest possible value; left out: the image's greatest"}};

Result<Form> stack_channels_form(Forms inputs, const Values&, const Surroundings&) {
  if (inputs.empty()) return refusal("stack_channels", "inputs", "There is nothing to stack.", "");
  Form form = inputs[0];
  for (const Form& other : inputs.subspan(1)) {
    if (other.kind != Form::Kind::image) return refusal("stack_channels", "kind", "Only images are stacked.", "");
    for (std::size_t a = 0; a < 3; ++a) {
      if (form.shape[a] && other.shape[a] && *form.shape[a] != *other.shape[a]) {
        return refusal("stack_channels", "grid", "The images differ in size.",
                       "Bring them onto one grid with resample_to.");
      }
    }
    if (form.unit && other.unit && !same_unit(*form.unit, *other.unit)) {
      return refusal("stack_channels", "unit", fmt::format("Units differ: \"{}\" and \"{}\".", *form.unit, *other.unit),
                     "Normalise each image before stacking.");
    }
    form.channels = form.channels && other.channels ? std::optional(*form.channels + *other.channels) : std::nullopt;
    form.low = form.low && other.low ? std::optional(std::min(*form.low, *other.low)) : std::nullopt;
    form.high = form.high && other.high ? std::optional(std::max(*form.high, *other.high)) : std::nullopt;
  }
  return form;
}
Result<Operand> stack_channels_run(Inputs inputs, const Values&, const Surroundings&) {
  std::vector<Image> images;
  for (Operand& input : inputs) {
    auto* image = std::get_if<Image>(&input);
    if (image == nullptr) return refusal("stack_channels", "kind", "Only images are stacked.", "");
    VEDETTE_TRY(checked(*image));
    images.push_back(std::move(*image));
  }
  return Operand(VEDETTE_TRY(stack_channels(images)));
}

Result<Form> repeat_channel_form(Forms inputs, const Values& values, const Surroundings&) {
  Form form = VEDETTE_TRY(one("repeat_channel", inputs, Form::Kind::image));
  if (form.channels && *form.channels != 1) {
    return refusal("repeat_channel", "channels", fmt::format("The image has {} channels.", *form.channels),
                   "Only an image of one channel can be repeated.");
  }
  form.channels = static_cast<int>(integer(values, "channels"));
  return form;
}
Result<Operand> repeat_channel_run(Inputs inputs, const Values& values, const Surroundings&) {
  return Operand(VEDETTE_TRY(repeat_channel(VEDETTE_TRY(one_of<Image>("repeat_channel", inputs)),
                                            static_cast<int>(integer(values, "channels")))));
}
constexpr ParameterRule repeat_channel_rules[] = {{.name = "channels",
                                                   .type = Type::integer,
                                                   .standard = "3",
                                                   .least = 1,
                                                   .most = 64,
                                                   .unit = "1",
                                                   .help = "how many equal channels"}};

Result<Form> probability_form(std::string_view op, Forms inputs) {
  Form form = VEDETTE_TRY(one(op, inputs, Form::Kind::image));
  set_range(form, 0, 1);
  form.unit = "1";
  return form;
}
Result<Form> softmax_form(Forms inputs, const Values&, const Surroundings&) {
  return probability_form("softmax", inputs);
}
Result<Operand> softmax_run(Inputs inputs, const Values&, const Surroundings& with) {
  Image image = VEDETTE_TRY(one_of<Image>("softmax", inputs));
  softmax(image, with.threads);
  return Operand(std::move(image));
}
Result<Form> sigmoid_form(Forms inputs, const Values&, const Surroundings&) {
  return probability_form("sigmoid", inputs);
}
Result<Operand> sigmoid_run(Inputs inputs, const Values&, const Surroundings& with) {
  Image image = VEDETTE_TRY(one_of<Image>("sigmoid", inputs));
  sigmoid(image, with.threads);
  return Operand(std::move(image));
}

}  // namespace

extern const Operator clip_operator{.name = "clip",
                                    .help = "Sets values outside a range to its ends.",
                                    .changes = "range",
                                    .parameters = clip_rules,
                                    .form = clip_form,
                                    .run = clip_run};
extern const Operator scale_operator{.name = "scale",
                                     .help = "Maps one range of values to another (MONAI ScaleIntensityRange).",
                                     .changes = "range and unit",
                                     .parameters = scale_rules,
                                     .form = scale_form,
                                     .run = scale_run};
extern const Operator percentile_clip_operator{.name = "percentile_clip",
                                               .help = "Sets values outside two percentiles of the channel to them.",
                                               .changes = "range, by the image",
                                               .parameters = percentile_clip_rules,
                                               .form = percentile_clip_form,
                                               .run = percentile_clip_run};
extern const Operator z_score_operator{.name = "z_score",
                                       .help = "Subtracts the mean and divides by the standard deviation.",
                                       .changes = "unit 1; range by the image",
                                       .parameters = z_score_rules,
                                       .form = z_score_form,
                                       .run = z_score_run};
extern const Operator window_operator{.name = "window",
                                      .help = "Applies a window as a display does.",
                                      .changes = "unit 1; range low to high",
                                      .parameters = window_rules,
                                      .form = window_form,
                                      .run = window_run};
extern const Operator invert_monochrome1_operator{
    .name = "invert_monochrome1",
    .help = "Mirrors the values of images that show low ones white; leaves others alone.",
    .changes = "nothing but the values",
    .parameters = invert_monochrome1_rules,
    .form = invert_monochrome1_form,
    .run = invert_monochrome1_run};
extern const Operator stack_channels_operator{.name = "stack_channels",
                                              .help = "Makes the channels of one image of several on one grid.",
                                              .changes = "channels",
                                              .parameters = {},
                                              .takes = Operator::Takes::several,
                                              .form = stack_channels_form,
                                              .run = stack_channels_run};
extern const Operator repeat_channel_operator{.name = "repeat_channel",
                                              .help = "Repeats the only channel, for networks that expect colours.",
                                              .changes = "channels",
                                              .parameters = repeat_channel_rules,
                                              .form = repeat_channel_form,
                                              .run = repeat_channel_run};
extern const Operator softmax_operator{.name = "softmax",
                                       .help = "Turns scores of classes that exclude each other into shares of 1.",
                                       .changes = "unit 1; range 0 to 1",
                                       .parameters = {},
                                       .form = softmax_form,
                                       .run = softmax_run};
extern const Operator sigmoid_operator{.name = "sigmoid",
                                       .help = "Turns each score into a probability of its own.",
                                       .changes = "unit 1; range 0 to 1",
                                       .parameters = {},
                                       .form = sigmoid_form,
                                       .run = sigmoid_run};

}  // namespace vedette::voxel
