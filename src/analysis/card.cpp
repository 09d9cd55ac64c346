#include <fmt/format.h>
#include <fmt/ranges.h>

#include "analysis/tool.hpp"
#include "engine/network.hpp"
#include "pipeline/declaration.hpp"

namespace vedette::analysis {

namespace {

void add(std::vector<std::string>& out, std::string_view words, const std::vector<std::string>& list) {
  if (!list.empty()) out.push_back(fmt::format("{} {}", words, fmt::join(list, ", ")));
}
template <typename Number>
void add(std::vector<std::string>& out, std::string_view words, const std::optional<Number>& least,
         const std::optional<Number>& most, std::string_view unit) {
  if (least && most)
    out.push_back(
        fmt::format("{} {:g} to {:g} {}", words, static_cast<double>(*least), static_cast<double>(*most), unit));
  if (least && !most) out.push_back(fmt::format("{} from {:g} {}", words, static_cast<double>(*least), unit));
  if (!least && most) out.push_back(fmt::format("{} up to {:g} {}", words, static_cast<double>(*most), unit));
}

std::string gate_words(const InputGate& gate) {
  std::vector<std::string> out;
  add(out, "modality", gate.modality);
  add(out, "SOP class", gate.sop_class);
  add(out, "body part", gate.body_part);
  add(out, "view", gate.view);
  add(out, "laterality", gate.laterality);
  add(out, "sex", gate.sex);
  add(out, "units", gate.units);
  add(out, "corrected for", gate.corrected_for);
  add(out, "kernel", gate.kernel);
  add(out, "not kernel", gate.kernel_not);
  add(out, "manufacturer", gate.manufacturer);
  add(out, "description with", gate.description);
  add(out, "description without", gate.description_not);
  add(out, "image type", gate.image_type);
  add(out, "not image type", gate.image_type_not);
  add(out, "photometric interpretation", gate.photometric);
  if (!gate.orientation.empty()) out.push_back(gate.orientation);
  if (gate.contrast == "with" || gate.contrast == "without") out.push_back(gate.contrast + " contrast agent");
  if (gate.regular) out.push_back("evenly spaced slices");
  if (gate.least_images > 1 || gate.most_images < 100'000)
    out.push_back(fmt::format("{} to {} images", gate.least_images, gate.most_images));
  if (gate.least_rows > 0) out.push_back(fmt::format("at least {} rows and columns", gate.least_rows));
  add(out, "slices", gate.least_spacing, gate.most_spacing, "mm apart");
  add(out, "pixels", std::optional<double>{}, gate.most_pixel, "mm");
  add(out, "thickness", gate.least_thickness, gate.most_thickness, "mm");
  add(out, "tube voltage", gate.least_kvp, gate.most_kvp, "kV");
  add(out, "age", gate.least_age, gate.most_age, "years");
  return fmt::format("{}", fmt::join(out, "; "));
}

std::string value_words(const voxel::Value& value) {
  return std::visit(
      [](const auto& v) {
        using V = std::remove_cvref_t<decltype(v)>;
        if constexpr (std::is_same_v<V, bool>)
          return std::string(v ? "yes" : "no");
        else if constexpr (std::is_same_v<V, double>)
          return fmt::format("{:g}", v);
        else if constexpr (std::is_same_v<V, std::vector<double>>) {
          std::vector<std::string> words;
          for (const double each : v) words.push_back(fmt::format("{:g}", each));
          return fmt::format("{}", fmt::join(words, " × "));
        } else if constexpr (std::is_same_v<V, std::vector<std::string>>)
          return fmt::format("{}", fmt::join(v, ", "));
        else
          return fmt::format("{}", v);
      },
      value);
}

std::string pipeline_words(const Tool& tool) {
  std::string out = "\n## How it computes\n\n";
  for (const Model& model : tool.models)
    out += fmt::format("- Network {}{}, computed in {} with {} thread{}\n", model.file,
                       model.name.empty() ? "" : " (" + model.name + ")", engine::name_of(tool.precision), tool.threads,
                       tool.threads == 1 ? "" : "s");
  int number = 0;
  for (const pipeline::StepRow& step : tool.pipeline->steps) {
    std::vector<std::string> values;
    for (const auto& [name, value] : step.values) values.push_back(fmt::format("{} {}", name, value_words(value)));
    out += fmt::format("{}. {}{}{}{}\n", ++number, step.use,
                       step.of.empty() ? "" : fmt::format(" of {}", fmt::join(step.of, ", ")),
                       step.name.empty() ? "" : " as " + step.name,
                       values.empty() ? "" : fmt::format(": {}", fmt::join(values, ", ")));
  }
  out += "\n## What it may propose\n\n| Output | Finding | Code | From | Urgency |\n|---|---|---|---|---|\n";
  for (const pipeline::OutputRow& row : tool.pipeline->outputs) {
    const std::string from = row.threshold      ? fmt::format("score {:g}", *row.threshold)
                             : row.least_ml > 0 ? fmt::format("{:g} ml", row.least_ml)
                                                : "any size";
    out += fmt::format("| {} | {} | {} {} ({}) | {} | {} |\n", row.name, row.text, row.code.scheme, row.code.value,
                       row.code.meaning, from, fmt::join(row.urgency, ", "));
  }
  return out;
}

}  // namespace

std::string card_of(const Tool& tool) {
  std::string out = fmt::format("# {} {}\n\n", tool.name, tool.version);
  if (tool.demonstrator) out += "**Demonstrator: not for clinical use.**\n\n";
  out += fmt::format(
      "{}\n\n| | |\n|---|---|\n| Maker | {} |\n| Licence | {} |\n| Regulatory status | {} |\n| Population | {} |\n| "
      "Validation | {} |\n",
      tool.intended_use, tool.maker, tool.licence, tool.regulatory_status, tool.population, tool.validation);
  if (!tool.contact.empty()) out += fmt::format("| Contact | {} |\n", tool.contact);
  for (const InputGate& gate : tool.inputs) out += fmt::format("| Takes | {} |\n", gate_words(gate));
  out += "\n## Limits of use\n\n";
  for (const std::string& limit : tool.limits) out += "- " + limit + "\n";
  if (!tool.parameters.empty()) {
    out += "\n## Numbers it decides by\n\n| Number | Value | Meaning |\n|---|---|---|\n";
    for (const auto& [name, p] : tool.parameters) {
      out += fmt::format("| {} | {:g} {} | {} |\n", name, p.value, p.unit == "1" ? "" : p.unit, p.text);
    }
  }
  if (tool.engine == Tool::Engine::onnx) out += pipeline_words(tool);
  if (!tool.golden.empty()) {
    out += "\n## Golden cases\n\n";
    for (const Golden& golden : tool.golden) out += "- " + golden.name + "\n";
  }
  return out;
}

}  // namespace vedette::analysis
