/// vedette-operators: runs a chain of declared operators on raw arrays, for judges and benches that are not ours.
///
///   vedette-operators ORDER.json
///
/// ORDER: {"inputs": [{"file": raw, "kind": "image" | "labels", "shape": [channel, slice, row, column],
///   "origin": [x, y, z], "axes": [[x, y, z] per slice, per row, per column], "unit": "HU", "monochrome1": false,
///   "placed": true}], "reference": the same or none, "steps": [{"operator": name, parameters …}],
///   "network": {"kind": "mix", "channels": n} or none, "threads": n, "output": raw}
/// Raw images are little-endian float32, labels uint16, in C order. The first input goes through all steps; the others
/// join at the first step that takes several. Prints what came out as JSON; an error goes to standard error, status 1.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "voxel/operator.hpp"

namespace {

using nlohmann::json;
using vedette::Error;
using vedette::Fault;
using vedette::Result;
using namespace vedette::voxel;

template <typename T>
Result<std::vector<T>> raw_of(const std::string& path, std::size_t count) {
  std::ifstream in(path, std::ios::binary);
  std::vector<T> values(count);
  in.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(count * sizeof(T)));
  if (!in) return Error{Fault::malformed, "order.raw", fmt::format("{} does not hold {} values.", path, count)};
  return values;
}

Vec3 vector_of(const json& value) {
  return {value.at(0), value.at(1), value.at(2)};
}

Result<Operand> operand_of(const json& order) {
  const auto shape = order.at("shape").get<std::array<int, 4>>();
  const auto& axes = order.at("axes");
  const Grid grid = grid_of({shape[1], shape[2], shape[3]}, vector_of(order.at("origin")),
                            {vector_of(axes.at(0)), vector_of(axes.at(1)), vector_of(axes.at(2))});
  const std::size_t count = static_cast<std::size_t>(shape[0]) * grid.size();
  if (order.value("kind", "image") == "labels") {
    LabelMap labels;
    labels.grid = grid;
    labels.channels = shape[0];
    labels.values = VEDETTE_TRY(raw_of<std::uint16_t>(order.at("file"), count));
    return Operand(std::move(labels));
  }
  Image image;
  image.grid = grid;
  image.channels = shape[0];
  image.unit = order.value("unit", "");
  image.placed = order.value("placed", true);
  image.monochrome1 = order.value("monochrome1", false);
  image.values = VEDETTE_TRY(raw_of<float>(order.at("file"), count));
  return Operand(std::move(image));
}

Values values_of(const json& step) {
  Values values;
  for (const auto& [name, value] : step.items()) {
    if (name == "operator") continue;
    if (value.is_boolean()) values.emplace(name, value.get<bool>());
    if (value.is_number_integer()) values.emplace(name, value.get<std::int64_t>());
    if (value.is_number_float()) values.emplace(name, value.get<double>());
    if (value.is_string()) values.emplace(name, value.get<std::string>());
    if (!value.is_array()) continue;
    if (!value.empty() && value.at(0).is_string()) {
      values.emplace(name, value.get<std::vector<std::string>>());
    } else {
      values.emplace(name, value.get<std::vector<double>>());
    }
  }
  return values;
}

/// A network of which the answer is known: channel c of voxel (k,r,x) in the window is
/// (c + 1) × value + 0.01 × (k + 2 r + 3 x) × (1 if c is even, else -1); of input channel c modulo their number.
Result<Tensor> mix(const Tensor& window, int channels) {
  Tensor out{channels, window.shape, {}};
  const auto [slices, rows, columns] = window.shape;
  const std::size_t voxels = window.values.size() / static_cast<std::size_t>(window.channels);
  out.values.resize(static_cast<std::size_t>(channels) * voxels);
  for (int c = 0; c < channels; ++c) {
    const float* from = window.values.data() + static_cast<std::size_t>(c % window.channels) * voxels;
    float* to = out.values.data() + static_cast<std::size_t>(c) * voxels;
    const float sign = c % 2 == 0 ? 0.01F : -0.01F;
    for (int k = 0; k < slices; ++k) {
      for (int r = 0; r < rows; ++r) {
        for (int x = 0; x < columns; ++x, ++from, ++to) {
          *to = static_cast<float>(c + 1) * *from + sign * static_cast<float>(k + 2 * r + 3 * x);
        }
      }
    }
  }
  return out;
}

json grid_json(const Grid& grid) {
  const auto three = [](Vec3 v) { return json{v.x, v.y, v.z}; };
  return {{"shape", shape_of(grid)},
          {"origin", three(grid.origin)},
          {"axes", {three(grid.slice), three(grid.row), three(grid.column)}},
          {"code", code_of(grid)}};
}

template <typename T>
void save(const std::string& path, const std::vector<T>& values) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(T)));
}

json vector_json(Vec3 v) {
  return {v.x, v.y, v.z};
}

json result_json(const Operand& operand, const std::string& output) {
  if (const auto* image = std::get_if<Image>(&operand)) {
    save(output, image->values);
    return {{"kind", "image"}, {"channels", image->channels}, {"unit", image->unit}, {"grid", grid_json(image->grid)}};
  }
  if (const auto* labels = std::get_if<LabelMap>(&operand)) {
    save(output, labels->values);
    return {{"kind", "labels"}, {"channels", labels->channels}, {"grid", grid_json(labels->grid)}};
  }
  if (const auto* boxes = std::get_if<Boxes>(&operand)) {
    json list = json::array();
    for (const Box& box : boxes->boxes) {
      list.push_back({{"low", box.low},
                      {"high", box.high},
                      {"score", box.score},
                      {"label", box.label},
                      {"centre", vector_json(box.centre_mm)},
                      {"size", vector_json(box.size_mm)}});
    }
    return {{"kind", "boxes"}, {"boxes", list}, {"grid", grid_json(boxes->grid)}};
  }
  json list = json::array();
  for (const Segment& segment : std::get<Segments>(operand).segments) {
    const Measures& m = segment.measures;
    list.push_back({{"label", segment.label},
                    {"name", segment.name},
                    {"voxels", segment.region.size()},
                    {"volume_ml", m.volume_ml},
                    {"longest_mm", m.longest_mm},
                    {"longest_in_slice_mm", m.longest_in_slice_mm},
                    {"mean", m.mean},
                    {"sd", m.sd},
                    {"minimum", m.minimum},
                    {"maximum", m.maximum},
                    {"centre", vector_json(m.centre_mm)}});
  }
  return {{"kind", "segments"}, {"segments", list}};
}

Result<json> run(const json& order) {
  std::vector<Operand> inputs;
  for (const auto& input : order.at("inputs")) inputs.push_back(VEDETTE_TRY(operand_of(input)));
  Surroundings with;
  with.threads.count = order.value("threads", 0);
  std::optional<Operand> reference;
  if (order.contains("reference")) {
    reference = VEDETTE_TRY(operand_of(order.at("reference")));
    with.reference = std::get_if<Image>(&*reference);
  }
  if (order.contains("network")) {
    const int channels = order.at("network").at("channels");
    with.network_channels = channels;
    with.network = [channels](const Tensor& window) { return mix(window, channels); };
  }
  json seconds = json::array(), processor = json::array(), forms = json::array();
  Operand now = std::move(inputs.front());
  for (const auto& step : order.at("steps")) {
    const Operator* op = operator_named(step.at("operator").get<std::string>());
    if (op == nullptr) return Error{Fault::refused, "order.operator", "There is no such operator.", step.dump()};
    const Values values = VEDETTE_TRY(read_values(*op, values_of(step)));
    std::vector<Form> given{form_of(now)};
    std::vector<Operand> operands;
    const bool several = op->takes == Operator::Takes::several;
    for (std::size_t i = 1; several && i < inputs.size(); ++i) given.push_back(form_of(inputs[i]));
    const Form expected = VEDETTE_TRY(op->form(given, values, with));
    operands.push_back(std::move(now));
    for (std::size_t i = 1; several && i < inputs.size(); ++i) operands.push_back(inputs[i]);
    const auto begun = std::chrono::steady_clock::now();
    const std::clock_t used = std::clock();  // of all threads
    now = VEDETTE_TRY(op->run(std::move(operands), values, with));
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
    processor.push_back(static_cast<double>(std::clock() - used) / CLOCKS_PER_SEC);
    forms.push_back({{"expected", text_of(expected)}, {"given", text_of(form_of(now))}});
    // What the form foresaw must be what came.
    const Form came = form_of(now);
    for (std::size_t a = 0; a < 3; ++a) {
      if (expected.shape[a] && *expected.shape[a] != *came.shape[a]) {
        return Error{Fault::internal, "order.form",
                     fmt::format("{} foresaw {} and gave {}.", op->name, text_of(expected), text_of(came))};
      }
    }
  }
  json out = result_json(now, order.value("output", ""));
  out["seconds"] = seconds;
  out["processor_seconds"] = processor;
  out["forms"] = forms;
  return out;
}

}  // namespace

int main(int count, char** words) {
  if (count != 2) {
    std::fputs("Usage: vedette-operators ORDER.json\n", stderr);
    return 2;
  }
  try {
    std::ifstream in(words[1]);
    const auto result = run(json::parse(in));
    if (!result) {
      fmt::print(stderr, "{}: {}\n", result.error().code, result.error().text());
      return 1;
    }
    fmt::print("{}\n", result->dump());
  } catch (const std::exception& thrown) {
    fmt::print(stderr, "order.malformed: {}\n", thrown.what());
    return 1;
  }
  return 0;
}
