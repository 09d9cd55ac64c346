#include "pipeline/child.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "engine/channel.hpp"
#include "pipeline/forms.hpp"
#include "pipeline/run.hpp"
#include "pipeline/sources.hpp"

namespace vedette::pipeline {

namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr std::chrono::seconds network_wait{150};

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Result<void> write_bytes(const fs::path& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.flush();
  if (!out.good())
    return Error{Fault::exhausted, "tool.output", "A result of the tool cannot be written", path.filename().string(),
                 "Raise engine.output_bytes."};
  return {};
}

json of(const terms::Code& code) {
  if (code.empty()) return nullptr;
  return {{"value", code.value}, {"scheme", code.scheme}, {"meaning", code.meaning}};
}
json of(voxel::Vec3 p) {
  return json::array({p.x, p.y, p.z});
}

Result<std::vector<dicom::File>> files_of(const json& series, const fs::path& input) {
  std::vector<dicom::File> files;
  for (const json& instance : series.at("instances")) {
    const std::string bytes = bytes_of(input / instance.at("file").get<std::string>());
    files.push_back(VEDETTE_TRY(dicom::read_file(as_bytes(bytes))));
  }
  return files;
}

json measurement_json(const Measured& m) {
  json out{{"code", of(m.code)},
           {"value", m.value},
           {"unit", {{"value", m.unit}, {"scheme", "UCUM"}, {"meaning", m.unit}}},
           {"method", {{"value", m.method}, {"scheme", "99VEDETTE"}, {"meaning", "By network, " + m.method}}}};
  if (m.uncertainty) out["uncertainty"] = {{"value", *m.uncertainty}, {"kind", "voxel"}, {"text", m.uncertainty_text}};
  return out;
}

Result<json> finding_json(const Found& found, const OutputRow& row, std::size_t number, const fs::path& output) {
  json region{{"kind", found.region}};
  if (found.region != "none") {
    region.update({{"series_uid", found.series_uid},
                   {"frame_of_reference_uid", found.frame_of_reference_uid},
                   {"centre_mm", of(found.centre)},
                   {"bounds_mm", json::array({of(found.low), of(found.high)})},
                   {"volume_ml", found.volume_ml}});
  }
  if (found.region == "mask") {
    const std::string file = fmt::format("mask_{}.bin", number + 1);
    VEDETTE_TRY(write_bytes(output / file, {reinterpret_cast<const char*>(found.mask.data()), found.mask.size()}));
    region["mask"] = {
        {"file", file}, {"rows", found.rows}, {"columns", found.columns}, {"sop_instance_uids", found.instances}};
  }
  json out{{"code", of(row.code)},
           {"text", row.text},
           {"why", found.why},
           {"site", of(row.site)},
           {"laterality", of(row.laterality)},
           {"urgency", found.urgency},
           {"score", nullptr},
           {"measurements", json::array()},
           {"region", region}};
  if (found.score) out["score"] = *found.score;
  for (const Measured& m : found.measurements) out["measurements"].push_back(measurement_json(m));
  return out;
}

json failure(std::string_view state, const Error& error) {
  return {{"state", state},
          {"reason", {{"code", error.code}, {"text", error.text()}}},
          {"findings", json::array()},
          {"limits", json::array()},
          {"steps", json::array()},
          {"provenance", json::object()}};
}

/// How each network was computed: stands with every finding.
json provenance_of(const std::vector<engine::Network*>& networks, const Declaration& declaration, const Ran& ran) {
  json out{{"networks", json::array()}, {"network_seconds", ran.network_seconds}, {"network_calls", ran.network_calls}};
  for (std::size_t i = 0; i < networks.size(); ++i) {
    const engine::Description& d = networks[i]->description();
    out["networks"].push_back({{"file", declaration.models[i].file},
                               {"digest", d.model_digest},
                               {"precision", engine::name_of(d.precision)},
                               {"threads", d.threads},
                               {"device", d.device},
                               {"engine", d.engine},
                               {"engine_digest", d.engine_digest}});
  }
  return out;
}

class Progress {
 public:
  Result<void> operator()(double share, const std::string& text) {
    const auto now = std::chrono::steady_clock::now();
    // Windows may come by the thousand; a person reads a few lines a second.
    if (now - last_ < std::chrono::milliseconds(100) && share < 1) return {};
    last_ = now;
    std::puts(json{{"progress", std::clamp(share, 0.0, 1.0)}, {"text", text}}.dump().c_str());
    std::fflush(stdout);
    return {};
  }

 private:
  std::chrono::steady_clock::time_point last_{};
};

struct Read {
  std::vector<std::vector<Source>> inputs;  ///< by input of the declaration; one source unless taken image by image
  double seconds = 0;
};

Result<Read> read_inputs(const Declaration& declaration, const json& study, const fs::path& input) {
  const auto start = std::chrono::steady_clock::now();
  Read out;
  for (const InputRow& row : declaration.inputs) {
    for (const json& series : study.at("series")) {
      if (series.at("input").get<std::string>() != row.name) continue;
      const auto files = VEDETTE_TRY(files_of(series, input));
      if (row.each_image) {
        out.inputs.push_back(VEDETTE_TRY(image_sources(row, files)));
      } else {
        out.inputs.emplace_back();
        out.inputs.back().push_back(VEDETTE_TRY(volume_source(row, files)));
      }
    }
  }
  if (out.inputs.size() != declaration.inputs.size())
    return Error{Fault::malformed, "tool.input", "The input handed to the tool lacks a series"};
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return out;
}

Result<Ran> run_all(const Plan& plan, Read read, const RunSurroundings& with) {
  if (plan.declaration.inputs.size() == 1 && plan.declaration.inputs[0].each_image)
    return run_images(plan, read.inputs[0], with);
  std::vector<Source> sources;
  for (auto& input : read.inputs) {
    if (input.size() != 1)
      return Error{Fault::refused,
                   "pipeline.images",
                   "Of several inputs, each must be one image or one volume",
                   {},
                   "Narrow the gate until one image passes, such as by view and laterality."};
    sources.push_back(std::move(input[0]));
  }
  return run_plan(plan, sources, with);
}

Result<json> answer_of(const fs::path& input, const fs::path& output) {
  const json study = json::parse(bytes_of(input / "study.json"));
  const Declaration declaration = VEDETTE_TRY(from_json(study.at("pipeline").dump()));
  std::vector<std::unique_ptr<engine::Network>> owned;
  std::vector<engine::Network*> networks;
  std::vector<Face> faces;
  for (std::size_t i = 0; i < declaration.models.size(); ++i) {
    owned.push_back(VEDETTE_TRY(engine::given_network(i, network_wait)));
    networks.push_back(owned.back().get());
    faces.push_back(
        {declaration.models[i].name, networks.back()->description().inputs, networks.back()->description().outputs});
  }
  // Before any image is read: a pipeline that cannot be right does not start.
  const Plan plan = VEDETTE_TRY(make_plan(declaration, promised(declaration), faces));
  Progress progress;
  VEDETTE_TRY(progress(0, "Reading images"));
  auto read = read_inputs(declaration, study, input);
  if (!read) return failure("refused", read.error());
  const double read_seconds = read->seconds;
  RunSurroundings with{networks,
                       [&](double share, const std::string& text) { return progress(0.05 + 0.9 * share, text); }};
  auto ran = run_all(plan, *std::move(read), with);
  if (!ran) return failure(ran.error().fault == Fault::refused ? "refused" : "failed", ran.error());
  json findings = json::array();
  for (std::size_t i = 0; i < ran->found.size(); ++i)
    findings.push_back(VEDETTE_TRY(finding_json(ran->found[i], declaration.outputs[ran->found[i].output], i, output)));
  json steps = json::array({{{"name", "Reading images"}, {"seconds", read_seconds}}});
  for (const Timed& step : ran->steps) steps.push_back({{"name", step.name}, {"seconds", step.seconds}});
  VEDETTE_TRY(progress(1, "Done"));
  return json{{"state", "done"},       {"reason", nullptr}, {"findings", findings},
              {"limits", ran->limits}, {"steps", steps},    {"provenance", provenance_of(networks, declaration, *ran)}};
}

}  // namespace

int run_as_child(const std::string& input, const std::string& output) {
  json answer;
  try {
    auto made = answer_of(input, output);
    answer = made ? *std::move(made) : failure("failed", made.error());
  } catch (const std::bad_alloc&) {
    answer = failure(
        "failed",
        Error{Fault::exhausted, "tool.memory_limit", "The images and results need more memory than the tool may use",
              "engine.memory_bytes",
              "Raise engine.memory_bytes in tool.toml, or decide labels while blending (decide = \"argmax\")."});
  } catch (const std::exception& fault) {
    // Of the standard library or of JSON: says which bound or form was broken, never what an image holds.
    answer = failure("failed", Error{Fault::internal, "tool.internal",
                                     fmt::format("The tool's process met an error of its own: {}", fault.what())});
  }
  return write_bytes(fs::path(output) / "output.json", answer.dump(-1, ' ', false, json::error_handler_t::replace)) ? 0
                                                                                                                    : 1;
}

}  // namespace vedette::pipeline
