#include "pipeline/network_step.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "voxel/boxes.hpp"
#include "voxel/network.hpp"

namespace vedette::pipeline {

namespace {

Error refuse(std::string code, std::string cause, std::string remedy) {
  return Error{Fault::refused, "pipeline." + std::move(code), std::move(cause), {}, std::move(remedy)};
}

/// Operands as channels of one image: windows are then cut from all of them at the same place.
Result<voxel::Image> joined(const std::vector<const voxel::Image*>& operands) {
  voxel::Image out = *operands[0];
  for (std::size_t i = 1; i < operands.size(); ++i) {
    if (!voxel::same_grid(out.grid, operands[i]->grid)) {
      return refuse("grid", "The network's inputs lie on different grids", "Resample them to one grid before.");
    }
    out.channels += operands[i]->channels;
    out.values.insert(out.values.end(), operands[i]->values.begin(), operands[i]->values.end());
  }
  return out;
}

void softmax_in_place(voxel::Tensor& tensor) {
  const std::size_t voxels = tensor.values.size() / static_cast<std::size_t>(std::max(1, tensor.channels));
  for (std::size_t v = 0; v < voxels; ++v) {
    float most = tensor.values[v];
    for (std::size_t i = v; i < tensor.values.size(); i += voxels) most = std::max(most, tensor.values[i]);
    float sum = 0;
    for (std::size_t i = v; i < tensor.values.size(); i += voxels)
      sum += tensor.values[i] = std::exp(tensor.values[i] - most);
    for (std::size_t i = v; i < tensor.values.size(); i += voxels) tensor.values[i] /= sum;
  }
}

void activate(voxel::Tensor& tensor, const std::string& activation) {
  if (activation == "softmax") softmax_in_place(tensor);
  if (activation == "sigmoid") {
    for (float& v : tensor.values) v = 1.0F / (1.0F + std::exp(-v));
  }
}

class Caller {
 public:
  Caller(const PlannedStep& step, const std::vector<const voxel::Image*>& operands, engine::Network& network,
         std::chrono::milliseconds deadline, Spent& spent)
      : step_(step), wiring_(*step.wiring), network_(network), deadline_(deadline), spent_(spent) {
    for (const voxel::Image* image : operands) counts_.push_back(image->channels);
  }

  /// All outputs named in `ports` for one window.
  Result<std::vector<engine::Tensor>> call(const voxel::Tensor& window, const std::vector<std::size_t>& ports) {
    std::vector<engine::Tensor> inputs;
    int first = 0;
    for (std::size_t i = 0; i < wiring_.feeds.size(); ++i) {
      const Wiring::Feed& feed = wiring_.feeds[i];
      const engine::Port& port = network_.description().inputs[feed.port];
      inputs.push_back(VEDETTE_TRY(to_tensor(window, first, counts_[i], port, feed.layout)));
      first += counts_[i];
    }
    engine::InferOptions options;
    options.deadline = deadline_;
    for (const std::size_t port : ports) options.outputs.push_back(network_.description().outputs[port].name);
    const auto start = std::chrono::steady_clock::now();
    auto outputs = network_.infer(inputs, options);
    spent_.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    ++spent_.calls;
    if (!outputs) return std::move(outputs).error();
    if (outputs->size() != ports.size())
      return Error{Fault::malformed, "engine.answer", "The network gave another number of outputs than asked for"};
    return outputs;
  }

  voxel::Network as_network() {
    return [this](const voxel::Tensor& window) -> Result<voxel::Tensor> {
      const auto outputs = VEDETTE_TRY(call(window, {wiring_.read.port}));
      voxel::Tensor result = VEDETTE_TRY(from_tensor(outputs[0], wiring_.read.layout));
      if (result.shape != window.shape) {
        return refuse("shape",
                      fmt::format("The network gave {} for a window of {} × {} × {}", engine::text_of(outputs[0].shape),
                                  window.shape[0], window.shape[1], window.shape[2]),
                      "Correct output_layout, or give the network step a window that it takes.");
      }
      activate(result, voxel::text(step_.values, "activation"));
      return result;
    };
  }

 private:
  const PlannedStep& step_;
  const Wiring& wiring_;
  engine::Network& network_;
  std::chrono::milliseconds deadline_;
  Spent& spent_;
  std::vector<int> counts_;
};

voxel::Tensor whole(const voxel::Image& image) {
  return {image.channels, voxel::shape_of(image.grid), image.values};
}

voxel::SlidingOptions sliding_of(const PlannedStep& step) {
  voxel::SlidingOptions out;
  out.window = step.wiring->window;
  const double overlap = voxel::number(step.values, "overlap");
  out.overlap = {overlap, overlap, overlap};
  // A network of two dimensions sees each slice once.
  if (out.window[0] == 1) out.overlap[0] = 0;
  out.weights = voxel::text(step.values, "weights") == "gaussian" ? voxel::SlidingOptions::Weights::gaussian
                                                                  : voxel::SlidingOptions::Weights::constant;
  out.places = voxel::text(step.values, "places") == "even" ? voxel::SlidingOptions::Places::even
                                                            : voxel::SlidingOptions::Places::stepped;
  out.fill = static_cast<float>(voxel::number(step.values, "fill"));
  for (const std::string& axis : voxel::texts(step.values, "mirror"))
    out.mirror[axis == "slice" ? 0 : axis == "row" ? 1 : 2] = true;
  return out;
}

Result<Item> scores_of(Caller& caller, const PlannedStep& step, const voxel::Image& image) {
  const auto outputs = VEDETTE_TRY(caller.call(whole(image), {step.wiring->read.port}));
  Scores out;
  out.values = VEDETTE_TRY(numbers_of(outputs[0]));
  const std::string& activation = voxel::text(step.values, "activation");
  if (activation != "none") {
    voxel::Tensor line{static_cast<int>(out.values.size()), {1, 1, 1}, {out.values.begin(), out.values.end()}};
    activate(line, activation);
    out.values.assign(line.values.begin(), line.values.end());
    out.probabilities = true;
  }
  return Item(std::move(out));
}

/// Numbers of boxes as they came: how many, and how to reach number `i` of box `b`.
struct BoxTable {
  std::vector<double> numbers;
  std::size_t boxes = 0, width = 0;
  bool by_column = false;
  double at(std::size_t box, std::size_t i) const { return numbers[by_column ? i * boxes + box : box * width + i]; }
};

Result<BoxTable> table_of(const engine::Tensor& tensor, std::size_t least, bool yolo) {
  engine::Shape shape = tensor.shape;
  while (shape.size() > 2 && shape[0] == 1) shape.erase(shape.begin());
  BoxTable out;
  out.numbers = VEDETTE_TRY(numbers_of(tensor));
  if (shape.size() != 2)
    return refuse("boxes",
                  fmt::format("The output '{}' {} is no table of boxes", tensor.name, engine::text_of(tensor.shape)),
                  "Name the output that holds the boxes.");
  const auto first = static_cast<std::size_t>(shape[0]), second = static_cast<std::size_t>(shape[1]);
  // YOLO exports have few rows of numbers and many columns of boxes; other detectors one row a box.
  out.by_column = yolo && first < second;
  out.boxes = out.by_column ? second : first;
  out.width = out.by_column ? first : second;
  if (out.width < least)
    return refuse("boxes",
                  fmt::format("The output '{}' has {} numbers a box, and {} are needed", tensor.name, out.width, least),
                  "Correct box_format and box_axes.");
  return out;
}

/// Corners in voxel edges, axes slice, row, column, by the step's format.
std::vector<float> corners_of(const PlannedStep& step, const BoxTable& table, const std::array<int, 3>& shape) {
  const bool yolo = voxel::text(step.values, "box_format") == "yolo";
  const bool centre = yolo || voxel::text(step.values, "box_format") == "centre_size";
  const std::string axes = yolo ? "xy" : voxel::text(step.values, "box_axes");
  const bool share = voxel::text(step.values, "box_unit") == "share";
  std::vector<float> out;
  for (std::size_t b = 0; b < table.boxes; ++b) {
    std::array<double, 3> low{0, 0, 0}, high{static_cast<double>(shape[0]), 0, 0};
    for (std::size_t i = 0; i < axes.size(); ++i) {
      const std::size_t axis = axes[i] == 'z' ? 0 : axes[i] == 'y' ? 1 : 2;
      const double factor = share ? shape[axis] : 1;
      const double a = table.at(b, i) * factor, c = table.at(b, i + axes.size()) * factor;
      low[axis] = centre ? a - c / 2 : a;
      high[axis] = centre ? a + c / 2 : c;
    }
    // Of two dimensions the slice is left out.
    const std::size_t first = shape[0] == 1 ? 1 : 0;
    for (std::size_t a = first; a < 3; ++a) out.push_back(static_cast<float>(low[a]));
    for (std::size_t a = first; a < 3; ++a) out.push_back(static_cast<float>(high[a]));
  }
  return out;
}

/// Scores [box, class]; where the network gives one score and one class a box, the others are 0.
Result<std::vector<float>> scores_table(const PlannedStep& step, const std::vector<engine::Tensor>& outputs,
                                        std::size_t boxes) {
  const auto scores = VEDETTE_TRY(numbers_of(outputs[1]));
  if (!step.wiring->labels_port) {
    if (boxes == 0 || scores.size() % boxes != 0)
      return refuse("boxes", fmt::format("There are {} boxes and {} scores", boxes, scores.size()),
                    "Correct 'scores'.");
    return std::vector<float>(scores.begin(), scores.end());
  }
  const auto labels = VEDETTE_TRY(numbers_of(outputs[2]));
  if (labels.size() != boxes || scores.size() != boxes)
    return refuse("boxes",
                  fmt::format("There are {} boxes, {} scores and {} labels", boxes, scores.size(), labels.size()),
                  "Correct 'scores' and 'labels'.");
  double most = 0;
  for (const double label : labels) most = std::max(most, label);
  if (!(most < 10'000)) return refuse("boxes", "A class of a box is no class number", "Correct 'labels'.");
  const auto classes = static_cast<std::size_t>(most) + 1;
  std::vector<float> out(boxes * classes, 0.0F);
  for (std::size_t b = 0; b < boxes; ++b) {
    if (labels[b] >= 0) out[b * classes + static_cast<std::size_t>(labels[b])] = static_cast<float>(scores[b]);
  }
  return out;
}

Result<Item> boxes_of(Caller& caller, const PlannedStep& step, const voxel::Image& image) {
  const bool yolo = voxel::text(step.values, "box_format") == "yolo";
  std::vector<std::size_t> ports{step.wiring->read.port};
  if (step.wiring->scores_port) ports.push_back(*step.wiring->scores_port);
  if (step.wiring->labels_port) ports.push_back(*step.wiring->labels_port);
  const auto outputs = VEDETTE_TRY(caller.call(whole(image), ports));
  const std::size_t numbers = yolo ? 4 : 2 * voxel::text(step.values, "box_axes").size();
  const BoxTable table = VEDETTE_TRY(table_of(outputs[0], yolo ? 5 : numbers, yolo));
  std::vector<float> scores;
  if (yolo) {
    for (std::size_t b = 0; b < table.boxes; ++b) {
      for (std::size_t i = 4; i < table.width; ++i) scores.push_back(static_cast<float>(table.at(b, i)));
    }
  } else {
    scores = VEDETTE_TRY(scores_table(step, outputs, table.boxes));
  }
  const std::string& activation = voxel::text(step.values, "activation");
  voxel::DecodeOptions options;
  options.dimensions = image.grid.slices == 1 ? 2 : 3;
  options.scores_are_logits = activation == "sigmoid";
  options.least_score = voxel::number(step.values, "least_score");
  options.overlap = voxel::number(step.values, "box_overlap");
  options.most = static_cast<std::size_t>(voxel::integer(step.values, "most_boxes"));
  const auto corners = corners_of(step, table, voxel::shape_of(image.grid));
  voxel::Boxes boxes = VEDETTE_TRY(voxel::boxes_of(image.grid, image.placed, corners, scores, options));
  boxes.steps = image.steps;
  return Item(std::move(boxes));
}

}  // namespace

Result<Item> run_network(const PlannedStep& step, const std::vector<const voxel::Image*>& operands,
                         engine::Network& network, std::chrono::milliseconds deadline,
                         const std::function<Result<void>(std::size_t done, std::size_t all)>& progress, Spent& spent) {
  std::optional<voxel::Image> made;
  if (operands.size() > 1) made = VEDETTE_TRY(joined(operands));
  const voxel::Image& image = made ? *made : *operands[0];
  Caller caller(step, operands, network, deadline, spent);
  const std::string& gives = voxel::text(step.values, "gives");
  if (gives == "scores") return scores_of(caller, step, image);
  if (gives == "boxes") return boxes_of(caller, step, image);
  voxel::SlidingOptions sliding = sliding_of(step);
  sliding.progress = progress;
  const std::string& decide = voxel::text(step.values, "decide");
  if (decide == "none") {
    voxel::Image result = VEDETTE_TRY(voxel::slide(image, sliding, caller.as_network()));
    result.unit = voxel::text(step.values, "activation") != "none" ? "1" : voxel::text(step.values, "unit");
    return Item(std::move(result));
  }
  voxel::DecideOptions options;
  options.by = decide == "argmax" ? voxel::DecideOptions::By::argmax : voxel::DecideOptions::By::threshold;
  options.at = voxel::number(step.values, "at");
  return Item(VEDETTE_TRY(voxel::slide_to_labels(image, sliding, caller.as_network(), options)));
}

}  // namespace vedette::pipeline
