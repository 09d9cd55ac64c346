#include "analysis/tool.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "analysis/output.hpp"
#include "analysis/toml_reader.hpp"
#include "base/digest.hpp"
#include "base/id.hpp"
#include "base/text.hpp"
#include "engine/network.hpp"
#include "pipeline/declaration.hpp"
#include "pipeline/steps.hpp"

namespace vedette::analysis {

namespace {

namespace fs = std::filesystem;

/// A tool while it is read.
struct Draft : Tool {
  pipeline::Declaration declared;
};

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
  const auto* table = from.table(key);
  if (table == nullptr) return {};
  const TableReader reader = from.below_as(*table, key, "code");
  return {reader.text("value"), reader.text("scheme"), reader.text("meaning")};
}

void read_identity(TableReader& top, Draft& tool) {
  const auto* table = top.table("tool");
  if (table == nullptr) return;
  TableReader reader = top.below(*table, "tool");
  tool.id = reader.text("id");
  if (!tool.id.empty() && !is_name(tool.id)) {
    reader.refuse("tool.id", "'tool.id' may hold only letters, digits, '_', '-' and '.'", "id");
  }
  tool.name = reader.text("name");
  tool.version = reader.text("version");
  if (!tool.version.empty() && !is_version(tool.version)) {
    reader.refuse("tool.version", "'tool.version' is no semantic version", "version", "Write it as 1.2.3.");
  }
  tool.maker = reader.text("maker");
  tool.licence = reader.text("licence");
  tool.intended_use = reader.text("intended_use");
  tool.regulatory_status = reader.text("regulatory_status");
  tool.population = reader.text("population");
  tool.validation = reader.text("validation");
  tool.contact = reader.text("contact");
  tool.demonstrator = reader.boolean("demonstrator", true);
}

bool stays_inside(const fs::path& path) {
  return !path.empty() && !path.is_absolute() &&
         std::none_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
}

void read_models(TableReader& reader, Draft& tool) {
  const std::string file = reader.text("model");
  if (!file.empty()) tool.models.push_back({"", file});
  if (const auto* table = reader.table("models")) {
    for (const auto& [key, value] : *table) {
      if (value.is_string()) {
        tool.models.push_back({std::string(key.str()), value.as_string()->get()});
      } else {
        reader.refuse("tool.key_type", fmt::format("'engine.models.{}' must be the name of a file", key.str()),
                      key.source());
      }
    }
  }
  if (reader.has("model") && reader.has("models"))
    reader.refuse("tool.model", "'engine.model' and 'engine.models' do not go together", "models", "Keep one of them.");
  if (tool.models.empty())
    reader.refuse("tool.model", "A tool of kind \"onnx\" names no network", "kind", "Add model = \"model.onnx\".");
  for (const Model& model : tool.models) {
    if (!stays_inside(model.file))
      reader.refuse("tool.model", fmt::format("'{}' must be a file inside the tool's folder", model.file), "model");
    tool.declared.models.push_back({model.name, model.file});
  }
  const std::string precision = reader.text("precision");
  if (!precision.empty()) tool.precision = engine::precision_of(precision).value_or(engine::Precision::f32);
  tool.threads = static_cast<int>(reader.integer("threads", 2));
  tool.network_memory_bytes = static_cast<std::uint64_t>(reader.integer("network_memory_bytes", 4LL << 30));
}

void read_engine(TableReader& top, Draft& tool) {
  const auto* table = top.table("engine");
  if (table == nullptr) return;
  TableReader reader = top.below(*table, "engine");
  const std::string kind = reader.text("kind");
  tool.engine = kind == "command" ? Tool::Engine::command : kind == "onnx" ? Tool::Engine::onnx : Tool::Engine::builtin;
  tool.command = reader.texts("command");
  if (kind == "command" && tool.command.empty())
    reader.refuse("tool.key_missing", "'engine.command' is missing", "kind", "Add command = [\"program\"].");
  if (kind != "command" && reader.has("command"))
    reader.refuse("tool.command", "'engine.command' goes only with kind \"command\"", "command");
  if (!tool.command.empty() && !stays_inside(tool.command[0]))
    reader.refuse("tool.command", "'engine.command' must name a program inside the tool's folder", "command");
  for (const char* key : {"model", "models", "precision", "threads", "network_memory_bytes"}) {
    if (kind != "onnx" && reader.has(key))
      reader.refuse("tool.model", fmt::format("'engine.{}' goes only with kind \"onnx\"", key), key);
  }
  if (kind == "onnx") read_models(reader, tool);
  tool.memory_bytes =
      static_cast<std::uint64_t>(reader.integer("memory_bytes", kind == "onnx" ? 4LL << 30 : 1LL << 30));
  tool.output_bytes = static_cast<std::uint64_t>(reader.integer("output_bytes", 1LL << 30));
  tool.seconds = static_cast<int>(reader.integer("seconds", 300));
  tool.processes = static_cast<int>(reader.integer("processes", 64));
}

void read_texts(const TableReader& reader, InputGate& gate) {
  gate.modality = reader.texts("modality");
  gate.sop_class = reader.texts("sop_class");
  gate.body_part = reader.texts("body_part");
  gate.view = reader.texts("view");
  gate.laterality = reader.texts("laterality");
  gate.sex = reader.texts("sex");
  gate.units = reader.texts("units");
  gate.corrected_for = reader.texts("corrected_for");
  gate.contrast = reader.text("contrast");
  gate.kernel = reader.texts("kernel");
  gate.kernel_not = reader.texts("kernel_not");
  gate.manufacturer = reader.texts("manufacturer");
  gate.description = reader.texts("description");
  gate.description_not = reader.texts("description_not");
  gate.image_type = reader.texts("image_type");
  gate.image_type_not = reader.texts("image_type_not");
  gate.photometric = reader.texts("photometric");
  gate.orientation = reader.text("orientation");
  gate.prefer = reader.texts("prefer");
}

/// What the values of a series will be in, as far as the gate fixes it.
std::string unit_of(const InputGate& gate, const std::string& values) {
  if (values == "suv_bw") return "g/ml{SUVbw}";
  if (values == "display" || gate.modality.size() != 1) return {};
  if (gate.modality[0] == "CT") return "HU";
  if (gate.modality[0] == "PT" && gate.units.size() == 1) return gate.units[0];
  return {};
}

void read_input(TableReader& reader, Draft& tool) {
  InputGate gate;
  gate.name = reader.text("name");
  gate.each_image = reader.text("take") == "images";
  read_texts(reader, gate);
  for (const std::string& uid : gate.sop_class) {
    if (!is_uid(uid)) reader.refuse("tool.sop_class", "'" + uid + "' is no UID", "sop_class");
  }
  gate.least_images = static_cast<int>(reader.integer("least_images", 1));
  gate.most_images = static_cast<int>(reader.integer("most_images", 100'000));
  gate.least_rows = static_cast<int>(reader.integer("least_rows", 0));
  const bool onnx = tool.engine == Tool::Engine::onnx;
  // A volume without regular slices has no grid that a network could be shown.
  gate.regular = reader.text("geometry") == "regular" || (onnx && !gate.each_image);
  for (const auto& [key, to] : {std::pair{"least_spacing", &gate.least_spacing},
                                {"most_spacing", &gate.most_spacing},
                                {"most_pixel", &gate.most_pixel},
                                {"least_thickness", &gate.least_thickness},
                                {"most_thickness", &gate.most_thickness},
                                {"least_kvp", &gate.least_kvp},
                                {"most_kvp", &gate.most_kvp}}) {
    *to = reader.number(key);
  }
  if (const auto age = reader.integer("least_age", -1); age >= 0) gate.least_age = static_cast<int>(age);
  if (const auto age = reader.integer("most_age", -1); age >= 0) gate.most_age = static_cast<int>(age);
  for (const char* key : {"take", "values", "colour"}) {
    if (!onnx && reader.has(key))
      reader.refuse("tool.input", fmt::format("'input.{}' goes only with kind \"onnx\"", key), key);
  }
  if (onnx) {
    pipeline::InputRow row{gate.name, gate.each_image, reader.text("values"), reader.text("colour") == "rgb", {}};
    if (row.values.empty()) row.values = row.rgb ? "display" : "modality";
    row.unit = unit_of(gate, row.values);
    if (!row.each_image && (row.values == "display" || row.rgb))
      reader.refuse("tool.input", "A volume is not made of screen values or colours", "name",
                    "Set take = \"images\", or values = \"modality\" and a step \"window\".");
    if (row.each_image && row.values == "suv_bw")
      reader.refuse("tool.input", "SUV is computed for volumes", "values", "Set take = \"volume\".");
    tool.declared.inputs.push_back(std::move(row));
  }
  tool.inputs.push_back(std::move(gate));
}

void read_onnx_output(TableReader& reader, OutputRow& row, Draft& tool) {
  pipeline::OutputRow out;
  const auto plain = [](const finding::Code& code) { return terms::Code{code.value, code.scheme, code.meaning}; };
  out.name = row.name;
  if (row.name.empty())
    reader.refuse("tool.key_missing", "'output.name' is missing", "code", "Give the output a name: name = \"…\".");
  out.code = plain(row.code);
  out.site = plain(read_code(reader, "site"));
  out.laterality = plain(read_code(reader, "laterality"));
  out.text = row.text;
  out.urgency = row.urgency;
  out.region = reader.text("region");
  if (reader.has("label")) out.label = static_cast<int>(reader.integer("label", 0));
  out.threshold = reader.number("threshold");
  if (out.threshold && (*out.threshold < 0 || *out.threshold > 1))
    reader.refuse("tool.key_range", "'output.threshold' must lie between 0 and 1", "threshold");
  out.least_ml = reader.number("least_ml").value_or(0);
  out.apart = reader.boolean("apart", false);
  out.most = static_cast<std::size_t>(reader.integer("most", 20));
  for (const auto* inner : reader.tables("escalate")) {
    const TableReader escalation = reader.below(*inner, "escalate");
    out.escalations.push_back(
        {escalation.text("measure"), escalation.number("least").value_or(0), escalation.text("urgency")});
    if (std::find(row.urgency.begin(), row.urgency.end(), out.escalations.back().urgency) == row.urgency.end())
      row.urgency.push_back(out.escalations.back().urgency);
  }
  for (const auto* inner : reader.tables("measurements")) {
    TableReader measurement = reader.below(*inner, "measurements");
    pipeline::MeasurementRow m{measurement.text("measure"), plain(read_code(measurement, "code")),
                               measurement.text("unit")};
    if (m.measure.empty())
      measurement.refuse("tool.key_missing", "'output.measurements.measure' is missing", "unit",
                         "Say what is measured: measure = \"volume\".");
    out.measurements.push_back(std::move(m));
  }
  if (const std::string word = forbidden_word(out.text); !word.empty()) {
    reader.refuse("tool.wording", fmt::format("'output.text' says '{}', which only a person may say", word), "text",
                  "Propose instead: \"Opacity, for review\".");
  } else if (const std::string lower = lower_case(out.text);
             lower.find("for review") == std::string::npos && lower.find("proposed") == std::string::npos) {
    reader.refuse("tool.wording", "'output.text' does not say that it is a proposal", "text",
                  "End it with \", for review\".");
  }
  tool.declared.outputs.push_back(std::move(out));
}

void read_outputs(TableReader& top, Draft& tool) {
  for (const auto* table : top.tables("output")) {
    TableReader reader = top.below(*table, "output");
    OutputRow row;
    row.name = reader.text("name");
    row.code = read_code(reader, "code");
    row.text = reader.text("text");
    row.urgency = reader.texts("urgency");
    if (tool.engine == Tool::Engine::onnx) {
      read_onnx_output(reader, row, tool);
    } else {
      for (const char* key : {"label", "threshold", "least_ml", "apart", "most", "escalate"}) {
        if (reader.has(key))
          reader.refuse("tool.output", fmt::format("'output.{}' goes only with kind \"onnx\"", key), key);
      }
      for (const auto* inner : reader.tables("measurements")) {
        TableReader measurement = reader.below(*inner, "measurements");
        read_code(measurement, "code");
      }
    }
    tool.outputs.push_back(std::move(row));
  }
}

void read_parameters(TableReader& top, Draft& tool) {
  const auto* table = top.table("parameters");
  if (table == nullptr) return;
  if (tool.engine == Tool::Engine::onnx)
    top.refuse("tool.parameters", "'parameters' are not used by kind \"onnx\"", "parameters",
               "Numbers stand in the steps and outputs.");
  for (const auto& [key, value] : *table) {
    const auto* inner = value.as_table();
    if (inner == nullptr) {
      top.refuse("tool.key_type", fmt::format("'parameters.{}' must be a table", key.str()), key.source());
      return;
    }
    const TableReader reader = top.below_as(*inner, fmt::format("parameters.{}", key.str()), "parameters.*");
    tool.parameters[std::string(key.str())] = {reader.number("value").value_or(0), reader.text("unit"),
                                               reader.text("text")};
  }
}

/// A value of a step by the type that its rule says; the rest of the check is the operator's.
std::optional<voxel::Value> value_of(const toml::node& node, voxel::ParameterRule::Type type) {
  using Type = voxel::ParameterRule::Type;
  switch (type) {
    case Type::boolean:
      if (node.is_boolean()) return node.as_boolean()->get();
      return std::nullopt;
    case Type::integer:
      if (node.is_integer()) return node.as_integer()->get();
      return std::nullopt;
    case Type::number:
      if (node.is_number()) return node.value<double>().value_or(0);
      return std::nullopt;
    case Type::text:
      if (node.is_string()) return node.as_string()->get();
      return std::nullopt;
    case Type::numbers: {
      std::vector<double> out;
      if (!node.is_array()) return std::nullopt;
      for (const toml::node& each : *node.as_array()) {
        if (!each.is_number()) return std::nullopt;
        out.push_back(each.value<double>().value_or(0));
      }
      return out;
    }
    case Type::texts: {
      std::vector<std::string> out;
      if (!node.is_array()) return std::nullopt;
      for (const toml::node& each : *node.as_array()) {
        if (!each.is_string()) return std::nullopt;
        out.push_back(each.as_string()->get());
      }
      return out;
    }
  }
  return std::nullopt;
}

void read_step(TableReader& top, const toml::table& table, Draft& tool) {
  const toml::node* use = table.get("use");
  const std::string name = use != nullptr && use->is_string() ? use->as_string()->get() : std::string();
  if (!name.empty() && !pipeline::is_step(name)) {
    const auto known = pipeline::step_names();
    const auto near = nearest(name, known);
    top.refuse("tool.step", fmt::format("There is no step '{}'", name), use->source(),
               near ? fmt::format("Did you mean '{}'?", *near) : fmt::format("Known: {}.", fmt::join(known, ", ")));
    return;
  }
  std::vector<std::string> also;
  for (const auto& rule : pipeline::parameters_of(name)) also.emplace_back(rule.name);
  const TableReader reader = top.below_as(table, fmt::format("step.{}", name), "step", also);
  pipeline::StepRow row{name, reader.texts("of"), reader.text("as"), {}, reader.place()};
  for (const auto& rule : pipeline::parameters_of(name)) {
    const toml::node* node = table.get(rule.name);
    if (node == nullptr) continue;
    auto value = value_of(*node, rule.type);
    if (!value) {
      top.refuse("tool.key_type",
                 fmt::format("'step.{}.{}' must be {} {}", name, rule.name,
                             rule.type == voxel::ParameterRule::Type::integer ? "an" : "a", voxel::name_of(rule.type)),
                 node->source(), std::string(rule.help) + ".");
      return;
    }
    row.values[std::string(rule.name)] = *std::move(value);
  }
  tool.declared.steps.push_back(std::move(row));
}

void read_golden(TableReader& top, Draft& tool) {
  for (const auto* table : top.tables("golden")) {
    TableReader reader = top.below(*table, "golden");
    Golden golden;
    golden.name = reader.text("name");
    golden.input = reader.text("input");
    if (reader.has("state")) golden.state = reader.text("state");
    golden.code = reader.text("code");
    for (const auto* inner : reader.tables("expect")) {
      TableReader expect = reader.below(*inner, "expect");
      Golden::Expected e;
      e.output = expect.text("output");
      if (expect.has("count")) e.count = static_cast<int>(expect.integer("count", 0));
      e.measure = expect.text("measure");
      e.value = expect.number("value");
      e.tolerance = expect.number("tolerance").value_or(0);
      e.relative = expect.number("relative").value_or(0);
      if (std::none_of(tool.outputs.begin(), tool.outputs.end(),
                       [&](const OutputRow& row) { return row.name == e.output; }))
        expect.refuse("tool.golden", fmt::format("There is no output '{}'", e.output), "output",
                      "Name an [[output]] by its name.");
      if (e.measure.empty() == e.value.has_value())
        expect.refuse("tool.golden", "'measure' and 'value' go together", "output", "Add the one that is missing.");
      golden.expected.push_back(std::move(e));
    }
    tool.golden.push_back(std::move(golden));
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
  Draft tool;
  std::optional<Error> fault;
  TableReader top(parsed.table(), file.string(), "", "", fault);
  tool.limits = top.texts("limits");
  read_identity(top, tool);
  read_engine(top, tool);
  for (const auto* table : top.tables("input")) {
    TableReader reader = top.below(*table, "input");
    read_input(reader, tool);
  }
  read_parameters(top, tool);
  for (const auto* table : top.tables("step")) read_step(top, *table, tool);
  if (tool.engine != Tool::Engine::onnx && !tool.declared.steps.empty())
    top.refuse("tool.step", "'step' goes only with kind \"onnx\"", "step");
  read_outputs(top, tool);
  read_golden(top, tool);
  if (fault) return *std::move(fault);
  tool.folder = root.string();
  tool.digest = VEDETTE_TRY(digest_of(root));
  tool.pipeline = std::make_shared<const pipeline::Declaration>(std::move(tool.declared));
  return Tool(std::move(tool));
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
