#include "pipeline/declaration.hpp"

#include <nlohmann/json.hpp>

#include "pipeline/steps.hpp"

namespace vedette::pipeline {

namespace {

using nlohmann::json;
using Type = voxel::ParameterRule::Type;

json of(const voxel::Value& value) {
  return std::visit([](const auto& v) { return json(v); }, value);
}
json of(const terms::Code& code) {
  return {{"value", code.value}, {"scheme", code.scheme}, {"meaning", code.meaning}};
}
terms::Code code_from(const json& from) {
  return {from.at("value").get<std::string>(), from.at("scheme").get<std::string>(),
          from.at("meaning").get<std::string>()};
}

voxel::Value value_from(const json& from, Type type) {
  switch (type) {
    case Type::boolean:
      return from.get<bool>();
    case Type::integer:
      return from.get<std::int64_t>();
    case Type::number:
      return from.get<double>();
    case Type::text:
      return from.get<std::string>();
    case Type::numbers:
      return from.get<std::vector<double>>();
    case Type::texts:
      return from.get<std::vector<std::string>>();
  }
  return from.get<std::string>();
}

json of(const StepRow& step) {
  json values = json::object();
  for (const auto& [name, value] : step.values) values[name] = of(value);
  return {{"use", step.use}, {"of", step.of}, {"name", step.name}, {"where", step.where}, {"values", values}};
}

StepRow step_from(const json& from) {
  StepRow step{from.at("use").get<std::string>(),
               from.at("of").get<std::vector<std::string>>(),
               from.at("name").get<std::string>(),
               {},
               from.at("where").get<std::string>()};
  for (const voxel::ParameterRule& rule : parameters_of(step.use)) {
    const auto found = from.at("values").find(rule.name);
    if (found != from.at("values").end()) step.values[std::string(rule.name)] = value_from(*found, rule.type);
  }
  return step;
}

json of(const OutputRow& row) {
  json out{{"name", row.name},
           {"code", of(row.code)},
           {"site", of(row.site)},
           {"laterality", of(row.laterality)},
           {"text", row.text},
           {"urgency", row.urgency},
           {"region", row.region},
           {"least_ml", row.least_ml},
           {"apart", row.apart},
           {"most", row.most},
           {"escalations", json::array()},
           {"measurements", json::array()}};
  if (row.label) out["label"] = *row.label;
  if (row.threshold) out["threshold"] = *row.threshold;
  for (const Escalation& e : row.escalations)
    out["escalations"].push_back({{"measure", e.measure}, {"least", e.least}, {"urgency", e.urgency}});
  for (const MeasurementRow& m : row.measurements)
    out["measurements"].push_back({{"measure", m.measure}, {"code", of(m.code)}, {"unit", m.unit}});
  return out;
}

OutputRow output_from(const json& from) {
  OutputRow row;
  row.name = from.at("name").get<std::string>();
  row.code = code_from(from.at("code"));
  row.site = code_from(from.at("site"));
  row.laterality = code_from(from.at("laterality"));
  row.text = from.at("text").get<std::string>();
  row.urgency = from.at("urgency").get<std::vector<std::string>>();
  row.region = from.at("region").get<std::string>();
  row.least_ml = from.at("least_ml").get<double>();
  row.apart = from.at("apart").get<bool>();
  row.most = from.at("most").get<std::size_t>();
  if (from.contains("label")) row.label = from.at("label").get<int>();
  if (from.contains("threshold")) row.threshold = from.at("threshold").get<double>();
  for (const json& e : from.at("escalations"))
    row.escalations.push_back(
        {e.at("measure").get<std::string>(), e.at("least").get<double>(), e.at("urgency").get<std::string>()});
  for (const json& m : from.at("measurements"))
    row.measurements.push_back(
        {m.at("measure").get<std::string>(), code_from(m.at("code")), m.at("unit").get<std::string>()});
  return row;
}

}  // namespace

std::string to_json(const Declaration& declaration) {
  json out{{"inputs", json::array()}, {"models", json::array()}, {"steps", json::array()}, {"outputs", json::array()}};
  for (const InputRow& row : declaration.inputs) {
    out["inputs"].push_back({{"name", row.name},
                             {"each_image", row.each_image},
                             {"values", row.values},
                             {"rgb", row.rgb},
                             {"unit", row.unit}});
  }
  for (const ModelRow& row : declaration.models) out["models"].push_back({{"name", row.name}, {"file", row.file}});
  for (const StepRow& row : declaration.steps) out["steps"].push_back(of(row));
  for (const OutputRow& row : declaration.outputs) out["outputs"].push_back(of(row));
  return out.dump();
}

Result<Declaration> from_json(std::string_view text) {
  Declaration out;
  try {
    const json from = json::parse(text);
    for (const json& row : from.at("inputs")) {
      out.inputs.push_back({row.at("name").get<std::string>(), row.at("each_image").get<bool>(),
                            row.at("values").get<std::string>(), row.at("rgb").get<bool>(),
                            row.at("unit").get<std::string>()});
    }
    for (const json& row : from.at("models"))
      out.models.push_back({row.at("name").get<std::string>(), row.at("file").get<std::string>()});
    for (const json& row : from.at("steps")) out.steps.push_back(step_from(row));
    for (const json& row : from.at("outputs")) out.outputs.push_back(output_from(row));
  } catch (const json::exception& fault) {
    return Error{
        Fault::malformed, "pipeline.declaration", "The pipeline handed to the tool cannot be read", "pipeline", {},
        fault.what()};
  }
  return out;
}

}  // namespace vedette::pipeline
