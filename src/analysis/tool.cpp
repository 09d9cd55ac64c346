#include "analysis/tool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "analysis/toml_reader.hpp"
#include "base/digest.hpp"
#include "base/id.hpp"

namespace vedette::analysis {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t format = 1;

const std::vector<std::string> preferences = {"original", "most_images", "finest_slices", "lowest_number"};

bool is_version(std::string_view text) {
  int dots = 0;
  bool digit = false;
  for (const char c : text) {
    if (c == '.') {
      if (!digit) return false;
      ++dots;
      digit = false;
    } else if (c >= '0' && c <= '9') {
      digit = true;
    } else {
      return dots == 2 && digit && (c == '-' || c == '+');
    }
  }
  return dots == 2 && digit;
}

finding::Code read_code(TableReader& from, std::string_view key) {
  finding::Code code;
  if (const auto* table = from.table(key, true)) {
    TableReader reader = from.below(*table, key);
    code = {reader.text("value", true, 64), reader.text("scheme", true, 16), reader.text("meaning", true, 64)};
    reader.finish();
  }
  return code;
}

void read_identity(TableReader& top, Tool& tool) {
  const auto* table = top.table("tool", true);
  if (table == nullptr) return;
  TableReader reader = top.below(*table, "tool");
  tool.id = reader.text("id", true, 64);
  if (!tool.id.empty() && !is_name(tool.id)) {
    reader.refuse("tool.id", "'tool.id' may hold only letters, digits, '_', '-' and '.'", "id");
  }
  tool.name = reader.text("name", true, 64);
  tool.version = reader.text("version", true, 64);
  if (!tool.version.empty() && !is_version(tool.version)) {
    reader.refuse("tool.version", "'tool.version' is no semantic version", "version", "Write it as 1.2.3.");
  }
  tool.maker = reader.text("maker");
  tool.licence = reader.text("licence");
  tool.intended_use = reader.text("intended_use");
  tool.regulatory_status = reader.text("regulatory_status");
  tool.population = reader.text("population");
  tool.validation = reader.text("validation");
  tool.demonstrator = reader.boolean("demonstrator", true, true);
  reader.finish();
}

void read_engine(TableReader& top, Tool& tool) {
  const auto* table = top.table("engine", true);
  if (table == nullptr) return;
  TableReader reader = top.below(*table, "engine");
  const std::string kind = reader.choice("kind", {"builtin", "command"});
  tool.engine = kind == "command" ? Tool::Engine::command : Tool::Engine::builtin;
  tool.command = reader.texts("command", kind == "command");
  if (kind == "builtin" && !tool.command.empty()) {
    reader.refuse("tool.command", "'engine.command' goes only with kind \"command\"", "command");
  }
  if (!tool.command.empty()) {
    const fs::path program(tool.command[0]);
    const bool leaves = std::any_of(program.begin(), program.end(), [](const fs::path& part) { return part == ".."; });
    if (program.is_absolute() || leaves) {
      reader.refuse("tool.command", "'engine.command' must name a program inside the tool's folder", "command");
    }
  }
  tool.memory_bytes = static_cast<std::uint64_t>(reader.integer("memory_bytes", 16 << 20, 1LL << 40, 1LL << 30));
  tool.output_bytes = static_cast<std::uint64_t>(reader.integer("output_bytes", 1 << 16, 1LL << 40, 1LL << 30));
  tool.seconds = static_cast<int>(reader.integer("seconds", 1, 86'400, 300));
  tool.processes = static_cast<int>(reader.integer("processes", 1, 4096, 64));
  reader.finish();
}

void read_input(TableReader& reader, Tool& tool) {
  InputGate gate;
  gate.name = reader.text("name", true, 64);
  gate.modality = reader.texts("modality", true);
  gate.sop_class = reader.texts("sop_class");
  for (const std::string& uid : gate.sop_class) {
    if (!is_uid(uid)) reader.refuse("tool.sop_class", "'" + uid + "' is no UID", "sop_class");
  }
  gate.body_part = reader.texts("body_part");
  gate.units = reader.texts("units");
  gate.corrected_for = reader.texts("corrected_for");
  gate.least_images = static_cast<int>(reader.integer("least_images", 1, 100'000, 1));
  gate.most_images = static_cast<int>(reader.integer("most_images", 1, 100'000, 100'000));
  gate.regular = reader.choice("geometry", {"regular", "any"}, false) == "regular";
  gate.least_spacing = reader.number("least_spacing", false);
  gate.most_spacing = reader.number("most_spacing", false);
  if (const auto age = reader.integer("least_age", 0, 150, -1); age >= 0) gate.least_age = static_cast<int>(age);
  if (const auto age = reader.integer("most_age", 0, 150, -1); age >= 0) gate.most_age = static_cast<int>(age);
  gate.prefer = reader.texts("prefer");
  for (const std::string& word : gate.prefer) {
    if (std::find(preferences.begin(), preferences.end(), word) == preferences.end()) {
      reader.refuse("tool.prefer", "'" + word + "' is no known preference", "prefer",
                    fmt::format("Known: {}.", fmt::join(preferences, ", ")));
    }
  }
  reader.finish();
  tool.inputs.push_back(std::move(gate));
}

void read_outputs(TableReader& top, Tool& tool) {
  for (const auto* table : top.tables("output", true)) {
    TableReader reader = top.below(*table, "output");
    OutputRow row;
    row.code = read_code(reader, "code");
    row.text = reader.text("text", true, 200);
    row.urgency = reader.texts("urgency", true);
    for (const std::string& word : row.urgency) {
      if (!finding::urgency_from(word)) {
        reader.refuse("tool.urgency", "'" + word + "' is no level of urgency", "urgency",
                      "Known: immediate, urgent, soon, routine.");
      }
    }
    reader.choice("region", {"mask", "point", "none"}, true);
    for (const auto* inner : reader.tables("measurements", false)) {
      TableReader measurement = reader.below(*inner, "measurements");
      read_code(measurement, "code");
      measurement.text("unit", true, 64);
      measurement.finish();
    }
    reader.finish();
    tool.outputs.push_back(std::move(row));
  }
}

void read_parameters(TableReader& top, Tool& tool) {
  const auto* table = top.table("parameters", false);
  if (table == nullptr) return;
  for (const auto& [key, value] : *table) {
    const auto* inner = value.as_table();
    TableReader all = top.below(*table, "parameters");
    if (inner == nullptr) {
      all.refuse("tool.key_type", fmt::format("'parameters.{}' must be a table", key.str()), key.source());
      return;
    }
    TableReader reader = all.below(*inner, key.str());
    Parameter parameter;
    parameter.value = reader.number("value", true).value_or(0);
    parameter.unit = reader.text("unit", true, 32);
    parameter.text = reader.text("text", true, 300);
    reader.finish();
    tool.parameters[std::string(key.str())] = std::move(parameter);
  }
}

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Result<std::string> digest_of(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; it != end && !error; it.increment(error)) {
    if (it->is_symlink()) {
      return Error{Fault::refused, "tool.link", "A tool's folder must not hold links", it->path().string(),
                   "Put the file itself there."};
    }
    if (it->is_regular_file()) files.push_back(it->path());
  }
  if (error) return Error{Fault::not_found, "tool.folder", "The tool's folder cannot be read", folder.string()};
  std::sort(files.begin(), files.end());
  Sha256 whole;
  for (const fs::path& file : files) {
    const std::string line =
        fs::relative(file, folder).generic_string() + '\0' + sha256(as_bytes(bytes_of(file))).hex() + '\n';
    whole.update(as_bytes(line));
  }
  return whole.finish().hex();
}

}  // namespace

Result<Tool> read_tool(const std::string& folder) {
  const fs::path root = fs::absolute(folder).lexically_normal();
  const fs::path file = root / "tool.toml";
  std::error_code error;
  if (!fs::is_regular_file(file, error)) {
    return Error{Fault::not_found, "tool.manifest", "There is no tool.toml", file.string(),
                 "Name the folder of a tool."};
  }
  if (fs::file_size(file, error) > (1U << 20)) {
    return Error{Fault::too_large, "tool.manifest", "tool.toml is larger than 1 MiB", file.string()};
  }
  const toml::parse_result parsed = toml::parse(bytes_of(file), file.string());
  if (!parsed) {
    const auto& at = parsed.error().source().begin;
    return Error{Fault::malformed, "tool.toml", std::string(parsed.error().description()),
                 fmt::format("{}:{}:{}", file.string(), at.line, at.column), "Correct the file."};
  }
  Tool tool;
  std::optional<Error> fault;
  TableReader top(parsed.table(), file.string(), "", fault);
  top.integer("format", format, format, std::nullopt);
  tool.limits = top.texts("limits", true);
  read_identity(top, tool);
  read_engine(top, tool);
  for (const auto* table : top.tables("input", true)) {
    TableReader reader = top.below(*table, "input");
    read_input(reader, tool);
  }
  read_parameters(top, tool);
  read_outputs(top, tool);
  top.finish();
  if (fault) return *std::move(fault);
  tool.folder = root.string();
  tool.digest = VEDETTE_TRY(digest_of(root));
  return tool;
}

std::string card_of(const Tool& tool) {
  std::string out = fmt::format("# {} {}\n\n", tool.name, tool.version);
  if (tool.demonstrator) out += "**Demonstrator: not for clinical use.**\n\n";
  out += fmt::format(
      "{}\n\n| | |\n|---|---|\n| Maker | {} |\n| Licence | {} |\n| Regulatory status | {} |\n| Population | {} |\n| "
      "Validation | {} |\n\n",
      tool.intended_use, tool.maker, tool.licence, tool.regulatory_status, tool.population, tool.validation);
  out += "## Limits of use\n\n";
  for (const std::string& limit : tool.limits) out += "- " + limit + "\n";
  if (!tool.parameters.empty()) {
    out += "\n## Numbers it decides by\n\n| Number | Value | Meaning |\n|---|---|---|\n";
    for (const auto& [name, p] : tool.parameters) {
      out += fmt::format("| {} | {:g} {} | {} |\n", name, p.value, p.unit == "1" ? "" : p.unit, p.text);
    }
  }
  return out;
}

const Tool* Registry::find(std::string_view id) const {
  for (const Tool& tool : tools) {
    if (tool.id == id) return &tool;
  }
  return nullptr;
}

Registry read_registry(const std::string& folder) {
  Registry registry;
  fs::path root = folder;
  std::error_code error;
  if (folder.empty()) {
    const char* named = std::getenv("VEDETTE_TOOLS");
    root = named != nullptr ? fs::path(named) : fs::read_symlink("/proc/self/exe", error).parent_path() / "tools";
  }
  std::vector<fs::path> folders;
  for (fs::directory_iterator it(root, error), end; it != end && !error; it.increment(error)) {
    if (fs::exists(it->path() / "tool.toml")) folders.push_back(it->path());
  }
  if (error) {
    registry.faults.push_back(Error{Fault::not_found, "tool.folder", "The folder of tools cannot be read",
                                    root.string(), "Set tools.folder to a folder that holds tool folders."});
    return registry;
  }
  std::sort(folders.begin(), folders.end());
  for (const fs::path& each : folders) {
    auto tool = read_tool(each.string());
    if (tool) {
      registry.tools.push_back(*std::move(tool));
    } else {
      registry.faults.push_back(std::move(tool).error());
    }
  }
  std::stable_sort(registry.tools.begin(), registry.tools.end(),
                   [](const Tool& a, const Tool& b) { return a.id < b.id; });
  for (std::size_t i = 0; i + 1 < registry.tools.size();) {
    if (registry.tools[i].id != registry.tools[i + 1].id) {
      ++i;
      continue;
    }
    const std::string id = registry.tools[i].id;
    registry.faults.push_back(Error{Fault::conflict, "tool.twice", "Two folders hold a tool of one id: " + id,
                                    registry.tools[i + 1].folder, "Keep one of them."});
    std::erase_if(registry.tools, [&](const Tool& tool) { return tool.id == id; });
  }
  return registry;
}

}  // namespace vedette::analysis
