#include "analysis/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "analysis/golden.hpp"
#include "analysis/networks.hpp"
#include "base/text.hpp"
#include "finding/reasons.hpp"
#include "pipeline/forms.hpp"
#include "pipeline/plan.hpp"
#include "terms/codes.hpp"

namespace vedette::analysis {

namespace {

void add(CheckReport& report, bool error, std::string code, std::string text, std::string where, std::string remedy) {
  report.remarks.push_back({error, std::move(code), std::move(text), std::move(where), std::move(remedy)});
}
void add(CheckReport& report, const Error& error) {
  add(report, true, error.code, error.cause, error.where, error.remedy);
}

/// UCUM units that measurements of images come in and that the tables do not list as concepts.
constexpr std::array<std::string_view, 16> units = {"1",  "%",   "ml",    "mm3",        "cm3",         "mm",
                                                    "cm", "mm2", "cm2",   "[hnsf'U]",   "g/ml{SUVbw}", "Bq/ml",
                                                    "g",  "ms",  "um2/s", "10*-6.mm2/s"};

std::optional<std::string> meaning_of(const terms::Code& code) {
  if (const terms::Code* known = terms::find(code.scheme, code.value)) return known->meaning;
  for (const finding::ConceptRow& row : finding::concepts()) {
    if (row.scheme == code.scheme && row.value == code.value) return std::string(row.meaning);
  }
  return std::nullopt;
}

void check_code(const terms::Code& code, const std::string& where, CheckReport& report) {
  if (code.empty()) return;
  // A scheme of one's own is for what no standard names; nobody else knows it.
  if (code.scheme.starts_with("99")) return;
  const auto meaning = meaning_of(code);
  if (!meaning) {
    add(report, false, "check.code",
        fmt::format("The code {} {} \"{}\" is in none of the tables", code.scheme, code.value, code.meaning), where,
        "Look it up in its scheme; where it is right, it can be used all the same.");
  } else if (lower_case(*meaning) != lower_case(code.meaning)) {
    add(report, true, "check.code",
        fmt::format("{} {} means \"{}\", not \"{}\"", code.scheme, code.value, *meaning, code.meaning), where,
        "Correct the value or the meaning.");
  }
}

void check_words(const Tool& tool, CheckReport& report) {
  const std::string licence = lower_case(tool.licence);
  for (const std::string_view word : {"todo", "unknown", "unstated", "?", "tbd", "none"}) {
    if (licence == word || licence.starts_with(std::string(word) + ":") ||
        licence.starts_with(std::string(word) + " ")) {
      add(report, true, "check.licence", fmt::format("The licence is not stated: \"{}\"", tool.licence), "tool.licence",
          "Write the model's licence, such as Apache-2.0; where its maker gave none, say so and for what it may be "
          "used: \"No licence given by its maker: evaluation only\".");
      break;
    }
  }
  for (const auto& [key, value] : {std::pair<std::string_view, const std::string&>{"maker", tool.maker},
                                   {"intended_use", tool.intended_use},
                                   {"population", tool.population},
                                   {"validation", tool.validation},
                                   {"regulatory_status", tool.regulatory_status}}) {
    if (lower_case(value).starts_with("todo"))
      add(report, false, "check.todo", fmt::format("'tool.{}' is still to be written", key),
          fmt::format("tool.{}", key), "Write what is known; readers see it.");
  }
  for (const pipeline::OutputRow& row : tool.pipeline->outputs) {
    const std::string where = fmt::format("output '{}'", row.name);
    check_code(row.code, where, report);
    check_code(row.site, where, report);
    check_code(row.laterality, where, report);
    for (const pipeline::MeasurementRow& m : row.measurements) {
      check_code(m.code, where, report);
      const bool known = m.unit.starts_with("{") || std::find(units.begin(), units.end(), m.unit) != units.end() ||
                         terms::find("UCUM", m.unit) != nullptr;
      if (!known)
        add(report, false, "check.unit", fmt::format("The unit {} is in none of the tables", m.unit), where,
            "Check that it is UCUM.");
    }
  }
}

std::string line_of(const Model& model, const engine::ModelFacts& facts) {
  std::vector<std::pair<std::size_t, std::string>> operators;
  for (const auto& [name, count] : facts.operators) operators.emplace_back(count, name);
  std::sort(operators.rbegin(), operators.rend());
  std::string most;
  for (std::size_t i = 0; i < std::min<std::size_t>(operators.size(), 6); ++i)
    most += fmt::format("{}{} × {}", i == 0 ? "" : ", ", operators[i].second, operators[i].first);
  std::string ports;
  for (const engine::Port& port : facts.inputs)
    ports += fmt::format(" {} {} {}", port.name, engine::name_of(port.element), engine::text_of(port.shape));
  ports += " →";
  for (const engine::Port& port : facts.outputs)
    ports += fmt::format(" {} {} {}", port.name, engine::name_of(port.element), engine::text_of(port.shape));
  return fmt::format("{}: {:.1f} MB, opset {}, {} nodes ({}){};{}", model.file, static_cast<double>(facts.bytes) / 1e6,
                     facts.opset, facts.nodes, most, facts.quantised ? ", quantised" : "", ports);
}

void check_networks(const Tool& tool, CheckReport& report) {
  const auto facts = inspect_models(tool);
  if (!facts) return add(report, facts.error());
  for (std::size_t i = 0; i < facts->size(); ++i) {
    report.networks.push_back(line_of(tool.models[i], (*facts)[i]));
    if (tool.precision == engine::Precision::int8 && !(*facts)[i].quantised)
      add(report, true, "check.precision", "Precision int8 is declared, and the network holds no quantised operators",
          "engine.precision", "Set precision = \"f32\".");
  }
  const auto plan = pipeline::make_plan(*tool.pipeline, pipeline::promised(*tool.pipeline), faces_of(tool, *facts));
  if (!plan) return add(report, plan.error());
  for (std::size_t i = 0; i < plan->inputs.size(); ++i)
    report.steps.push_back(fmt::format("{:20} {}", tool.pipeline->inputs[i].name, pipeline::text_of(plan->inputs[i])));
  for (const pipeline::PlannedStep& step : plan->steps)
    report.steps.push_back(fmt::format("{:20} {}", step.use + (step.name.empty() ? "" : " → " + step.name),
                                       pipeline::text_of(step.known)));
}

void check_golden(const Tool& tool, CheckReport& report) {
  if (tool.golden.empty()) {
    add(report, false, "check.golden", "There is no golden case", "golden",
        "Add one, so that a wrong axis or scale cannot go unnoticed: see docs/tools.md.");
  }
  for (const Golden& golden : tool.golden) {
    const std::string folder = golden_folder(tool, golden);
    std::error_code error;
    if (!std::filesystem::is_directory(folder, error))
      add(report, false, "check.golden", fmt::format("The input of golden case '{}' is not here", golden.name), folder,
          "It is skipped by 'vedette tool test'.");
  }
}

}  // namespace

bool CheckReport::ok() const {
  return std::none_of(remarks.begin(), remarks.end(), [](const Remark& remark) { return remark.error; });
}

CheckReport check_tool(const Tool& tool) {
  CheckReport report;
  check_words(tool, report);
  if (tool.engine == Tool::Engine::onnx) check_networks(tool, report);
  check_golden(tool, report);
  if (tool.engine == Tool::Engine::onnx && !tool.demonstrator)
    add(report, false, "check.demonstrator", "The tool is not marked as a demonstrator", "tool.demonstrator",
        "Set it to true unless it is validated and approved for what it is used for.");
  return report;
}

Result<void> check_pipeline(const Tool& tool) {
  const auto facts = VEDETTE_TRY(inspect_models(tool));
  VEDETTE_TRY(pipeline::make_plan(*tool.pipeline, pipeline::promised(*tool.pipeline), faces_of(tool, facts)));
  return {};
}

}  // namespace vedette::analysis
