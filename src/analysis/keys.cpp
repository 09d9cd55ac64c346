#include "analysis/keys.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "pipeline/steps.hpp"

// A row names what it says; the rest keeps the row's own defaults.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

namespace vedette::analysis {

namespace {

using nlohmann::json;
using Type = KeyRow::Type;

constexpr std::string_view measures = "volume longest longest_in_slice mean sd minimum maximum voxels score";

constexpr KeyRow rows[] = {
    {"", "format", Type::integer, true, 1, 1, .help = "Format of this file: 1"},
    {"", "limits", Type::texts, true, .help = "Limits of use, in sentences that the page shows with each finding"},
    {"", "tool", Type::table, true, .help = "Who and what the tool is"},
    {"", "engine", Type::table, true, .help = "How it computes, and its bounds"},
    {"", "input", Type::tables, true, .help = "Series that it takes, and what they must be"},
    {"", "step", Type::tables, .help = "The pipeline, in order; only of engine.kind = \"onnx\""},
    {"", "parameters", Type::table, .help = "Numbers that a built-in or command tool decides by"},
    {"", "output", Type::tables, true, .help = "Findings that it may propose"},
    {"", "golden", Type::tables, .help = "Cases with known results; `vedette tool test` runs them"},

    {"tool", "id", Type::text, true, 0, 64, .help = "Short name of letters, digits, '_', '-', '.'"},
    {"tool", "name", Type::text, true, 0, 64, .help = "Name for people"},
    {"tool", "version", Type::text, true, 0, 64, .help = "Semantic version: 1.2.3"},
    {"tool", "maker", Type::text, true, .help = "Who made it and answers for it"},
    {"tool", "licence", Type::text, true, .help = "Licence of the model and this folder, as SPDX where there is one"},
    {"tool", "intended_use", Type::text, true, .help = "One sentence: what it proposes, in which images, for whom"},
    {"tool", "regulatory_status", Type::text, true, .help = "Medical device or not, class, certificate"},
    {"tool", "population", Type::text, true, .help = "People and images that it was made with"},
    {"tool", "validation", Type::text, true, .help = "What is known of its performance, with the source"},
    {"tool", "contact", Type::text, .help = "Where to ask"},
    {"tool", "demonstrator", Type::boolean, true, .help = "true: marked everywhere as not for clinical use"},

    {"engine", "kind", Type::text, true, .choices = "onnx builtin command", .help = "A network, a part of the program, or a program of its own"},
    {"engine", "model", Type::text, false, 0, 200, .help = "ONNX file in the tool's folder"},
    {"engine", "models", Type::table, .help = "Several ONNX files by name, instead of model"},
    {"engine", "precision", Type::text, .choices = "f32 bf16 int8", .help = "In which numbers it computes; f32 unless declared and proved by the golden cases"},
    {"engine", "threads", Type::integer, false, 1, 64, .help = "Threads of the network; 2 unless declared"},
    {"engine", "network_memory_bytes", Type::integer, false, 1 << 26, 1LL << 40, .help = "Bound of each network's process; 4 GiB unless declared"},
    {"engine", "command", Type::texts, .help = "Of kind command: program in the folder, then arguments"},
    {"engine", "memory_bytes", Type::integer, false, 16 << 20, 1LL << 40, .help = "Bound of the tool's process; 1 GiB, for onnx 4 GiB, unless declared"},
    {"engine", "output_bytes", Type::integer, false, 1 << 16, 1LL << 40, .help = "Bound of what it writes"},
    {"engine", "seconds", Type::integer, false, 1, 86'400, .help = "Time limit; 300 unless declared"},
    {"engine", "processes", Type::integer, false, 1, 4096, .help = "Processes and threads it may have"},

    {"input", "name", Type::text, true, 0, 64, .help = "How steps and programs call it"},
    {"input", "take", Type::text, .choices = "volume images", .help = "The series as one volume, or every image by itself"},
    {"input", "values", Type::text, .choices = "modality display suv_bw", .help = "Rescaled values, 0…255 as a screen shows them, or SUV by body weight"},
    {"input", "colour", Type::text, .choices = "grey rgb", .help = "One channel, or red, green, blue 0…255"},
    {"input", "modality", Type::texts, true, .help = "Modality (0008,0060); a study without any is not for this tool"},
    {"input", "sop_class", Type::texts, .help = "SOP Class UIDs; left out: any"},
    {"input", "body_part", Type::texts, .help = "Body Part Examined (0018,0015); left out: any"},
    {"input", "view", Type::texts, .help = "View Position (0018,5101) or view code meaning, such as PA, AP, MLO, CC"},
    {"input", "laterality", Type::texts, .help = "Image Laterality (0020,0062) or Laterality (0020,0060): L, R, B"},
    {"input", "sex", Type::texts, .help = "Patient's Sex (0010,0040)"},
    {"input", "units", Type::texts, .help = "Units (0054,1001) of PET"},
    {"input", "corrected_for", Type::texts, .help = "All of them in Corrected Image (0028,0051)"},
    {"input", "contrast", Type::text, .choices = "any without with", .help = "Contrast/Bolus Agent (0018,0010) absent or present"},
    {"input", "kernel", Type::texts, .help = "Convolution Kernel (0018,1210); left out: any"},
    {"input", "kernel_not", Type::texts, .help = "Convolution Kernel must be none of these"},
    {"input", "least_kvp", Type::number, .help = "kV, KVP (0018,0060)"},
    {"input", "most_kvp", Type::number, .help = "kV"},
    {"input", "manufacturer", Type::texts, .help = "Words of Manufacturer (0008,0070); left out: any"},
    {"input", "description", Type::texts, .help = "One of these words stands in the Series Description or Protocol Name"},
    {"input", "description_not", Type::texts, .help = "None of these words stands there"},
    {"input", "image_type", Type::texts, .help = "All of these values are in Image Type (0008,0008)"},
    {"input", "image_type_not", Type::texts, .help = "None of these values is in Image Type"},
    {"input", "photometric", Type::texts, .help = "Photometric Interpretation (0028,0004); left out: any"},
    {"input", "orientation", Type::text, .choices = "axial coronal sagittal", .help = "Nearest plane of the images"},
    {"input", "geometry", Type::text, .choices = "regular any", .help = "regular: evenly spaced parallel slices; volumes always are"},
    {"input", "least_images", Type::integer, false, 1, 100'000, .help = "Images or frames"},
    {"input", "most_images", Type::integer, false, 1, 100'000, .help = "Images or frames"},
    {"input", "least_spacing", Type::number, .help = "mm between slices"},
    {"input", "most_spacing", Type::number, .help = "mm between slices"},
    {"input", "most_pixel", Type::number, .help = "mm between pixels"},
    {"input", "least_thickness", Type::number, .help = "mm, Slice Thickness (0018,0050)"},
    {"input", "most_thickness", Type::number, .help = "mm"},
    {"input", "least_rows", Type::integer, false, 1, 100'000, .help = "Rows and columns at least"},
    {"input", "least_age", Type::integer, false, 0, 150, .help = "Years; an unknown age is refused"},
    {"input", "most_age", Type::integer, false, 0, 150, .help = "Years; an unknown age is refused"},
    {"input", "prefer", Type::texts, .choices = "original most_images finest_slices lowest_number", .help = "Of several series that pass, by these in turn"},

    {"step", "use", Type::text, true, 0, 64, .help = "Name of the step"},
    {"step", "of", Type::texts, .help = "Results that it takes; left out: the one before"},
    {"step", "as", Type::text, false, 0, 64, .help = "Name of its result"},

    {"parameters.*", "value", Type::number, true, .help = "The number"},
    {"parameters.*", "unit", Type::text, true, 0, 32, .help = "UCUM unit"},
    {"parameters.*", "text", Type::text, true, 0, 300, .help = "What it means"},

    {"code", "value", Type::text, true, 0, 64, .help = "Code Value"},
    {"code", "scheme", Type::text, true, 0, 16, .help = "Coding Scheme Designator: SCT, DCM, LN, 99…"},
    {"code", "meaning", Type::text, true, 0, 64, .help = "Code Meaning"},

    {"output", "name", Type::text, false, 0, 64, .help = "How golden cases and emit steps call it; of onnx needed"},
    {"output", "code", Type::table, true, .help = "Coded concept of the finding"},
    {"output", "site", Type::table, .help = "Coded place in the body"},
    {"output", "laterality", Type::table, .help = "Coded side"},
    {"output", "text", Type::text, true, 0, 200, .help = "One short sentence that proposes: 'Opacity, for review'"},
    {"output", "urgency", Type::texts, true, .choices = "immediate urgent soon routine", .help = "First the usual one"},
    {"output", "region", Type::text, true, .choices = "mask point none", .help = "What it carries"},
    {"output", "label", Type::integer, false, 0, 65535, .help = "Value in the label map from 1 (channel from 1 where classes overlap); class of a score or box from 0"},
    {"output", "threshold", Type::number, .help = "Least score that is proposed, 0…1"},
    {"output", "least_ml", Type::number, .help = "Smaller regions are not proposed"},
    {"output", "apart", Type::boolean, .help = "Each connected part is a finding of its own"},
    {"output", "most", Type::integer, false, 1, 1000, .help = "Findings of this row at most, the greatest first; 20 unless declared"},
    {"output", "escalate", Type::tables, .help = "When it gets another urgency; the last that holds wins"},
    {"output", "measurements", Type::tables, .help = "Numbers that come with it"},

    {"output.escalate", "measure", Type::text, true, .choices = measures, .help = "What is looked at"},
    {"output.escalate", "least", Type::number, true, .help = "From this value on, in ml, mm, the image's unit or 0…1"},
    {"output.escalate", "urgency", Type::text, true, .choices = "immediate urgent soon routine", .help = "Its urgency then"},

    {"output.measurements", "code", Type::table, true, .help = "Coded concept of the number"},
    {"output.measurements", "unit", Type::text, true, 0, 64, .help = "UCUM unit"},
    {"output.measurements", "measure", Type::text, .choices = measures, .help = "Of onnx: what is measured"},

    {"golden", "name", Type::text, true, 0, 100, .help = "What the case shows"},
    {"golden", "input", Type::text, true, 0, 1000, .help = "Folder of DICOM files, in the tool's folder or absolute; $VARIABLES are replaced"},
    {"golden", "state", Type::text, .choices = "done refused not_applicable", .help = "How the run ends; done unless declared"},
    {"golden", "code", Type::text, false, 0, 64, .help = "Of a refusal: its coded reason"},
    {"golden", "expect", Type::tables, .help = "What is found"},

    {"golden.expect", "output", Type::text, true, 0, 64, .help = "Name of the [[output]]"},
    {"golden.expect", "count", Type::integer, false, 0, 1000, .help = "How many findings of it"},
    {"golden.expect", "measure", Type::text, .choices = measures, .help = "Of the first (greatest) finding: what is compared"},
    {"golden.expect", "value", Type::number, .help = "What it should be, in the unit of the output's measurement (score: 0…1; voxels: count)"},
    {"golden.expect", "tolerance", Type::number, .help = "± of it, absolute"},
    {"golden.expect", "relative", Type::number, .help = "± of it, as a share"},
};

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(' ', at), text.size());
    if (end > at) out.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

json schema_of_table(std::string_view table);

json schema_of(const KeyRow& row) {
  json out{{"description", row.help}};
  const bool bounded = row.least != 0 || row.most != 0;
  json one{{"type", "string"}};
  if (!row.choices.empty()) one["enum"] = words_of(row.choices);
  switch (row.type) {
    case Type::text:
      out.update(one);
      out["maxLength"] = row.most > 0 ? static_cast<int>(row.most) : 1000;
      break;
    case Type::texts:
      out["type"] = "array";
      out["items"] = one;
      break;
    case Type::integer:
    case Type::number:
      out["type"] = row.type == Type::integer ? "integer" : "number";
      if (bounded) out["minimum"] = row.least, out["maximum"] = row.most;
      break;
    case Type::numbers:
      out["type"] = "array";
      out["items"] = {{"type", "number"}};
      break;
    case Type::boolean:
      out["type"] = "boolean";
      break;
    case Type::table:
    case Type::tables: {
      const std::string name = row.table.empty() ? std::string(row.key) : std::string(row.table) + "." + std::string(row.key);
      const bool code = row.key == "code" || row.key == "site" || row.key == "laterality";
      json inner = name == "parameters" ? json{{"type", "object"}, {"additionalProperties", schema_of_table("parameters.*")}}
                   : name == "engine.models" ? json{{"type", "object"}, {"additionalProperties", {{"type", "string"}}}}
                   : name == "step"          ? json{{"$ref", "#/$defs/step"}}
                                             : schema_of_table(code ? "code" : name);
      if (row.type == Type::tables) {
        out["type"] = "array";
        out["items"] = inner;
      } else {
        out.update(inner);
      }
      break;
    }
  }
  return out;
}

json schema_of_table(std::string_view table) {
  json out{{"type", "object"}, {"additionalProperties", false}, {"properties", json::object()}, {"required", json::array()}};
  for (const KeyRow& row : rows) {
    if (row.table != table) continue;
    out["properties"][row.key] = schema_of(row);
    if (row.needed) out["required"].push_back(row.key);
  }
  return out;
}

json schema_of(const voxel::ParameterRule& rule) {
  using Kind = voxel::ParameterRule::Type;
  json out{{"description", rule.help}}, number{{"type", rule.type == Kind::integer ? "integer" : "number"}}, text{{"type", "string"}};
  if (rule.least > -1e299) number["minimum"] = rule.least;
  if (rule.most < 1e299) number["maximum"] = rule.most;
  if (!rule.choices.empty()) text["enum"] = words_of(rule.choices);
  switch (rule.type) {
    case Kind::boolean:
      out["type"] = "boolean";
      break;
    case Kind::integer:
    case Kind::number:
      out.update(number);
      break;
    case Kind::text:
      out.update(text);
      break;
    case Kind::numbers:
    case Kind::texts:
      out["type"] = "array";
      out["items"] = rule.type == Kind::numbers ? number : text;
      if (rule.count_least > 0) out["minItems"] = rule.count_least;
      if (rule.count_most > 0) out["maxItems"] = rule.count_most;
      break;
  }
  if (!rule.standard.empty()) out["description"] = std::string(rule.help) + " (default: " + std::string(rule.standard) + ")";
  return out;
}

json schema_of_step(std::string_view name) {
  json out = schema_of_table("step");
  out["properties"]["use"] = {{"const", name}};
  for (const voxel::ParameterRule& rule : pipeline::parameters_of(name)) {
    out["properties"][rule.name] = schema_of(rule);
    if (rule.needed) out["required"].push_back(rule.name);
  }
  return out;
}

}  // namespace

std::span<const KeyRow> key_rows() {
  return rows;
}

const KeyRow* key_row(std::string_view table, std::string_view key) {
  const auto* found = std::find_if(std::begin(rows), std::end(rows), [&](const KeyRow& row) { return row.table == table && row.key == key; });
  return found == std::end(rows) ? nullptr : found;
}

std::string schema_json() {
  json out = schema_of_table("");
  out["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  out["title"] = "tool.toml of Vedette";
  json steps = json::array();
  for (const std::string_view name : pipeline::step_names()) steps.push_back(schema_of_step(name));
  out["$defs"]["step"] = {{"oneOf", steps}};
  return out.dump(2) + "\n";
}

}  // namespace vedette::analysis
