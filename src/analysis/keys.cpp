#include "analysis/keys.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "pipeline/steps.hpp"

namespace vedette::analysis {

namespace {

using nlohmann::json;
using Type = KeyRow::Type;

constexpr std::string_view measures = "volume longest longest_in_slice mean sd minimum maximum voxels score";

constexpr KeyRow rows[] = {
    {"", "format", Type::integer, true, 1, 1, "", "Format of this file: 1"},
    {"", "limits", Type::texts, true, 0, 0, "", "Limits of use, in sentences that the page shows with each finding"},
    {"", "tool", Type::table, true, 0, 0, "", "Who and what the tool is"},
    {"", "engine", Type::table, true, 0, 0, "", "How it computes, and its bounds"},
    {"", "input", Type::tables, true, 0, 0, "", "Series that it takes, and what they must be"},
    {"", "step", Type::tables, false, 0, 0, "", "The pipeline, in order; only of engine.kind = \"onnx\""},
    {"", "parameters", Type::table, false, 0, 0, "", "Numbers that a built-in or command tool decides by"},
    {"", "output", Type::tables, true, 0, 0, "", "Findings that it may propose"},
    {"", "golden", Type::tables, false, 0, 0, "", "Cases with known results; `vedette tool test` runs them"},

    {"tool", "id", Type::text, true, 0, 64, "", "Short name of letters, digits, '_', '-', '.'"},
    {"tool", "name", Type::text, true, 0, 64, "", "Name for people"},
    {"tool", "version", Type::text, true, 0, 64, "", "Semantic version: 1.2.3"},
    {"tool", "maker", Type::text, true, 0, 0, "", "Who made it and answers for it"},
    {"tool", "licence", Type::text, true, 0, 0, "", "Licence of the model and this folder, as SPDX where there is one"},
    {"tool", "intended_use", Type::text, true, 0, 0, "", "One sentence: what it proposes, in which images, for whom"},
    {"tool", "regulatory_status", Type::text, true, 0, 0, "", "Medical device or not, class, certificate"},
    {"tool", "population", Type::text, true, 0, 0, "", "People and images that it was made with"},
    {"tool", "validation", Type::text, true, 0, 0, "", "What is known of its performance, with the source"},
    {"tool", "contact", Type::text, false, 0, 0, "", "Where to ask"},
    {"tool", "demonstrator", Type::boolean, true, 0, 0, "", "true: marked everywhere as not for clinical use"},

    {"engine", "kind", Type::text, true, 0, 0, "onnx builtin command",
     "A network, a part of the program, or a program of its own"},
    {"engine", "model", Type::text, false, 0, 200, "", "ONNX file in the tool's folder"},
    {"engine", "models", Type::table, false, 0, 0, "", "Several ONNX files by name, instead of model"},
    {"engine", "precision", Type::text, false, 0, 0, "f32 bf16 int8",
     "In which numbers it computes; f32 unless declared and proved by the golden cases"},
    {"engine", "threads", Type::integer, false, 1, 64, "", "Threads of the network; 2 unless declared"},
    {"engine", "network_memory_bytes", Type::integer, false, 1 << 26, 1LL << 40, "",
     "Bound of each network's process; 4 GiB unless declared"},
    {"engine", "command", Type::texts, false, 0, 0, "", "Of kind command: program in the folder, then arguments"},
    {"engine", "memory_bytes", Type::integer, false, 16 << 20, 1LL << 40, "",
     "Bound of the tool's process; 1 GiB, for onnx 4 GiB, unless declared"},
    {"engine", "output_bytes", Type::integer, false, 1 << 16, 1LL << 40, "", "Bound of what it writes"},
    {"engine", "seconds", Type::integer, false, 1, 86'400, "", "Time limit; 300 unless declared"},
    {"engine", "processes", Type::integer, false, 1, 4096, "", "Processes and threads it may have"},

    {"input", "name", Type::text, true, 0, 64, "", "How steps and programs call it"},
    {"input", "take", Type::text, false, 0, 0, "volume images", "The series as one volume, or every image by itself"},
    {"input", "values", Type::text, false, 0, 0, "modality display suv_bw",
     "Rescaled values, 0…255 as a screen shows them, or SUV by body weight"},
    {"input", "colour", Type::text, false, 0, 0, "grey rgb", "One channel, or red, green, blue 0…255"},
    {"input", "modality", Type::texts, true, 0, 0, "",
     "Modality (0008,0060); a study without any is not for this tool"},
    {"input", "sop_class", Type::texts, false, 0, 0, "", "SOP Class UIDs; left out: any"},
    {"input", "body_part", Type::texts, false, 0, 0, "", "Body Part Examined (0018,0015); left out: any"},
    {"input", "view", Type::texts, false, 0, 0, "",
     "View Position (0018,5101) or view code meaning, such as PA, AP, MLO, CC"},
    {"input", "laterality", Type::texts, false, 0, 0, "",
     "Image Laterality (0020,0062) or Laterality (0020,0060): L, R, B"},
    {"input", "sex", Type::texts, false, 0, 0, "", "Patient's Sex (0010,0040)"},
    {"input", "units", Type::texts, false, 0, 0, "", "Units (0054,1001) of PET"},
    {"input", "corrected_for", Type::texts, false, 0, 0, "", "All of them in Corrected Image (0028,0051)"},
    {"input", "contrast", Type::text, false, 0, 0, "any without with",
     "Contrast/Bolus Agent (0018,0010) absent or present"},
    {"input", "kernel", Type::texts, false, 0, 0, "", "Convolution Kernel (0018,1210); left out: any"},
    {"input", "kernel_not", Type::texts, false, 0, 0, "", "Convolution Kernel must be none of these"},
    {"input", "least_kvp", Type::number, false, 0, 0, "", "kV, KVP (0018,0060)"},
    {"input", "most_kvp", Type::number, false, 0, 0, "", "kV"},
    {"input", "manufacturer", Type::texts, false, 0, 0, "", "Words of Manufacturer (0008,0070); left out: any"},
    {"input", "description", Type::texts, false, 0, 0, "",
     "One of these words stands in the Series Description or Protocol Name"},
    {"input", "description_not", Type::texts, false, 0, 0, "", "None of these words stands there"},
    {"input", "image_type", Type::texts, false, 0, 0, "", "All of these values are in Image Type (0008,0008)"},
    {"input", "image_type_not", Type::texts, false, 0, 0, "", "None of these values is in Image Type"},
    {"input", "photometric", Type::texts, false, 0, 0, "", "Photometric Interpretation (0028,0004); left out: any"},
    {"input", "orientation", Type::text, false, 0, 0, "axial coronal sagittal", "Nearest plane of the images"},
    {"input", "geometry", Type::text, false, 0, 0, "regular any",
     "regular: evenly spaced parallel slices; volumes always are"},
    {"input", "least_images", Type::integer, false, 1, 100'000, "", "Images or frames"},
    {"input", "most_images", Type::integer, false, 1, 100'000, "", "Images or frames"},
    {"input", "least_spacing", Type::number, false, 0, 0, "", "mm between slices"},
    {"input", "most_spacing", Type::number, false, 0, 0, "", "mm between slices"},
    {"input", "most_pixel", Type::number, false, 0, 0, "", "mm between pixels"},
    {"input", "least_thickness", Type::number, false, 0, 0, "", "mm, Slice Thickness (0018,0050)"},
    {"input", "most_thickness", Type::number, false, 0, 0, "", "mm"},
    {"input", "least_rows", Type::integer, false, 1, 100'000, "", "Rows and columns at least"},
    {"input", "least_age", Type::integer, false, 0, 150, "", "Years; an unknown age is refused"},
    {"input", "most_age", Type::integer, false, 0, 150, "", "Years; an unknown age is refused"},
    {"input", "prefer", Type::texts, false, 0, 0, "original most_images finest_slices lowest_number",
     "Of several series that pass, by these in turn"},

    {"step", "use", Type::text, true, 0, 64, "", "Name of the step"},
    {"step", "of", Type::texts, false, 0, 0, "", "Results that it takes; left out: the one before"},
    {"step", "as", Type::text, false, 0, 64, "", "Name of its result"},

    {"parameters.*", "value", Type::number, true, 0, 0, "", "The number"},
    {"parameters.*", "unit", Type::text, true, 0, 32, "", "UCUM unit"},
    {"parameters.*", "text", Type::text, true, 0, 300, "", "What it means"},

    {"code", "value", Type::text, true, 0, 64, "", "Code Value"},
    {"code", "scheme", Type::text, true, 0, 16, "", "Coding Scheme Designator: SCT, DCM, LN, 99…"},
    {"code", "meaning", Type::text, true, 0, 64, "", "Code Meaning"},

    {"output", "name", Type::text, false, 0, 64, "", "How golden cases and emit steps call it; of onnx needed"},
    {"output", "code", Type::table, true, 0, 0, "", "Coded concept of the finding"},
    {"output", "site", Type::table, false, 0, 0, "", "Coded place in the body"},
    {"output", "laterality", Type::table, false, 0, 0, "", "Coded side"},
    {"output", "text", Type::text, true, 0, 200, "", "One short sentence that proposes: 'Opacity, for review'"},
    {"output", "urgency", Type::texts, true, 0, 0, "immediate urgent soon routine", "First the usual one"},
    {"output", "region", Type::text, true, 0, 0, "mask point none", "What it carries"},
    {"output", "label", Type::integer, false, 0, 65535, "",
     "Value in the label map from 1 (channel from 1 where classes overlap); class of a score or box from 0"},
    {"output", "threshold", Type::number, false, 0, 0, "", "Least score that is proposed, 0…1"},
    {"output", "least_ml", Type::number, false, 0, 0, "", "Smaller regions are not proposed"},
    {"output", "apart", Type::boolean, false, 0, 0, "", "Each connected part is a finding of its own"},
    {"output", "most", Type::integer, false, 1, 1000, "",
     "Findings of this row at most, the greatest first; 20 unless declared"},
    {"output", "escalate", Type::tables, false, 0, 0, "", "When it gets another urgency; the last that holds wins"},
    {"output", "measurements", Type::tables, false, 0, 0, "", "Numbers that come with it"},

    {"output.escalate", "measure", Type::text, true, 0, 0, measures, "What is looked at"},
    {"output.escalate", "least", Type::number, true, 0, 0, "",
     "From this value on, in ml, mm, the image's unit or 0…1"},
    {"output.escalate", "urgency", Type::text, true, 0, 0, "immediate urgent soon routine", "Its urgency then"},

    {"output.measurements", "code", Type::table, true, 0, 0, "", "Coded concept of the number"},
    {"output.measurements", "unit", Type::text, true, 0, 64, "", "UCUM unit"},
    {"output.measurements", "measure", Type::text, false, 0, 0, measures, "Of onnx: what is measured"},

    {"golden", "name", Type::text, true, 0, 100, "", "What the case shows"},
    {"golden", "input", Type::text, true, 0, 1000, "",
     "Folder of DICOM files, in the tool's folder or absolute; $VARIABLES are replaced"},
    {"golden", "state", Type::text, false, 0, 0, "done refused not_applicable",
     "How the run ends; done unless declared"},
    {"golden", "code", Type::text, false, 0, 64, "", "Of a refusal: its coded reason"},
    {"golden", "expect", Type::tables, false, 0, 0, "", "What is found"},

    {"golden.expect", "output", Type::text, true, 0, 64, "", "Name of the [[output]]"},
    {"golden.expect", "count", Type::integer, false, 0, 1000, "", "How many findings of it"},
    {"golden.expect", "measure", Type::text, false, 0, 0, measures,
     "Of the first (greatest) finding: what is compared"},
    {"golden.expect", "value", Type::number, false, 0, 0, "",
     "What it should be, in the unit of the output's measurement (score: 0…1; voxels: count)"},
    {"golden.expect", "tolerance", Type::number, false, 0, 0, "", "± of it, absolute"},
    {"golden.expect", "relative", Type::number, false, 0, 0, "", "± of it, as a share"},
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
      const std::string name =
          row.table.empty() ? std::string(row.key) : std::string(row.table) + "." + std::string(row.key);
      const bool code = row.key == "code" || row.key == "site" || row.key == "laterality";
      json inner = name == "parameters"
                       ? json{{"type", "object"}, {"additionalProperties", schema_of_table("parameters.*")}}
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
  json out{
      {"type", "object"}, {"additionalProperties", false}, {"properties", json::object()}, {"required", json::array()}};
  for (const KeyRow& row : rows) {
    if (row.table != table) continue;
    out["properties"][row.key] = schema_of(row);
    if (row.needed) out["required"].push_back(row.key);
  }
  return out;
}

json schema_of(const voxel::ParameterRule& rule) {
  using Kind = voxel::ParameterRule::Type;
  json out{{"description", rule.help}}, number{{"type", rule.type == Kind::integer ? "integer" : "number"}},
      text{{"type", "string"}};
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
  if (!rule.standard.empty())
    out["description"] = std::string(rule.help) + " (default: " + std::string(rule.standard) + ")";
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
  const auto* found = std::find_if(std::begin(rows), std::end(rows),
                                   [&](const KeyRow& row) { return row.table == table && row.key == key; });
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
