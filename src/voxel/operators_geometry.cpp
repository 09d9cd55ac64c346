#include <algorithm>
#include <cmath>

#include "voxel/crop.hpp"
#include "voxel/operator_parts.hpp"
#include "voxel/orient.hpp"
#include "voxel/resample.hpp"

/// Operators that change the grid.
namespace vedette::voxel {

using namespace parts;

namespace {

constexpr ParameterRule order_rule{.name = "order",
                                   .type = Type::text,
                                   .standard = "linear",
                                   .choices = "nearest linear cubic",
                                   .help = "interpolation: nearest (0), linear (1), cubic B-spline (3)"};
constexpr ParameterRule keep_range_rule{.name = "keep_range",
                                        .type = Type::boolean,
                                        .standard = "false",
                                        .help = "cubic: no value below the least or above the greatest of the source"};
constexpr ParameterRule shape_rule{.name = "shape",
                                   .type = Type::numbers,
                                   .needed = true,
                                   .least = 0,
                                   .most = 65536,
                                   .count_least = 3,
                                   .count_most = 3,
                                   .unit = "voxels",
                                   .help = "size along slice, row, column; 0 keeps an axis"};

int order_of(const Values& values, std::string_view name = "order") {
  const std::string& word = text(values, name);
  return word == "nearest" ? 0 : word == "linear" ? 1 : 3;
}

/// What any interpolation does to the bounds of values.
void after_interpolation(Form& form, int order, bool keeps) {
  if (order == 3 && !keeps) form.low = form.high = std::nullopt;
}

void set_shape(Form& form, const std::array<int, 3>& shape) {
  for (std::size_t a = 0; a < 3; ++a) {
    if (shape[a] <= 0) continue;
    if (form.spacing[a] && form.shape[a]) form.spacing[a] = *form.spacing[a] * *form.shape[a] / shape[a];
    if (!form.shape[a]) form.spacing[a] = std::nullopt;
    form.shape[a] = shape[a];
  }
}

// reorient

constexpr ParameterRule reorient_rules[] = {
    {.name = "code",
     .type = Type::text,
     .needed = true,
     .help = "directions in which the tensor's axes 1, 2, 3 grow, such as RAS"}};

Result<Form> reorient_form(Forms inputs, const Values& values, const Surroundings&) {
  if (inputs.size() != 1) return refusal("reorient", "inputs", "The step takes one input.", "");
  Form form = inputs[0];
  if (form.placed && !*form.placed) {
    return refusal("reorient", "not_placed", "The image does not say where it lies in the patient.",
                   "Leave the step out.");
  }
  const std::string& code = text(values, "code");
  const Grid any = grid_of({2, 2, 2}, {}, {Vec3{0, 0, 1}, Vec3{0, 1, 0}, Vec3{1, 0, 0}});
  VEDETTE_TRY(reoriented(any, code));
  remember(form);
  const Form old = form;
  const auto axis_of = [](char letter) {
    return letter == 'R' || letter == 'L' ? 0 : letter == 'A' || letter == 'P' ? 1 : 2;
  };
  for (std::size_t t = 0; t < 3; ++t) {
    form.shape[t] = std::nullopt;
    form.spacing[t] = std::nullopt;
    for (std::size_t s = 0; old.code && s < 3; ++s) {
      if (axis_of((*old.code)[s]) != axis_of(code[t])) continue;
      form.shape[t] = old.shape[s];
      form.spacing[t] = old.spacing[s];
    }
  }
  form.code = code;
  return form;
}

Result<Operand> reorient_run(Inputs inputs, const Values& values, const Surroundings& with) {
  if (inputs.size() == 1 && std::holds_alternative<LabelMap>(inputs[0])) {
    return Operand(VEDETTE_TRY(reorient(std::get<LabelMap>(inputs[0]), text(values, "code"), with.threads)));
  }
  const Image image = VEDETTE_TRY(one_of<Image>("reorient", inputs));
  return Operand(VEDETTE_TRY(reorient(image, text(values, "code"), with.threads)));
}

// flip

constexpr ParameterRule flip_rules[] = {{.name = "axes",
                                         .type = Type::texts,
                                         .needed = true,
                                         .count_least = 1,
                                         .count_most = 3,
                                         .choices = "slice row column",
                                         .help = "tensor axes to mirror"}};

Result<Form> flip_form(Forms inputs, const Values& values, const Surroundings&) {
  Form form = VEDETTE_TRY(one("flip", inputs, Form::Kind::image));
  remember(form);
  const auto axes = axes_named(texts(values, "axes"));
  constexpr std::string_view letters = "LRPASI";
  for (std::size_t a = 0; a < 3 && form.code; ++a) {
    if (axes[a]) (*form.code)[a] = letters[letters.find((*form.code)[a]) ^ 1U];
  }
  return form;
}

Result<Operand> flip_run(Inputs inputs, const Values& values, const Surroundings&) {
  return Operand(flip(VEDETTE_TRY(one_of<Image>("flip", inputs)), axes_named(texts(values, "axes"))));
}

// resample, resample_to

constexpr ParameterRule resample_rules[] = {
    {.name = "spacing",
     .type = Type::numbers,
     .needed = true,
     .least = 0,
     .most = 1000,
     .count_least = 3,
     .count_most = 3,
     .unit = "mm",
     .help = "distance of voxels along slice, row, column; 0 keeps an axis"},
    order_rule,
    {.name = "fit",
     .type = Type::text,
     .standard = "extent",
     .choices = "extent centres",
     .help = "extent: same body, spacing gives way (nnU-Net); centres: exact spacing from the first centre (MONAI "
             "Spacing)"},
    {.name = "anisotropy",
     .type = Type::number,
     .standard = "0",
     .least = 0,
     .most = 1000,
     .unit = "1",
     .help = "spacing ratio above which the coarse axis gets order_coarse; 0: never, nnU-Net: 3"},
    {.name = "order_coarse",
     .type = Type::text,
     .standard = "nearest",
     .choices = "nearest linear cubic",
     .help = "interpolation along the coarse axis"},
    keep_range_rule};

Result<Form> resample_form(Forms inputs, const Values& values, const Surroundings&) {
  if (inputs.size() != 1) return refusal("resample", "inputs", "The step takes one input.", "");
  Form form = inputs[0];
  if (form.placed && !*form.placed) {
    return refusal("resample", "not_placed", "The image has no spacing in millimetres.",
                   "Use resize, which counts pixels.");
  }
  remember(form);
  const bool extent = text(values, "fit") == "extent";
  const auto spacing = numbers(values, "spacing");
  for (std::size_t a = 0; a < 3; ++a) {
    if (!(spacing[a] > 0)) continue;
    if (form.shape[a] && form.spacing[a]) {
      const double now = *form.spacing[a], size = *form.shape[a];
      const double exact = extent ? size * now / spacing[a] : (size - 1) * now / spacing[a] + 1;
      const double whole =
          std::max(1.0, std::nearbyint(std::abs(exact - std::round(exact)) < 1e-6 ? std::round(exact) : exact));
      form.shape[a] = static_cast<int>(whole);
      form.spacing[a] = extent ? size * now / whole : spacing[a];
    } else {
      form.shape[a] = std::nullopt;
      form.spacing[a] = spacing[a];
    }
  }
  after_interpolation(form, order_of(values), boolean(values, "keep_range"));
  return form;
}

Result<Operand> resample_run(Inputs inputs, const Values& values, const Surroundings& with) {
  const Fit fit = text(values, "fit") == "extent" ? Fit::extent : Fit::centres;
  const auto spacing = numbers(values, "spacing");
  const std::array<double, 3> wanted{spacing[0], spacing[1], spacing[2]};
  ResampleOptions options;
  options.order = order_of(values);
  options.anisotropy = number(values, "anisotropy");
  options.order_coarse = order_of(values, "order_coarse");
  options.keep_range = boolean(values, "keep_range");
  options.threads = with.threads;
  if (inputs.size() == 1 && std::holds_alternative<LabelMap>(inputs[0])) {
    const auto& labels = std::get<LabelMap>(inputs[0]);
    return Operand(VEDETTE_TRY(resample(labels, grid_of_spacing(labels.grid, wanted, fit), options)));
  }
  const Image image = VEDETTE_TRY(one_of<Image>("resample", inputs));
  if (!image.placed) {
    return refusal("resample", "not_placed", "The image has no spacing in millimetres.",
                   "Use resize, which counts pixels.");
  }
  return Operand(VEDETTE_TRY(resample(image, grid_of_spacing(image.grid, wanted, fit), options)));
}

constexpr ParameterRule resample_to_rules[] = {
    order_rule,
    {.name = "outside",
     .type = Type::text,
     .standard = "fill",
     .choices = "fill edge",
     .help = "beyond the source: the value of fill, or its edge"},
    {.name = "fill", .type = Type::number, .standard = "0", .unit = "image", .help = "value beyond the source"},
    keep_range_rule};

Result<Form> resample_to_form(Forms inputs, const Values& values, const Surroundings& with) {
  if (inputs.size() != 1) return refusal("resample_to", "inputs", "The step takes one input.", "");
  Form form = inputs[0];
  remember(form);
  form.shape = {};
  form.spacing = {};
  form.code.reset();
  if (with.reference != nullptr) {
    const Form onto = form_of(Operand(Image{with.reference->grid, 1, {}, {}, true, false, {}, {}}));
    form.shape = onto.shape;
    form.spacing = onto.spacing;
    form.code = onto.code;
  }
  after_interpolation(form, order_of(values), boolean(values, "keep_range"));
  if (form.low && form.high && text(values, "outside") == "fill") {
    form.low = std::min(*form.low, number(values, "fill"));
    form.high = std::max(*form.high, number(values, "fill"));
  }
  return form;
}

Result<Operand> resample_to_run(Inputs inputs, const Values& values, const Surroundings& with) {
  if (with.reference == nullptr) {
    return refusal("resample_to", "reference", "There is no image to bring this one onto.",
                   "Name the input whose grid is meant.");
  }
  ResampleOptions options;
  options.order = order_of(values);
  options.outside = text(values, "outside") == "fill" ? ResampleOptions::Outside::fill : ResampleOptions::Outside::edge;
  options.fill_value = static_cast<float>(number(values, "fill"));
  options.keep_range = boolean(values, "keep_range");
  options.threads = with.threads;
  if (inputs.size() == 1 && std::holds_alternative<LabelMap>(inputs[0])) {
    return Operand(VEDETTE_TRY(resample(std::get<LabelMap>(inputs[0]), with.reference->grid, options)));
  }
  return Operand(
      VEDETTE_TRY(resample(VEDETTE_TRY(one_of<Image>("resample_to", inputs)), with.reference->grid, options)));
}

// resize, letterbox

constexpr ParameterRule antialias_rule{
    .name = "antialias",
    .type = Type::boolean,
    .standard = "false",
    .help = "where an axis shrinks by f, smooth with σ = (f - 1) / 2 first (scikit-image)"};
constexpr ParameterRule resize_rules[] = {shape_rule, order_rule, antialias_rule, keep_range_rule};
constexpr ParameterRule letterbox_rules[] = {
    shape_rule,
    order_rule,
    antialias_rule,
    keep_range_rule,
    {.name = "fill", .type = Type::number, .standard = "0", .unit = "image", .help = "value of the borders"}};

ResizeOptions resize_options(const Values& values, const Surroundings& with) {
  ResizeOptions options;
  options.shape = three(numbers(values, "shape"));
  options.order = order_of(values);
  options.antialias = boolean(values, "antialias");
  options.keep_range = boolean(values, "keep_range");
  options.threads = with.threads;
  return options;
}

Result<Form> resize_form(Forms inputs, const Values& values, const Surroundings&) {
  Form form = VEDETTE_TRY(one("resize", inputs, Form::Kind::image));
  remember(form);
  set_shape(form, three(numbers(values, "shape")));
  after_interpolation(form, order_of(values), boolean(values, "keep_range"));
  return form;
}

Result<Operand> resize_run(Inputs inputs, const Values& values, const Surroundings& with) {
  return Operand(VEDETTE_TRY(resize(VEDETTE_TRY(one_of<Image>("resize", inputs)), resize_options(values, with))));
}

Result<Form> letterbox_form(Forms inputs, const Values& values, const Surroundings&) {
  Form form = VEDETTE_TRY(one("letterbox", inputs, Form::Kind::image));
  remember(form);
  const auto shape = three(numbers(values, "shape"));
  for (std::size_t a = 0; a < 3; ++a) {
    if (shape[a] > 0) form.shape[a] = shape[a];
    form.spacing[a] = std::nullopt;
  }
  after_interpolation(form, order_of(values), boolean(values, "keep_range"));
  if (form.low && form.high) {
    form.low = std::min(*form.low, number(values, "fill"));
    form.high = std::max(*form.high, number(values, "fill"));
  }
  return form;
}

Result<Operand> letterbox_run(Inputs inputs, const Values& values, const Surroundings& with) {
  return Operand(VEDETTE_TRY(letterbox(VEDETTE_TRY(one_of<Image>("letterbox", inputs)), resize_options(values, with),
                                       static_cast<float>(number(values, "fill")))));
}

}  // namespace

extern const Operator reorient_operator{.name = "reorient",
                                        .help = "Turns and flips the axes to an orientation, without interpolation.",
                                        .changes = "shape and spacing are permuted; undone by invert",
                                        .parameters = reorient_rules,
                                        .form = reorient_form,
                                        .run = reorient_run};
extern const Operator flip_operator{.name = "flip",
                                    .help = "Mirrors axes of the tensor.",
                                    .changes = "orientation; undone by invert",
                                    .parameters = flip_rules,
                                    .form = flip_form,
                                    .run = flip_run};
extern const Operator resample_operator{
    .name = "resample",
    .help = "Interpolates to a voxel spacing; labels always by the nearest.",
    .changes = "shape and spacing; cubic may leave the range of values; undone by invert",
    .parameters = resample_rules,
    .form = resample_form,
    .run = resample_run};
extern const Operator resample_to_operator{
    .name = "resample_to",
    .help = "Interpolates onto the grid of another image, oblique to it or not; labels always by the nearest.",
    .changes = "shape, spacing and orientation become the other image's; undone by invert",
    .parameters = resample_to_rules,
    .form = resample_to_form,
    .run = resample_to_run};
extern const Operator resize_operator{
    .name = "resize",
    .help = "Interpolates to a size over the same extent (half-pixel centres, as align_corners = false).",
    .changes = "shape and spacing; cubic may leave the range of values; undone by invert",
    .parameters = resize_rules,
    .form = resize_form,
    .run = resize_run};
extern const Operator letterbox_operator{
    .name = "letterbox",
    .help = "Resizes with rows and columns in proportion and pads to the size, centred.",
    .changes = "shape and spacing; undone by invert",
    .parameters = letterbox_rules,
    .form = letterbox_form,
    .run = letterbox_run};

}  // namespace vedette::voxel
