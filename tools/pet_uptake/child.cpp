#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "pet_uptake/pet_uptake.hpp"

namespace vedette::pet_uptake {

namespace {

using nlohmann::json;

constexpr std::string_view input_name = "pet";

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

bool write_bytes(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.flush();
  return out.good();
}

json code(std::string_view value, std::string_view scheme, std::string_view meaning) {
  return {{"value", value}, {"scheme", scheme}, {"meaning", meaning}};
}
json uncertainty(double value, std::string_view kind, std::string text) {
  return {{"value", value}, {"kind", kind}, {"text", std::move(text)}};
}
json point(voxel::Vec3 p) {
  return json::array({p.x, p.y, p.z});
}

const json suvbw = code("126401", "DCM", "SUVbw");
const json suv_unit = code("g/ml{SUVbw}", "UCUM", "Standardized Uptake Value body weight");

json suv_measurement(const json& what, double value, const json& method, double variation) {
  return {{"code", what},
          {"value", value},
          {"unit", suv_unit},
          {"method", method},
          {"uncertainty", uncertainty(value * variation, "stated",
                                      fmt::format("Within-subject variation of {:g} %, stated in the tool's card; not "
                                                  "measured in this study.",
                                                  variation * 100))}};
}

json volume_measurement(const MetabolicVolume& volume, const json& method) {
  return {{"code", code("126032", "DCM", "Metabolic Volume")},
          {"value", volume.ml},
          {"unit", code("ml", "UCUM", "milliliter")},
          {"method", method},
          {"uncertainty",
           uncertainty(volume.uncertainty_ml, "threshold", "Change of the volume when the threshold moves by 10 %.")}};
}

json measurements_of(const Candidate& c, const Parameters& p) {
  const json fixed =
      code("fixed_threshold", "99VEDETTE", fmt::format("Fixed threshold of {:g} g/ml SUVbw", p.threshold));
  const json share =
      code("share_of_maximum", "99VEDETTE", fmt::format("{:g} % of the region's maximum", p.share_of_maximum * 100));
  json list = json::array();
  list.push_back(
      suv_measurement(suvbw, c.statistics.maximum, code("56851009", "SCT", "Maximum"), p.relative_variation));
  list.push_back(
      suv_measurement(code("126031", "DCM", "Peak Value Within ROI"), c.peak.value,
                      code("sphere_mean", "99VEDETTE", fmt::format("Mean over a sphere of {:g} ml", p.peak_volume)),
                      p.relative_variation));
  list.push_back(suv_measurement(suvbw, c.fixed.mean, code("373098007", "SCT", "Mean"), p.relative_variation));
  list.push_back(volume_measurement(c.fixed, fixed));
  list.push_back(volume_measurement(c.share, share));
  list.push_back({{"code", code("126033", "DCM", "Total Lesion Glycolysis")},
                  {"value", c.glycolysis()},
                  {"unit", code("g", "UCUM", "gram")},
                  {"method", fixed},
                  {"uncertainty", uncertainty(c.glycolysis_uncertainty(p.relative_variation), "combined",
                                              "Variation of SUV and change of the volume, as independent.")}});
  return list;
}

/// One candidate, with its mask written beside. An empty object when the mask cannot be written.
json finding_of(const Found& found, std::size_t number, const Parameters& p, const std::filesystem::path& output) {
  const Candidate& c = found.candidates[number];
  const voxel::SlicedMask sliced = voxel::mask_of(found.volume.grid, c.region);
  const std::string file = fmt::format("mask_{}.bin", number + 1);
  const auto* bytes = reinterpret_cast<const char*>(sliced.mask.voxels.data());
  if (!write_bytes(output / file, std::string_view(bytes, sliced.mask.voxels.size()))) return json::object();
  json instances = json::array();
  for (int k = 0; k < sliced.mask.slices; ++k) {
    instances.push_back(found.volume.sources[static_cast<std::size_t>(sliced.first_slice + k)].sop_instance_uid);
  }
  // The centre of mass may lie outside of a bent region: the page then still jumps to its hottest voxel's slice.
  return {{"code", code("111099", "DCM", "Selected region")},
          {"text", "Raised uptake region, for review"},
          {"site", nullptr},
          {"laterality", nullptr},
          {"urgency", c.urgent ? "urgent" : "soon"},
          {"score", nullptr},
          {"measurements", measurements_of(c, p)},
          {"region",
           {{"kind", "mask"},
            {"series_uid", found.volume.series_uid},
            {"frame_of_reference_uid", found.volume.frame_of_reference_uid},
            {"centre_mm", point(c.statistics.centre_mm)},
            {"bounds_mm", json::array({point(c.statistics.bounds_min_mm), point(c.statistics.bounds_max_mm)})},
            {"volume_ml", c.fixed.ml},
            {"mask",
             {{"file", file},
              {"rows", sliced.mask.rows},
              {"columns", sliced.mask.columns},
              {"sop_instance_uids", instances}}}}},
          {"why", fmt::format("SUVbw is {:g} g/ml or more over {:.1f} ml; its maximum is {:.1f} g/ml.", p.threshold,
                              c.fixed.ml, c.statistics.maximum)}};
}

json provenance_of(const Found& found) {
  const voxel::Suv& suv = found.suv;
  json out{
      {"suv_rule", suv.rule}, {"suv_units", suv.units}, {"suv_stored_type", suv.stored_type}, {"notes", suv.notes}};
  const auto add = [&](const char* key, const std::optional<double>& value) {
    if (value) out[key] = *value;
  };
  add("suv_factor", suv.factor);
  add("dose_bq", suv.dose_bq);
  add("half_life_s", suv.half_life_s);
  add("uptake_s", suv.uptake_s);
  add("weight_kg", suv.weight_kg);
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

Result<Parameters> parameters_of(const json& study) {
  Parameters p;
  const json& from = study.at("tool").at("parameters");
  p.threshold = from.at("threshold").get<double>();
  p.least_volume = from.at("least_volume").get<double>();
  p.share_of_maximum = from.at("share_of_maximum").get<double>();
  p.peak_volume = from.at("peak_volume").get<double>();
  p.urgent_suv_max = from.at("urgent_suv_max").get<double>();
  p.urgent_volume = from.at("urgent_volume").get<double>();
  p.relative_variation = from.at("relative_variation").get<double>();
  p.most_regions = static_cast<std::size_t>(from.at("most_regions").get<double>());
  return p;
}

/// The images of the input named "pet" in the order of study.json.
Result<std::vector<dicom::File>> images_of(const json& study, const std::filesystem::path& input) {
  std::vector<dicom::File> files;
  for (const json& series : study.at("series")) {
    if (series.at("input").get<std::string>() != input_name) continue;
    for (const json& instance : series.at("instances")) {
      const std::string bytes = bytes_of(input / instance.at("file").get<std::string>());
      files.push_back(VEDETTE_TRY(dicom::read_file(as_bytes(bytes))));
    }
  }
  return files;
}

Result<json> answer_of(const std::string& input, const std::filesystem::path& output) {
  const json study = json::parse(bytes_of(std::filesystem::path(input) / "study.json"));
  const Parameters parameters = VEDETTE_TRY(parameters_of(study));
  const auto start = std::chrono::steady_clock::now();
  auto last = start;
  std::string step = "Reading files";
  json steps = json::array();
  const auto progress = [&](double share, std::string_view text) {
    const auto now = std::chrono::steady_clock::now();
    if (text != step) {
      steps.push_back({{"name", step}, {"seconds", std::chrono::duration<double>(now - last).count()}});
      step = std::string(text);
      last = now;
    }
    std::puts(json{{"progress", share}, {"text", text}}.dump().c_str());
    std::fflush(stdout);
  };
  const auto files = VEDETTE_TRY(images_of(study, input));
  std::vector<voxel::ImageSource> images;
  for (const dicom::File& file : files) images.push_back({&file.data, file.transfer_syntax});
  auto found = find_candidates(images, parameters, progress);
  if (!found) return failure("refused", found.error());
  progress(0.9, "Writing results");
  json findings = json::array();
  for (std::size_t i = 0; i < found->candidates.size(); ++i) {
    findings.push_back(finding_of(*found, i, parameters, output));
    if (findings.back().empty()) return Error{Fault::exhausted, "tool.output", "A mask cannot be written"};
  }
  json limits = json::array();
  if (found->left_out > 0)
    limits.push_back(fmt::format("{} more regions above the threshold are not listed.", found->left_out));
  for (const std::string& note : found->suv.notes) limits.push_back(note);
  progress(1, "Done");
  return json{{"state", "done"},  {"reason", nullptr}, {"findings", findings},
              {"limits", limits}, {"steps", steps},    {"provenance", provenance_of(*found)}};
}

}  // namespace

int run_as_child(const std::string&, const std::string& input, const std::string& output) {
  json answer;
  try {
    auto made = answer_of(input, output);
    answer = made ? *std::move(made) : failure("failed", made.error());
  } catch (const std::exception&) {
    answer = failure("failed", Error{Fault::malformed, "tool.input", "The input handed to the tool cannot be read"});
  }
  const bool written = write_bytes(std::filesystem::path(output) / "output.json",
                                   answer.dump(-1, ' ', false, json::error_handler_t::replace));
  return written ? 0 : 1;
}

}  // namespace vedette::pet_uptake
