#include "pipeline/steps.hpp"

#include <algorithm>
#include <array>

namespace vedette::pipeline {

namespace {

using Rule = voxel::ParameterRule;
using Type = Rule::Type;

constexpr Rule network_rules[] = {
    {.name = "model", .type = Type::text, .help = "Which of engine.models; left out where there is one"},
    {.name = "inputs",
     .type = Type::texts,
     .help = "Names of the network's inputs, one for each of `of`; left out: in order"},
    {.name = "layouts",
     .type = Type::texts,
     .help = "Axes of each input: N batch, C channel, D slice, H row, W column, such as NCDHW or NHWC; left out: from "
             "the shape"},
    {.name = "output", .type = Type::text, .help = "Name of the network's output that is used; left out: the first"},
    {.name = "output_layout", .type = Type::text, .help = "Axes of that output; left out: as the input's"},
    {.name = "gives",
     .type = Type::text,
     .standard = "image",
     .choices = "image scores boxes",
     .help = "A value per voxel and class, a score per class, or boxes"},
    {.name = "window",
     .type = Type::numbers,
     .least = 0,
     .most = 4096,
     .count_least = 2,
     .count_most = 3,
     .unit = "voxels",
     .help = "Size of the window as slice, row, column (or row, column); left out: what the network fixes, else the "
             "whole image"},
    {.name = "overlap",
     .type = Type::number,
     .standard = "0.25",
     .least = 0,
     .most = 0.95,
     .unit = "share",
     .help = "Share of a window that neighbours overlap"},
    {.name = "weights",
     .type = Type::text,
     .standard = "constant",
     .choices = "constant gaussian",
     .help = "How overlapping windows are blended"},
    {.name = "places",
     .type = Type::text,
     .standard = "stepped",
     .choices = "stepped even",
     .help = "Where windows lie: stepped as MONAI, even as nnU-Net"},
    {.name = "fill", .type = Type::number, .standard = "0", .help = "Around an image that is smaller than the window"},
    {.name = "mirror",
     .type = Type::texts,
     .choices = "slice row column",
     .help = "Mean over flips of these axes; each doubles the runs"},
    {.name = "activation",
     .type = Type::text,
     .standard = "none",
     .choices = "none softmax sigmoid",
     .help = "Applied to what each run gives, before blending"},
    {.name = "unit",
     .type = Type::text,
     .help = "Unit of what the network gives: 1 for probabilities; left out: arbitrary"},
    {.name = "decide",
     .type = Type::text,
     .standard = "none",
     .choices = "none argmax threshold",
     .help = "Labels straight on the source grid, decided while blending: for many classes on large volumes"},
    {.name = "at", .type = Type::number, .standard = "0.5", .help = "Of decide = \"threshold\": least value"},
    {.name = "box_format",
     .type = Type::text,
     .standard = "corners",
     .choices = "corners centre_size yolo",
     .help = "Of boxes: low and high corner, centre and size, or one tensor [1, 4 + classes, boxes] of centre, size "
             "and scores"},
    {.name = "box_axes",
     .type = Type::text,
     .standard = "xy",
     .choices = "xy yx xyz zyx",
     .help = "Order of a corner's numbers: x column, y row, z slice"},
    {.name = "box_unit",
     .type = Type::text,
     .standard = "voxels",
     .choices = "voxels share",
     .help = "Whether boxes are in voxels of the network's image or shares of its size"},
    {.name = "scores", .type = Type::text, .help = "Of boxes: the output with their scores"},
    {.name = "labels",
     .type = Type::text,
     .help = "Of boxes: the output with their classes, where scores have one number a box"},
    {.name = "least_score",
     .type = Type::number,
     .standard = "0.05",
     .least = 0,
     .most = 1,
     .help = "Boxes below are dropped"},
    {.name = "box_overlap",
     .type = Type::number,
     .standard = "0.45",
     .least = 0,
     .most = 1,
     .help = "A box that overlaps a better one of its class by more (IoU) is dropped"},
    {.name = "most_boxes",
     .type = Type::integer,
     .standard = "100",
     .least = 1,
     .most = 1000,
     .help = "Best boxes that are kept"},
};
constexpr Rule channels_rules[] = {
    {.name = "keep",
     .type = Type::numbers,
     .needed = true,
     .least = 0,
     .most = 4096,
     .count_least = 1,
     .help = "Channels that remain, in this order, from 0"},
};
constexpr Rule positions_rules[] = {
    {.name = "toward",
     .type = Type::text,
     .standard = "RAS",
     .help = "One channel for each letter: the index along that direction of the patient"},
    {.name = "centre",
     .type = Type::numbers,
     .count_least = 3,
     .count_most = 3,
     .unit = "voxels",
     .help = "Index that becomes 0, by letter; left out: the middle, size / 2"},
    {.name = "divide", .type = Type::number, .standard = "1", .least = 1e-6, .help = "Divides the index"},
};
constexpr Rule calibrate_rules[] = {
    {.name = "by",
     .type = Type::text,
     .needed = true,
     .choices = "operating_points platt temperature",
     .help = "operating_points: p/2t below t, else 1-(1-p)/2(1-t); platt: sigmoid(a x + b); temperature: x / t"},
    {.name = "t", .type = Type::numbers, .help = "Operating point of each class, or the temperature"},
    {.name = "a", .type = Type::numbers, .help = "Of platt, one per class or one"},
    {.name = "b", .type = Type::numbers, .help = "Of platt, one per class or one"},
};
constexpr Rule emit_rules[] = {
    {.name = "outputs",
     .type = Type::texts,
     .help = "Names of the [[output]] rows that are made from it; left out: all"},
};

constexpr OwnStep steps[] = {
    {OwnStep::Kind::network, "network", "Runs a network of the tool, whole or in windows",
     "channels: what the network gives; shape and place stay (image), or scores, or boxes", network_rules},
    {OwnStep::Kind::mean,
     "mean",
     "Mean of several results on one grid, or of scores: combines views and networks",
     "values only",
     {}},
    {OwnStep::Kind::channels, "channels", "Keeps some channels or scores, in a given order", "channels",
     channels_rules},
    {OwnStep::Kind::positions, "positions",
     "Where each voxel lies: channels with its index along directions of the patient", "channels: 3", positions_rules},
    {OwnStep::Kind::calibrate, "calibrate", "Turns scores into calibrated ones", "values only", calibrate_rules},
    {OwnStep::Kind::emit, "emit",
     "Makes findings of labels, segments, boxes or scores by the [[output]] rows; a second of `of` is the image that "
     "is measured",
     "ends the way", emit_rules},
};

/// Operators that want a network or an image handed to them from outside: `network` and `emit` do that here.
bool is_hidden(std::string_view name) {
  return name == "sliding_window" || name == "sliding_window_labels" || name == "decode_boxes" || name == "measure";
}

}  // namespace

std::span<const OwnStep> own_steps() {
  return steps;
}

const OwnStep* own_step_named(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(steps), std::end(steps), [&](const OwnStep& s) { return s.name == name; });
  return found == std::end(steps) ? nullptr : found;
}

std::span<const voxel::ParameterRule> parameters_of(std::string_view step) {
  if (const OwnStep* own = own_step_named(step)) return own->parameters;
  if (const voxel::Operator* op = voxel::operator_named(step)) return op->parameters;
  return {};
}

bool is_step(std::string_view name) {
  return own_step_named(name) != nullptr || (!is_hidden(name) && voxel::operator_named(name) != nullptr);
}

std::vector<std::string_view> step_names() {
  std::vector<std::string_view> names;
  for (const OwnStep& own : steps) names.push_back(own.name);
  for (const voxel::Operator* op : voxel::operators()) {
    if (!is_hidden(op->name) && own_step_named(op->name) == nullptr) names.push_back(op->name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace vedette::pipeline
