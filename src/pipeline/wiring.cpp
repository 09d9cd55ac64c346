#include "pipeline/wiring.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace vedette::pipeline {

namespace {

using engine::Port;

constexpr std::array<std::string_view, 3> axis_names{"slices", "rows", "columns"};
constexpr std::string_view axis_letters = "DHW";

Error refuse(std::string code, std::string cause, std::string remedy) {
  return Error{Fault::refused, "pipeline." + std::move(code), std::move(cause), {}, std::move(remedy)};
}

std::string names_of(const std::vector<Port>& ports) {
  std::vector<std::string> out;
  for (const Port& port : ports) out.push_back(fmt::format("'{}' {}", port.name, engine::text_of(port.shape)));
  return fmt::format("{}", fmt::join(out, ", "));
}

Result<std::size_t> port_named(const std::vector<Port>& ports, const std::string& name, std::string_view what) {
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].name == name) return i;
  }
  return refuse("port", fmt::format("The network has no {} named '{}'", what, name),
                fmt::format("It has {}.", names_of(ports)));
}

Result<std::size_t> model_of(const voxel::Values& values, std::span<const ModelRow> models) {
  const std::string& name = voxel::text(values, "model");
  if (name.empty() && models.size() == 1) return std::size_t{0};
  std::vector<std::string> known;
  for (std::size_t i = 0; i < models.size(); ++i) {
    if (models[i].name == name) return i;
    known.push_back(models[i].name);
  }
  return refuse("model", name.empty() ? "The step does not say which network" : "There is no network '" + name + "'",
                known.empty() ? "Name the file: [engine] kind = \"onnx\", model = \"model.onnx\"."
                              : fmt::format("Set model to one of {}.", fmt::join(known, ", ")));
}

std::int64_t axis_of(const Port& port, const Layout& layout, char letter) {
  const int at = layout.place_of(letter);
  return at < 0 ? 1 : port.shape[static_cast<std::size_t>(at)];
}

Result<void> check_range(const Port& port, const voxel::Form& form) {
  double low = 0, high = 0;
  switch (port.element) {
    case engine::Element::u8:
      high = 255;
      break;
    case engine::Element::i8:
      low = -128, high = 127;
      break;
    case engine::Element::u16:
      high = 65535;
      break;
    case engine::Element::i16:
      low = -32768, high = 32767;
      break;
    default:
      return {};
  }
  if ((form.low && *form.low < low) || (form.high && *form.high > high)) {
    return refuse("range",
                  fmt::format("The input '{}' takes {}, {:g} to {:g}, and the values reach from {} to {}", port.name,
                              engine::name_of(port.element), low, high, form.low ? fmt::format("{:g}", *form.low) : "?",
                              form.high ? fmt::format("{:g}", *form.high) : "?"),
                  "Add a step \"clip\" or \"scale\" before it.");
  }
  if (form.low && form.high && *form.high - *form.low <= 1) {
    return refuse("range",
                  fmt::format("The input '{}' takes whole numbers and the values reach only from {:g} to {:g}",
                              port.name, *form.low, *form.high),
                  "Scale them to the range that the network was trained with, such as 0 to 255.");
  }
  return {};
}

/// Layout and channels of one operand on its port; sizes that the port fixes are noted.
Result<Wiring::Feed> feed_of(std::size_t number, const Port& port, const std::string& declared, const Known& operand,
                             Wiring& wiring) {
  if (operand.kind != Known::Kind::grid || operand.form.kind != voxel::Form::Kind::image) {
    return refuse("kind",
                  fmt::format("The network's input '{}' needs an image and gets {}", port.name, text_of(operand)),
                  "Feed it with an image.");
  }
  const std::optional<int> channels = operand.form.channels;
  Wiring::Feed feed{number, {}, channels};
  feed.layout =
      declared.empty() ? VEDETTE_TRY(likely_layout(port.shape, channels)) : VEDETTE_TRY(layout_from(declared));
  const Layout& layout = feed.layout;
  if (layout.letters.size() != port.shape.size()) {
    return refuse("layout",
                  fmt::format("The layout {} has {} letters and the input '{}' {} has {} axes", layout.letters,
                              layout.letters.size(), port.name, engine::text_of(port.shape), port.shape.size()),
                  "Give one letter for each axis.");
  }
  if (const auto batch = axis_of(port, layout, 'N'); batch > 1) {
    return refuse("batch",
                  fmt::format("The input '{}' {} wants a batch of {}", port.name, engine::text_of(port.shape), batch),
                  "Export the network with a batch of 1 or a free one.");
  }
  const auto wanted = axis_of(port, layout, 'C');
  if (channels && wanted > 0 && wanted != *channels) {
    return refuse("channels",
                  fmt::format("The input '{}' {} as {} wants {} channel{}, and {} come", port.name,
                              engine::text_of(port.shape), layout.letters, wanted, wanted == 1 ? "" : "s", *channels),
                  wanted == 3 && *channels == 1
                      ? "Add a step \"repeat_channel\" with channels = 3, or set colour = \"rgb\" at the input."
                      : "Stack, repeat or keep channels before it, or correct its layout.");
  }
  if (!channels && wanted > 0) feed.channels = static_cast<int>(wanted);
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto size = axis_of(port, layout, axis_letters[axis]);
    if (size <= 0) continue;
    auto& noted = wiring.ports_want[axis];
    if (noted && *noted != size) {
      return refuse("shape", fmt::format("The network's inputs want {} and {} {}", *noted, size, axis_names[axis]),
                    "Correct the layouts of the inputs.");
    }
    noted = static_cast<int>(size);
  }
  VEDETTE_TRY(check_range(port, operand.form));
  return feed;
}

Result<void> set_window(const voxel::Values& values, Wiring& wiring) {
  std::vector<double> given = voxel::numbers(values, "window");
  if (given.size() == 2) given.insert(given.begin(), 1);
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::optional<int> fixed = wiring.ports_want[axis];
    const int asked = given.empty() ? 0 : static_cast<int>(given[axis]);
    if (fixed && asked != 0 && asked != *fixed) {
      return refuse("window",
                    fmt::format("The window has {} {}, and the network takes {}", asked, axis_names[axis], *fixed),
                    fmt::format("Set window to what the network takes, or leave it out."));
    }
    wiring.window[axis] = fixed ? *fixed : asked;
  }
  return {};
}

/// For networks that see the whole image once: its size must be known to be theirs.
Result<void> check_whole(const Wiring& wiring, const voxel::Form& form) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::optional<int> fixed = wiring.ports_want[axis];
    if (!fixed || (axis == 0 && *fixed == 1 && !form.shape[0])) continue;
    if (!form.shape[axis] || *form.shape[axis] != *fixed) {
      return refuse(
          "shape",
          fmt::format("The network takes {} {}, and the image has {}", *fixed, axis_names[axis],
                      form.shape[axis] ? std::to_string(*form.shape[axis]) : "a number that is not fixed before"),
          fmt::format("Add a step {{ use = \"resize\", shape = [{}] }} before it.",
                      fmt::join(std::vector<int>{wiring.ports_want[0].value_or(0), wiring.ports_want[1].value_or(0),
                                                 wiring.ports_want[2].value_or(0)},
                                ", ")));
    }
  }
  return {};
}

/// Layout of an image output: declared, else that of the input; one axis less is an output without channels.
Result<Layout> output_layout(const Port& port, const std::string& declared, const Layout& fed) {
  if (!declared.empty()) {
    Layout layout = VEDETTE_TRY(layout_from(declared));
    if (layout.letters.size() == port.shape.size()) return layout;
    return refuse("layout",
                  fmt::format("output_layout {} has {} letters and the output '{}' {} has {} axes", declared,
                              declared.size(), port.name, engine::text_of(port.shape), port.shape.size()),
                  "Give one letter for each axis.");
  }
  if (port.shape.size() == fed.letters.size()) return fed;
  std::string fewer = fed.letters;
  std::erase(fewer, 'C');
  if (port.shape.size() == fewer.size()) return Layout{fewer};
  std::string more = fed.letters;
  if (!fed.has('C')) {
    more.insert(fed.has('N') ? 1 : 0, "C");
    if (port.shape.size() == more.size()) return Layout{more};
  }
  return refuse("layout",
                fmt::format("The output '{}' {} is no image like the input", port.name, engine::text_of(port.shape)),
                "Set output_layout, or gives = \"scores\" where it has one number per class.");
}

Result<Known> image_known(const voxel::Values& values, const Port& port, const voxel::Form& in, Wiring& wiring) {
  wiring.read.layout = VEDETTE_TRY(output_layout(port, voxel::text(values, "output_layout"), wiring.feeds[0].layout));
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto size = axis_of(port, wiring.read.layout, axis_letters[axis]);
    const int window = wiring.window[axis] != 0 ? wiring.window[axis] : in.shape[axis].value_or(0);
    if (size > 0 && window > 0 && size != window) {
      return refuse(
          "shape",
          fmt::format("The output '{}' {} as {} has {} {}, and the input {}", port.name, engine::text_of(port.shape),
                      wiring.read.layout.letters, size, axis_names[axis], window),
          "Only outputs of the input's size are put back in place; correct output_layout if it is one.");
    }
  }
  Known out;
  out.form = in;
  const auto channels = axis_of(port, wiring.read.layout, 'C');
  out.form.channels = channels > 0 ? std::optional<int>(static_cast<int>(channels)) : std::nullopt;
  const bool unit_range = voxel::text(values, "activation") != "none";
  out.form.unit = unit_range ? "1" : voxel::text(values, "unit");
  out.form.low = unit_range ? std::optional<double>(0) : std::nullopt;
  out.form.high = unit_range ? std::optional<double>(1) : std::nullopt;
  const std::string& decide = voxel::text(values, "decide");
  if (decide != "none") {
    voxel::Form labels;
    labels.kind = voxel::Form::Kind::labels;
    labels.channels = decide == "argmax" ? std::optional<int>(1) : out.form.channels;
    labels.placed = in.placed;
    out.form = labels;
  }
  return out;
}

Result<Known> scores_known(const voxel::Values& values, const Port& port) {
  Known out;
  out.kind = Known::Kind::scores;
  out.probabilities = voxel::text(values, "activation") != "none";
  std::int64_t count = 1;
  for (std::size_t i = 0; i < port.shape.size(); ++i) {
    if (port.shape[i] < 0 && i == 0) continue;  // a free batch
    count = port.shape[i] < 0 || count < 0 ? -1 : count * port.shape[i];
  }
  if (count > 10'000) {
    return refuse("scores",
                  fmt::format("The output '{}' {} has {} numbers: too many for scores of classes", port.name,
                              engine::text_of(port.shape), count),
                  "Set gives = \"image\" where it has one number per voxel.");
  }
  if (count > 0) out.scores = static_cast<int>(count);
  return out;
}

Result<Known> boxes_known(const voxel::Values& values, const Face& face, const voxel::Form& in, Wiring& wiring) {
  if (voxel::text(values, "box_format") != "yolo") {
    const std::string& scores = voxel::text(values, "scores");
    if (scores.empty()) {
      return refuse("boxes", "The step does not say which output holds the boxes' scores",
                    fmt::format("Set scores to one of {}.", names_of(face.outputs)));
    }
    wiring.scores_port = VEDETTE_TRY(port_named(face.outputs, scores, "output"));
    const std::string& labels = voxel::text(values, "labels");
    if (!labels.empty()) wiring.labels_port = VEDETTE_TRY(port_named(face.outputs, labels, "output"));
  }
  Known out;
  out.form.kind = voxel::Form::Kind::boxes;
  out.form.placed = in.placed;
  out.form.shape = in.shape;
  return out;
}

}  // namespace

Result<Wired> wire(const voxel::Values& values, std::span<const Known> operands, std::span<const ModelRow> models,
                   std::span<const Face> faces) {
  Wired out;
  Wiring& wiring = out.wiring;
  wiring.model = VEDETTE_TRY(model_of(values, models));
  const Face& face = faces[wiring.model];
  const std::vector<std::string> inputs = voxel::texts(values, "inputs"), layouts = voxel::texts(values, "layouts");
  if (operands.size() != face.inputs.size() || (!inputs.empty() && inputs.size() != operands.size())) {
    return refuse("inputs",
                  fmt::format("The network has {} input{} ({}), and the step gives {}", face.inputs.size(),
                              face.inputs.size() == 1 ? "" : "s", names_of(face.inputs), operands.size()),
                  "Name one result for each of them with of = [\"…\"] and their names with inputs = [\"…\"].");
  }
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const std::size_t number = inputs.empty() ? i : VEDETTE_TRY(port_named(face.inputs, inputs[i], "input"));
    wiring.feeds.push_back(VEDETTE_TRY(
        feed_of(number, face.inputs[number], i < layouts.size() ? layouts[i] : std::string(), operands[i], wiring)));
  }
  VEDETTE_TRY(set_window(values, wiring));
  const std::string& output = voxel::text(values, "output");
  if (face.outputs.empty()) return refuse("output", "The network has no output", "Export it again.");
  wiring.read.port = output.empty() ? 0 : VEDETTE_TRY(port_named(face.outputs, output, "output"));
  const Port& port = face.outputs[wiring.read.port];
  const voxel::Form& in = operands[0].form;
  const std::string& gives = voxel::text(values, "gives");
  if (gives == "image") {
    out.known = VEDETTE_TRY(image_known(values, port, in, wiring));
    return out;
  }
  VEDETTE_TRY(check_whole(wiring, in));
  out.known =
      gives == "scores" ? VEDETTE_TRY(scores_known(values, port)) : VEDETTE_TRY(boxes_known(values, face, in, wiring));
  return out;
}

}  // namespace vedette::pipeline
