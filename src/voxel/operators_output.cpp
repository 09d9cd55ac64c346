#include <algorithm>
#include <cmath>

#include "voxel/boxes.hpp"
#include "voxel/labels.hpp"
#include "voxel/measure.hpp"
#include "voxel/operator_parts.hpp"
#include "voxel/undo.hpp"

/// Operators that run a network, decide, and bring the answer home.
namespace vedette::voxel {

using namespace parts;

namespace {

constexpr ParameterRule by_rule{.name = "by",
                                .type = Type::text,
                                .standard = "argmax",
                                .choices = "argmax threshold",
                                .help = "argmax: one class per voxel; threshold: each class by itself"};
constexpr ParameterRule at_rule{
    .name = "at", .type = Type::number, .standard = "0.5", .unit = "1", .help = "threshold: least value that counts"};
constexpr ParameterRule keep_rule{.name = "keep",
                                  .type = Type::integer,
                                  .standard = "0",
                                  .least = 0,
                                  .most = 64,
                                  .unit = "1",
                                  .help = "how many of the first geometric steps stay done"};
constexpr ParameterRule neighbours_rule{.name = "neighbours",
                                        .type = Type::integer,
                                        .standard = "26",
                                        .least = 6,
                                        .most = 26,
                                        .unit = "1",
                                        .help = "which voxels touch: 6 faces, 18 edges, 26 corners"};

DecideOptions decide_options(const Values& values) {
  return {text(values, "by") == "argmax" ? DecideOptions::By::argmax : DecideOptions::By::threshold,
          number(values, "at")};
}

void set_labels(Form& form, bool argmax) {
  form.kind = Form::Kind::labels;
  form.unit.reset();
  form.low = 0;
  form.high = argmax ? std::optional<double>{} : 1;
  if (argmax && form.channels) form.high = *form.channels - 1;
  if (argmax) form.channels = 1;
}

Result<void> back_home(std::string_view op, Form& form, const Values& values) {
  if (!form.source) {
    return refusal(op, "nothing", "No step before this one changed the grid.", "Leave the step out.");
  }
  if (integer(values, "keep") > 0) {
    form.shape = {};
    form.spacing = {};
    form.code.reset();
    return {};
  }
  form.shape = form.source->shape;
  form.spacing = form.source->spacing;
  form.code = form.source->code;
  form.source.reset();
  return {};
}

// sliding_window

constexpr ParameterRule window_size_rule{.name = "window",
                                         .type = Type::numbers,
                                         .needed = true,
                                         .least = 0,
                                         .most = 4096,
                                         .count_least = 3,
                                         .count_most = 3,
                                         .unit = "voxels",
                                         .help = "size along slice, row, column; 0: the whole axis"};
constexpr ParameterRule overlap_rule{.name = "overlap",
                                     .type = Type::numbers,
                                     .standard = "0.25",
                                     .least = 0,
                                     .most = 0.95,
                                     .count_least = 1,
                                     .count_most = 3,
                                     .unit = "share",
                                     .help = "share of a window that the next one covers again; one number or three"};
constexpr ParameterRule weights_rule{.name = "weights",
                                     .type = Type::text,
                                     .standard = "constant",
                                     .choices = "constant gaussian",
                                     .help = "how much a voxel counts by its place in the window"};
constexpr ParameterRule sigma_rule{.name = "sigma",
                                   .type = Type::number,
                                   .standard = "0.125",
                                   .least = 0.01,
                                   .most = 10,
                                   .unit = "share",
                                   .help = "of the Gaussian, as a share of the window"};
constexpr ParameterRule places_rule{.name = "places",
                                    .type = Type::text,
                                    .standard = "stepped",
                                    .choices = "stepped even",
                                    .help = "stepped: last window moved back (MONAI); even: equal distances (nnU-Net)"};
constexpr ParameterRule window_fill_rule{.name = "fill",
                                         .type = Type::number,
                                         .standard = "0",
                                         .unit = "image",
                                         .help = "around an image that is smaller than the window"};
constexpr ParameterRule mirror_rule{.name = "mirror",
                                    .type = Type::texts,
                                    .choices = "slice row column",
                                    .help = "axes whose flips are averaged over; each doubles the time"};
constexpr ParameterRule memory_rule{.name = "memory",
                                    .type = Type::number,
                                    .standard = "12",
                                    .least = 0.1,
                                    .most = 1024,
                                    .unit = "GiB",
                                    .help = "greatest size of the classes that are held"};
constexpr ParameterRule sliding_window_rules[] = {window_size_rule, overlap_rule,     weights_rule, sigma_rule,
                                                  places_rule,      window_fill_rule, mirror_rule,  memory_rule};
constexpr ParameterRule sliding_window_labels_rules[] = {window_size_rule, overlap_rule,     weights_rule, sigma_rule,
                                                         places_rule,      window_fill_rule, mirror_rule,  memory_rule,
                                                         by_rule,          at_rule,          keep_rule};

SlidingOptions sliding_options(const Values& values, const Surroundings& with) {
  SlidingOptions options;
  options.window = three(numbers(values, "window"));
  const auto overlap = numbers(values, "overlap");
  for (std::size_t a = 0; a < 3; ++a) options.overlap[a] = overlap[std::min(a, overlap.size() - 1)];
  options.weights =
      text(values, "weights") == "constant" ? SlidingOptions::Weights::constant : SlidingOptions::Weights::gaussian;
  options.sigma = number(values, "sigma");
  options.places = text(values, "places") == "stepped" ? SlidingOptions::Places::stepped : SlidingOptions::Places::even;
  options.fill = static_cast<float>(number(values, "fill"));
  options.mirror = axes_named(texts(values, "mirror"));
  options.most_bytes = static_cast<std::size_t>(number(values, "memory") * (1 << 30));
  options.threads = with.threads;
  options.progress = with.progress;
  return options;
}

Result<Form> sliding_window_form(Forms inputs, const Values&, const Surroundings& with) {
  Form form = VEDETTE_TRY(one("sliding_window", inputs, Form::Kind::image));
  form.channels = with.network_channels;
  form.unit = "";
  form.low = form.high = std::nullopt;
  return form;
}
Result<Operand> sliding_window_run(Inputs inputs, const Values& values, const Surroundings& with) {
  const Image image = VEDETTE_TRY(one_of<Image>("sliding_window", inputs));
  return Operand(VEDETTE_TRY(slide(image, sliding_options(values, with), with.network)));
}

Result<Form> sliding_window_labels_form(Forms inputs, const Values& values, const Surroundings& with) {
  Form form = VEDETTE_TRY(one("sliding_window_labels", inputs, Form::Kind::image));
  form.channels = with.network_channels;
  set_labels(form, text(values, "by") == "argmax");
  if (form.source) VEDETTE_TRY(back_home("sliding_window_labels", form, values));
  return form;
}
Result<Operand> sliding_window_labels_run(Inputs inputs, const Values& values, const Surroundings& with) {
  const Image image = VEDETTE_TRY(one_of<Image>("sliding_window_labels", inputs));
  const UndoOptions undo{static_cast<std::size_t>(integer(values, "keep")), 0, with.threads};
  return Operand(
      VEDETTE_TRY(slide_to_labels(image, sliding_options(values, with), with.network, decide_options(values), undo)));
}

// argmax, threshold

Result<Form> argmax_form(Forms inputs, const Values&, const Surroundings&) {
  Form form = VEDETTE_TRY(one("argmax", inputs, Form::Kind::image));
  if (form.channels && *form.channels < 2) {
    return refusal("argmax", "channels", "One channel has nothing to be compared with.", "Use threshold.");
  }
  set_labels(form, true);
  return form;
}
Result<Operand> argmax_run(Inputs inputs, const Values&, const Surroundings& with) {
  const Image image = VEDETTE_TRY(one_of<Image>("argmax", inputs));
  if (image.channels < 2 || image.channels > 65535) {
    return refusal("argmax", "channels", fmt::format("There are {} channels.", image.channels),
                   "argmax takes 2 to 65535; use threshold for one.");
  }
  return Operand(decide(image, {}, with.threads));
}

constexpr ParameterRule threshold_rules[] = {
    {.name = "at", .type = Type::number, .standard = "0.5", .unit = "image", .help = "least value that counts"},
    {.name = "unit", .type = Type::text, .help = "unit of at; when given it must be the image's"}};
Result<Form> threshold_form(Forms inputs, const Values& values, const Surroundings&) {
  Form form = VEDETTE_TRY(one("threshold", inputs, Form::Kind::image));
  VEDETTE_TRY(unit_agrees("threshold", form, values));
  const double at = number(values, "at");
  if ((form.low && form.high) && (at <= *form.low || at > *form.high)) {
    return refusal("threshold", "at", fmt::format("{} lies outside the values, {} to {}.", at, *form.low, *form.high),
                   "Every voxel would fall on one side: give a value inside.");
  }
  set_labels(form, false);
  return form;
}
Result<Operand> threshold_run(Inputs inputs, const Values& values, const Surroundings& with) {
  const Image image = VEDETTE_TRY(one_of<Image>("threshold", inputs));
  VEDETTE_TRY(unit_agrees("threshold", image.unit, text(values, "unit")));
  return Operand(decide(image, {DecideOptions::By::threshold, number(values, "at")}, with.threads));
}

// invert, labels_to_source

constexpr ParameterRule invert_rules[] = {keep_rule,
                                          {.name = "fill",
                                           .type = Type::number,
                                           .standard = "0",
                                           .unit = "image",
                                           .help = "of images, where a crop left nothing known"}};
Result<Form> invert_form(Forms inputs, const Values& values, const Surroundings&) {
  if (inputs.size() != 1) return refusal("invert", "inputs", "The step takes one input.", "");
  Form form = inputs[0];
  VEDETTE_TRY(back_home("invert", form, values));
  return form;
}
Result<Operand> invert_run(Inputs inputs, const Values& values, const Surroundings& with) {
  const UndoOptions options{static_cast<std::size_t>(integer(values, "keep")),
                            static_cast<float>(number(values, "fill")), with.threads};
  if (inputs.size() == 1) {
    if (const auto* labels = std::get_if<LabelMap>(&inputs[0]))
      return Operand(VEDETTE_TRY(to_source(*labels, options)));
    if (const auto* boxes = std::get_if<Boxes>(&inputs[0])) return Operand(VEDETTE_TRY(to_source(*boxes, options)));
  }
  return Operand(VEDETTE_TRY(to_source(VEDETTE_TRY(one_of<Image>("invert", inputs)), options)));
}

constexpr ParameterRule labels_to_source_rules[] = {by_rule, at_rule, keep_rule};
Result<Form> labels_to_source_form(Forms inputs, const Values& values, const Surroundings&) {
  Form form = VEDETTE_TRY(one("labels_to_source", inputs, Form::Kind::image));
  set_labels(form, text(values, "by") == "argmax");
  VEDETTE_TRY(back_home("labels_to_source", form, values));
  return form;
}
Result<Operand> labels_to_source_run(Inputs inputs, const Values& values, const Surroundings& with) {
  const Image image = VEDETTE_TRY(one_of<Image>("labels_to_source", inputs));
  const UndoOptions undo{static_cast<std::size_t>(integer(values, "keep")), 0, with.threads};
  return Operand(VEDETTE_TRY(to_source_labels(image, decide_options(values), undo)));
}

// keep_parts, relabel, segments, measure

Result<Neighbours> neighbours_of(std::string_view op, const Values& values) {
  const auto count = integer(values, "neighbours");
  if (count == 6) return Neighbours::faces6;
  if (count == 18) return Neighbours::edges18;
  if (count == 26) return Neighbours::corners26;
  return refusal(op, "neighbours", fmt::format("Voxels do not have {} neighbours.", count), "Give 6, 18 or 26.");
}

constexpr ParameterRule keep_parts_rules[] = {{.name = "least",
                                               .type = Type::number,
                                               .standard = "0",
                                               .least = 0,
                                               .most = 1e6,
                                               .unit = "ml",
                                               .help = "least volume of a part"},
                                              {.name = "least_voxels",
                                               .type = Type::integer,
                                               .standard = "0",
                                               .least = 0,
                                               .unit = "voxels",
                                               .help = "least size of a part"},
                                              {.name = "largest",
                                               .type = Type::integer,
                                               .standard = "0",
                                               .least = 0,
                                               .unit = "1",
                                               .help = "keep so many of the greatest; 0: all"},
                                              {.name = "labels",
                                               .type = Type::numbers,
                                               .least = 1,
                                               .most = 65535,
                                               .unit = "1",
                                               .help = "only parts of these labels; none: all"},
                                              neighbours_rule};
Result<Form> keep_parts_form(Forms inputs, const Values& values, const Surroundings&) {
  Form form = VEDETTE_TRY(one("keep_parts", inputs, Form::Kind::labels));
  VEDETTE_TRY(neighbours_of("keep_parts", values));
  if (number(values, "least") > 0 && form.placed && !*form.placed) {
    return refusal("keep_parts", "not_placed", "The image has no spacing in millimetres.", "Use least_voxels.");
  }
  return form;
}
Result<Operand> keep_parts_run(Inputs inputs, const Values& values, const Surroundings&) {
  LabelMap labels = VEDETTE_TRY(one_of<LabelMap>("keep_parts", inputs));
  KeepOptions options;
  options.least_ml = number(values, "least");
  options.least_voxels = static_cast<std::size_t>(integer(values, "least_voxels"));
  options.largest = static_cast<std::size_t>(integer(values, "largest"));
  for (const double label : numbers(values, "labels")) options.labels.push_back(static_cast<int>(label));
  options.neighbours = VEDETTE_TRY(neighbours_of("keep_parts", values));
  keep_parts(labels, options);
  return Operand(std::move(labels));
}

constexpr ParameterRule relabel_rules[] = {{.name = "table",
                                            .type = Type::numbers,
                                            .needed = true,
                                            .least = 0,
                                            .most = 65535,
                                            .count_least = 1,
                                            .unit = "1",
                                            .help = "new label of 0, of 1, of 2 …"}};
Result<Form> relabel_form(Forms inputs, const Values& values, const Surroundings&) {
  Form form = VEDETTE_TRY(one("relabel", inputs, Form::Kind::labels));
  const auto table = numbers(values, "table");
  if (form.high && *form.high >= static_cast<double>(table.size())) {
    return refusal("relabel", "table", fmt::format("The table ends before label {}.", *form.high), "Name every label.");
  }
  form.high = *std::max_element(table.begin(), table.end());
  return form;
}
Result<Operand> relabel_run(Inputs inputs, const Values& values, const Surroundings&) {
  LabelMap labels = VEDETTE_TRY(one_of<LabelMap>("relabel", inputs));
  std::vector<std::uint16_t> table;
  for (const double label : numbers(values, "table")) table.push_back(static_cast<std::uint16_t>(label));
  VEDETTE_TRY(relabel(labels, table));
  return Operand(std::move(labels));
}

constexpr ParameterRule segments_rules[] = {{.name = "names", .type = Type::texts, .help = "of labels 1, 2, 3 …"},
                                            {.name = "apart",
                                             .type = Type::boolean,
                                             .standard = "false",
                                             .help = "each connected part is a segment of its own"},
                                            neighbours_rule};
Result<Form> segments_form(Forms inputs, const Values& values, const Surroundings&) {
  Form form = VEDETTE_TRY(one("segments", inputs, Form::Kind::labels));
  VEDETTE_TRY(neighbours_of("segments", values));
  form.kind = Form::Kind::segments;
  form.channels.reset();
  form.low = form.high = std::nullopt;
  return form;
}
Result<Operand> segments_run(Inputs inputs, const Values& values, const Surroundings&) {
  const LabelMap labels = VEDETTE_TRY(one_of<LabelMap>("segments", inputs));
  SegmentOptions options;
  options.names = texts(values, "names");
  options.apart = boolean(values, "apart");
  options.neighbours = VEDETTE_TRY(neighbours_of("segments", values));
  return Operand(segments_of(labels, options));
}

constexpr ParameterRule measure_rules[] = {{.name = "channel",
                                            .type = Type::integer,
                                            .standard = "0",
                                            .least = 0,
                                            .most = 4096,
                                            .unit = "1",
                                            .help = "channel of the source image whose values count"}};
Result<Form> measure_form(Forms inputs, const Values&, const Surroundings&) {
  Form form = VEDETTE_TRY(one("measure", inputs, Form::Kind::segments));
  if (form.source) {
    return refusal("measure", "grid", "The segments do not lie on the source image's grid.",
                   "Bring the labels back with invert first.");
  }
  return form;
}
Result<Operand> measure_run(Inputs inputs, const Values& values, const Surroundings& with) {
  Segments segments = VEDETTE_TRY(one_of<Segments>("measure", inputs));
  if (with.reference == nullptr) {
    return refusal("measure", "reference", "There is no image to measure on.", "Name the input that is measured.");
  }
  VEDETTE_TRY(measure(segments, *with.reference, static_cast<int>(integer(values, "channel"))));
  return Operand(std::move(segments));
}

// decode_boxes

constexpr ParameterRule decode_boxes_rules[] = {
    {.name = "corners",
     .type = Type::boolean,
     .standard = "false",
     .help = "the network gives corners, not deltas to anchors"},
    {.name = "dimensions",
     .type = Type::integer,
     .standard = "3",
     .least = 2,
     .most = 3,
     .unit = "1",
     .help = "of the detector"},
    {.name = "strides",
     .type = Type::numbers,
     .least = 0.125,
     .most = 1024,
     .unit = "voxels",
     .help = "cell sizes along slice, row, column, three per level"},
    {.name = "anchors",
     .type = Type::numbers,
     .least = 0.1,
     .most = 4096,
     .unit = "voxels",
     .help = "anchor sizes along slice, row, column, three per anchor, on the first level"},
    {.name = "level_scales",
     .type = Type::numbers,
     .standard = "1",
     .least = 0.01,
     .most = 1024,
     .unit = "1",
     .help = "factor of the anchors on each level"},
    {.name = "logits", .type = Type::boolean, .standard = "true", .help = "scores are logits, not probabilities"},
    {.name = "least_score",
     .type = Type::number,
     .standard = "0.02",
     .least = 0,
     .most = 1,
     .unit = "1",
     .help = "lowest score kept"},
    {.name = "overlap",
     .type = Type::number,
     .standard = "0.22",
     .least = 0,
     .most = 1,
     .unit = "share",
     .help = "intersection over union above which the lower score goes"},
    {.name = "candidates",
     .type = Type::integer,
     .standard = "1000",
     .least = 1,
     .most = 1e6,
     .unit = "1",
     .help = "best boxes that are compared"},
    {.name = "most",
     .type = Type::integer,
     .standard = "300",
     .least = 1,
     .most = 1e5,
     .unit = "1",
     .help = "boxes kept"}};

Result<Form> decode_boxes_form(Forms inputs, const Values& values, const Surroundings&) {
  if (inputs.size() != 3) {
    return refusal("decode_boxes", "inputs", "The step takes the image, the box values and the scores.", "");
  }
  if (!boolean(values, "corners")) {
    const std::size_t strides = numbers(values, "strides").size(), anchors = numbers(values, "anchors").size();
    if (strides == 0 || strides % 3 != 0 || anchors == 0 || anchors % 3 != 0 ||
        numbers(values, "level_scales").size() != strides / 3) {
      return refusal("decode_boxes", "anchors", "Strides, anchors and level_scales do not fit together.",
                     "Give three strides and one scale per level and three sizes per anchor.");
    }
  }
  Form form = inputs[0];
  form.kind = Form::Kind::boxes;
  form.channels.reset();
  form.unit.reset();
  form.low = form.high = std::nullopt;
  return form;
}

std::vector<Anchor> declared_anchors(const Grid& grid, const Values& values) {
  const auto strides = numbers(values, "strides"), sizes = numbers(values, "anchors"),
             scales = numbers(values, "level_scales");
  std::vector<AnchorLevel> levels;
  for (std::size_t l = 0; l < scales.size(); ++l) {
    AnchorLevel level;
    for (std::size_t a = 0; a < 3; ++a) {
      level.stride[a] = strides[l * 3 + a];
      level.cells[a] = static_cast<int>(std::ceil(shape_of(grid)[a] / level.stride[a] - 1e-9));
    }
    for (std::size_t s = 0; s + 2 < sizes.size(); s += 3) {
      level.sizes.push_back({sizes[s] * scales[l], sizes[s + 1] * scales[l], sizes[s + 2] * scales[l]});
    }
    levels.push_back(std::move(level));
  }
  return anchors_of(levels);
}

Result<Operand> decode_boxes_run(Inputs inputs, const Values& values, const Surroundings&) {
  std::array<Image*, 3> images{};
  for (std::size_t i = 0; i < 3; ++i) {
    images[i] = i < inputs.size() ? std::get_if<Image>(&inputs[i]) : nullptr;
    if (images[i] == nullptr || inputs.size() != 3) {
      return refusal("decode_boxes", "inputs", "The step takes the image, the box values and the scores.", "");
    }
  }
  DecodeOptions options;
  options.dimensions = static_cast<int>(integer(values, "dimensions"));
  options.scores_are_logits = boolean(values, "logits");
  options.least_score = number(values, "least_score");
  options.overlap = number(values, "overlap");
  options.candidates = static_cast<std::size_t>(integer(values, "candidates"));
  options.most = static_cast<std::size_t>(integer(values, "most"));
  const Image& image = *images[0];
  Boxes boxes;
  if (boolean(values, "corners")) {
    boxes = VEDETTE_TRY(boxes_of(image.grid, image.placed, images[1]->values, images[2]->values, options));
  } else {
    const auto anchors = declared_anchors(image.grid, values);
    boxes = VEDETTE_TRY(decode_boxes(image.grid, image.placed, anchors, images[1]->values, images[2]->values, options));
  }
  boxes.steps = image.steps;
  return Operand(std::move(boxes));
}

}  // namespace

extern const Operator sliding_window_operator{
    .name = "sliding_window",
    .help = "Runs the network over overlapping windows and blends the results.",
    .changes = "channels become the network's; values are its scores",
    .parameters = sliding_window_rules,
    .form = sliding_window_form,
    .run = sliding_window_run};
extern const Operator sliding_window_labels_operator{
    .name = "sliding_window_labels",
    .help = "sliding_window, argmax or threshold, and invert in one, for images whose classes do not fit in memory.",
    .changes = "labels on the source's grid",
    .parameters = sliding_window_labels_rules,
    .form = sliding_window_labels_form,
    .run = sliding_window_labels_run};
extern const Operator argmax_operator{.name = "argmax",
                                      .help = "Labels each voxel with the class of the greatest value.",
                                      .changes = "labels, one channel",
                                      .parameters = {},
                                      .form = argmax_form,
                                      .run = argmax_run};
extern const Operator threshold_operator{.name = "threshold",
                                         .help = "Labels each voxel of each channel 1 from a value on, else 0.",
                                         .changes = "labels, as many channels",
                                         .parameters = threshold_rules,
                                         .form = threshold_form,
                                         .run = threshold_run};
extern const Operator invert_operator{
    .name = "invert",
    .help = "Brings an image (linear), labels (nearest) or boxes back to the grid before all geometric steps.",
    .changes = "shape, spacing and orientation become the source's",
    .parameters = invert_rules,
    .form = invert_form,
    .run = invert_run};
extern const Operator labels_to_source_operator{
    .name = "labels_to_source",
    .help = "invert, then argmax or threshold, in one pass that never holds the classes on the source's grid.",
    .changes = "labels on the source's grid",
    .parameters = labels_to_source_rules,
    .form = labels_to_source_form,
    .run = labels_to_source_run};
extern const Operator keep_parts_operator{.name = "keep_parts",
                                          .help = "Clears connected parts that are too small or not among the largest.",
                                          .changes = "nothing but the labels",
                                          .parameters = keep_parts_rules,
                                          .form = keep_parts_form,
                                          .run = keep_parts_run};
extern const Operator relabel_operator{.name = "relabel",
                                       .help = "Renumbers labels by a table.",
                                       .changes = "range",
                                       .parameters = relabel_rules,
                                       .form = relabel_form,
                                       .run = relabel_run};
extern const Operator segments_operator{.name = "segments",
                                        .help = "Makes a segment of each label or each connected part of it.",
                                        .changes = "segments",
                                        .parameters = segments_rules,
                                        .form = segments_form,
                                        .run = segments_run};
extern const Operator measure_operator{
    .name = "measure",
    .help = "Volume, longest diameter, mean and standard deviation of each segment on the source image.",
    .changes = "nothing; fills in the measures",
    .parameters = measure_rules,
    .form = measure_form,
    .run = measure_run};
extern const Operator decode_boxes_operator{
    .name = "decode_boxes",
    .help =
        "Turns a detector's values into boxes: anchors and deltas or corners, least score, non-maximum suppression.",
    .changes = "boxes",
    .parameters = decode_boxes_rules,
    .takes = Operator::Takes::several,
    .form = decode_boxes_form,
    .run = decode_boxes_run};

}  // namespace vedette::voxel
