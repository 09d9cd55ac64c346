#include "analysis/golden.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

namespace vedette::analysis {

namespace {

namespace fs = std::filesystem;

bool is_variable(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Findings of one output, the first being the greatest.
std::vector<std::size_t> findings_of(const Tool& tool, const FolderRun& run, const std::string& output) {
  std::vector<std::size_t> out;
  const auto row = std::find_if(tool.outputs.begin(), tool.outputs.end(),
                                [&](const OutputRow& each) { return each.name == output; });
  for (std::size_t i = 0; i < run.findings.size(); ++i) {
    const finding::Finding& f = run.findings[i];
    if (row != tool.outputs.end() && f.code.value == row->code.value && f.code.scheme == row->code.scheme &&
        f.text == row->text)
      out.push_back(i);
  }
  return out;
}

std::optional<double> value_of(const FolderRun& run, std::size_t number, const std::string& measure) {
  const finding::Finding& f = run.findings[number];
  if (measure == "score") return f.score;
  if (measure == "voxels") {
    const std::string& mask = run.outcome.proposals[number].mask;
    return static_cast<double>(std::count(mask.begin(), mask.end(), '\1'));
  }
  for (const finding::Measurement& m : f.measurements) {
    if (m.method && m.method->value == measure) return m.value;
  }
  if (measure == "volume") return f.region.volume_ml;
  return std::nullopt;
}

bool compare(const Tool& tool, const FolderRun& run, const Golden::Expected& expected, GoldenResult& result) {
  const auto found = findings_of(tool, run, expected.output);
  bool right = true;
  if (expected.count) {
    const bool same = found.size() == static_cast<std::size_t>(*expected.count);
    result.lines.push_back(fmt::format("{} {}: {} findings, {} expected", same ? "ok" : "NO", expected.output,
                                       found.size(), *expected.count));
    right = right && same;
  }
  if (!expected.value) return right;
  const auto value = found.empty() ? std::nullopt : value_of(run, found[0], expected.measure);
  if (!value) {
    result.lines.push_back(
        fmt::format("NO {}: no {}, {:.10g} expected", expected.output, expected.measure, *expected.value));
    return false;
  }
  const double allowed = std::max(expected.tolerance, expected.relative * std::abs(*expected.value));
  const bool near = std::abs(*value - *expected.value) <= allowed;
  result.lines.push_back(fmt::format("{} {}: {} {:.10g}, {:.10g} ± {:.4g} expected", near ? "ok" : "NO",
                                     expected.output, expected.measure, *value, *expected.value, allowed));
  return right && near;
}

}  // namespace

std::string golden_folder(const Tool& tool, const Golden& golden) {
  std::string out;
  for (std::size_t i = 0; i < golden.input.size(); ++i) {
    if (golden.input[i] != '$') {
      out += golden.input[i];
      continue;
    }
    std::size_t end = i + 1;
    while (end < golden.input.size() && is_variable(golden.input[end])) ++end;
    const char* value = std::getenv(golden.input.substr(i + 1, end - i - 1).c_str());
    out += value != nullptr ? value : golden.input.substr(i, end - i);
    i = end - 1;
  }
  return fs::path(out).is_absolute() ? out : (fs::path(tool.folder) / out).lexically_normal().string();
}

Result<GoldenResult> run_golden(const Tool& tool, const Golden& golden, const RunOptions& options) {
  GoldenResult result;
  result.name = golden.name;
  const std::string folder = golden_folder(tool, golden);
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    result.state = GoldenResult::State::skipped;
    result.lines.push_back("its input is not here: " + folder);
    return result;
  }
  const FolderRun run = VEDETTE_TRY(run_folder(tool, folder, options));
  result.seconds = run.outcome.seconds;
  const std::string state(name_of(run.outcome.state));
  bool right = state == golden.state;
  result.lines.push_back(fmt::format("{} ended as {}{}{}", right ? "ok" : "NO", state,
                                     run.outcome.code.empty() ? "" : " " + run.outcome.code,
                                     right || run.outcome.text.empty() ? "" : ": " + run.outcome.text));
  if (!golden.code.empty() && run.outcome.code != golden.code) {
    result.lines.push_back(fmt::format("NO its reason is {}, {} expected", run.outcome.code, golden.code));
    right = false;
  }
  for (const Golden::Expected& expected : golden.expected) right = compare(tool, run, expected, result) && right;
  result.state = right ? GoldenResult::State::passed : GoldenResult::State::failed;
  return result;
}

}  // namespace vedette::analysis
