// vedette tool run, list, check, test, card, schema
#include <fmt/format.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "analysis/check.hpp"
#include "analysis/golden.hpp"
#include "analysis/keys.hpp"
#include "analysis/run.hpp"
#include "analysis/tool.hpp"
#include "commands.hpp"
#include "dicom/data_set.hpp"
#include "ground.hpp"
#include "report/objects.hpp"

namespace vedette::app {

namespace fs = std::filesystem;

namespace {

/// A folder, or the id of a tool that comes with the program.
Result<analysis::Tool> tool_of(const Settings& settings, const std::string& name) {
  if (fs::is_directory(name)) return analysis::read_tool(fs::absolute(name).string());
  const analysis::Registry registry = analysis::read_registry(tools_folder(settings));
  if (const analysis::Tool* tool = registry.find(name)) return *tool;
  return Error{Fault::not_found, "tool.not_found", fmt::format("There is no tool '{}'", name), "tool",
               "Name a tool folder, or one that 'vedette tool list' shows."};
}

/// Before there is a study row, finding and object take their identity from tool and input.
Result<std::vector<report::Object>> objects_of(const analysis::Tool& tool, const analysis::FolderRun& run) {
  std::map<std::string, const dicom::DataSet*> headers;
  for (const analysis::ImageSeries& series : run.study.series) {
    for (const analysis::Image& image : series.images)
      headers[image.header.text(dicom::tags::sop_instance_uid)] = &image.header;
  }
  report::Publication publication;
  for (std::size_t i = 0; i < run.findings.size(); ++i) {
    publication.leaving.push_back({run.findings[i], run.outcome.proposals[i].mask});
    // No row has given it an id yet; segment and report are tied by it.
    if (publication.leaving.back().finding.id.empty())
      publication.leaving.back().finding.id = fmt::format("finding-{}", i + 1);
  }
  if (publication.leaving.empty()) return std::vector<report::Object>{};
  publication.source = *headers.begin()->second;
  publication.header = [&](const std::string& uid) -> Result<dicom::DataSet> {
    const auto found = headers.find(uid);
    if (found == headers.end())
      return Error{Fault::not_found, "tool.image", "A finding names an image that is not in the input", "region"};
    return *found->second;
  };
  publication.equipment.software_version = product_version;
  publication.when = SystemClock().now();
  publication.name = fmt::format("tool-run:{}:{}:{}:{}", tool.id, tool.version, tool.digest, run.outcome.input_digest);
  return report::make_objects(publication);
}

Result<void> write(const fs::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  if (!file.flush())
    return Error{Fault::unavailable, "tool.write", "A result cannot be written", path.string(),
                 "Check --output and the disk."};
  return {};
}

analysis::RunOptions options_of(const Settings& settings) {
  analysis::RunOptions options;
  options.memory_bytes = static_cast<std::uint64_t>(settings.integer("tools.memory_bytes"));
  options.seconds = static_cast<int>(settings.integer("tools.seconds"));
  return options;
}

Result<int> run(const Settings& settings, const std::string& name, const std::string& input,
                const std::string& output) {
  const analysis::Tool tool = VEDETTE_TRY(tool_of(settings, name));
  analysis::RunOptions options = options_of(settings);
  if (::isatty(2) != 0) {
    options.progress = [](double share, std::string_view text) {
      fmt::print(stderr, "\r{:3.0f} %  {:60.60}", share * 100, text);
    };
  }
  const analysis::FolderRun result = VEDETTE_TRY(analysis::run_folder(tool, input, options));
  if (options.progress) fmt::print(stderr, "\r{:70}\r", "");
  const std::string json = analysis::findings_json(tool, result);
  if (output.empty()) {
    fmt::print("{}\n", json);
  } else {
    std::error_code fault;
    fs::create_directories(output, fault);
    VEDETTE_TRY(write(fs::path(output) / "findings.json", json));
    std::map<std::string, int> counts;
    for (const report::Object& object : VEDETTE_TRY(objects_of(tool, result))) {
      const int number = ++counts[object.kind];
      const std::string file =
          fmt::format("{}{}.dcm", object.kind == "SEG" ? "seg" : "sr", number == 1 ? "" : fmt::format("-{}", number));
      VEDETTE_TRY(write(fs::path(output) / file, VEDETTE_TRY(dicom::write_file(object.data))));
    }
    fmt::print("{} {}: {}{} ({} proposed findings, for review) in {}\n", tool.id, tool.version,
               analysis::name_of(result.outcome.state), result.outcome.text.empty() ? "" : ": " + result.outcome.text,
               result.findings.size(), output);
  }
  return result.outcome.state == analysis::Outcome::State::failed ? 1 : 0;
}

void print(const analysis::Remark& remark) {
  fmt::print("{} {}: {}{}\n{}", remark.error ? "ERROR  " : "warning", remark.code, remark.text,
             remark.where.empty() ? "" : " (" + remark.where + ")",
             remark.remedy.empty() ? "" : "        " + remark.remedy + "\n");
}

/// Prints the case; false where it failed.
bool print(const analysis::Tool& tool, const analysis::GoldenResult& result) {
  using State = analysis::GoldenResult::State;
  const char* state = result.state == State::passed ? "passed" : result.state == State::skipped ? "skipped" : "FAILED";
  fmt::print("{} {}: {} ({:.1f} s)\n", state, tool.id, result.name, result.seconds);
  for (const std::string& line : result.lines) fmt::print("    {}\n", line);
  return result.state != State::failed;
}

Result<bool> test_one(const Settings& settings, const analysis::Tool& tool) {
  bool right = true;
  if (tool.golden.empty()) fmt::print("{}: no golden case\n", tool.id);
  for (const analysis::Golden& golden : tool.golden)
    right = print(tool, VEDETTE_TRY(analysis::run_golden(tool, golden, options_of(settings)))) && right;
  return right;
}

}  // namespace

int check_tool(const Settings& settings, const std::string& name) {
  const auto tool = tool_of(settings, name);
  if (!tool) return say(tool.error());
  const analysis::CheckReport report = analysis::check_tool(*tool);
  fmt::print("{} {} ({})\n", tool->id, tool->version, tool->folder);
  for (const std::string& line : report.networks) fmt::print("  {}\n", line);
  for (const std::string& line : report.steps) fmt::print("  {}\n", line);
  for (const analysis::Remark& remark : report.remarks) print(remark);
  fmt::print("{}\n", report.ok() ? "The tool can run." : "The tool cannot run: correct the errors.");
  return report.ok() ? 0 : 1;
}

int test_tools(const Settings& settings, const std::string& name, bool all) {
  if (!all) {
    const auto tool = tool_of(settings, name);
    if (!tool) return say(tool.error());
    const auto right = test_one(settings, *tool);
    return !right ? say(right.error()) : *right ? 0 : 1;
  }
  const analysis::Registry registry = analysis::read_registry(tools_folder(settings));
  int status = 0;
  for (const analysis::Tool& tool : registry.tools) {
    const auto right = test_one(settings, tool);
    if (!right) (void)say(right.error());
    if (!right || !*right) status = 1;
  }
  for (const Error& fault : registry.faults) status = say(fault);
  return status;
}

int show_card(const Settings& settings, const std::string& name) {
  const auto tool = tool_of(settings, name);
  if (!tool) return say(tool.error());
  fmt::print("{}", analysis::card_of(*tool));
  return 0;
}

int print_schema() {
  fmt::print("{}", analysis::schema_json());
  return 0;
}

int run_tool(const Settings& settings, const std::string& tool, const std::string& input, const std::string& output) {
  const auto status = run(settings, tool, input, output);
  return status ? *status : say(status.error());
}

int list_tools(const Settings& settings) {
  const analysis::Registry registry = analysis::read_registry(tools_folder(settings));
  for (const analysis::Tool& tool : registry.tools) {
    fmt::print("{:20} {:10} {}{}\n{:20} {}\n", tool.id, tool.version, tool.name,
               tool.demonstrator ? " (demonstrator)" : "", "", tool.intended_use);
  }
  for (const Error& fault : registry.faults) (void)say(fault);
  return registry.faults.empty() ? 0 : 1;
}

}  // namespace vedette::app
