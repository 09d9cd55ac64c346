#include "analysis/output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/id.hpp"
#include "base/text.hpp"

namespace vedette::analysis {

namespace {

using nlohmann::json;

constexpr int deepest = 32;

constexpr std::array<std::string_view, 11> forbidden = {"normal",    "clear",  "negative",  "cancer",
                                                        "malignant", "benign", "diagnosis", "diagnosed",
                                                        "detected",  "safe",   "healthy"};

Error broken(std::string_view code, std::string cause, std::string where) {
  return Error{Fault::malformed, std::string(code), std::move(cause), std::move(where), "Correct the tool."};
}

/// A plain file of the output folder: no link, no device, at most `most` bytes. The tool chose the name.
Result<std::string> read_plain(const std::string& folder, const std::string& name, std::uint64_t most) {
  const int root = open(folder.c_str(), O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  const int file = root < 0 ? -1 : openat(root, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (root >= 0) close(root);
  struct stat info {};
  if (file < 0 || fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
    if (file >= 0) close(file);
    return broken("output.file", "A file that the tool should have written is not there", name);
  }
  if (static_cast<std::uint64_t>(info.st_size) > most) {
    close(file);
    return broken("output.size", fmt::format("A file of the tool is larger than {} bytes", most), name);
  }
  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t got = 0;
  while (got < bytes.size()) {
    const ssize_t count = ::read(file, bytes.data() + got, bytes.size() - got);
    if (count <= 0) break;
    got += static_cast<std::size_t>(count);
  }
  close(file);
  bytes.resize(got);
  return bytes;
}

bool is_slug(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
  });
}

Result<void> known_keys(const json& object, std::initializer_list<std::string_view> known, const std::string& where) {
  if (!object.is_object()) return broken("output.json", "The tool's answer needs an object here", where);
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      return broken("output.key", "The tool's answer has a member that the contract does not know",
                    where + "." + key.substr(0, 40));
    }
  }
  return {};
}

Result<std::string> text_in(const json& object, const char* key, std::size_t longest, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string() || found->get_ref<const std::string&>().empty()) {
    return broken("output.text", fmt::format("'{}' needs a text", key), where);
  }
  std::string text = found->get<std::string>();
  if (text.size() > longest || !is_utf8(text))
    return broken("output.text", fmt::format("'{}' is too long or no UTF-8", key), where);
  const std::string word = forbidden_word(text);
  if (!word.empty()) {
    return broken("output.wording", fmt::format("'{}' says '{}', which only a person may say", key, word), where);
  }
  return text;
}

Result<void> check_numbers(const json& value, const std::string& where) {
  if (value.is_number_float() && !std::isfinite(value.get<double>()))
    return broken("output.number", "A number is not finite", where);
  if (value.is_structured()) {
    for (const json& inner : value) {
      if (auto done = check_numbers(inner, where); !done) return done;
    }
  }
  return {};
}

bool near_whole(double value) {
  return std::isfinite(value) && std::abs(value) < 1e12;
}

const GivenSeries* series_of(const std::vector<GivenSeries>& given, const std::string& uid) {
  const auto found = std::find_if(given.begin(), given.end(), [&](const GivenSeries& each) { return each.uid == uid; });
  return found == given.end() ? nullptr : &*found;
}

Result<std::string> read_mask(const json& mask, const GivenSeries& series, const std::string& folder,
                              finding::Region& region, const std::string& where) {
  if (auto done = known_keys(mask, {"file", "rows", "columns", "sop_instance_uids"}, where); !done)
    return std::move(done).error();
  const std::string file = VEDETTE_TRY(text_in(mask, "file", 64, where));
  if (!is_name(file))
    return broken("output.mask", "The mask's file name may hold letters, digits, '_', '-' and '.' only", where);
  const auto rows = mask.find("rows"), columns = mask.find("columns"), uids = mask.find("sop_instance_uids");
  if (rows == mask.end() || !rows->is_number_integer() || columns == mask.end() || !columns->is_number_integer() ||
      uids == mask.end() || !uids->is_array() || uids->empty() || uids->size() > series.planes.size()) {
    return broken("output.mask", "The mask needs rows, columns and the UIDs of its slices", where);
  }
  for (const json& uid : *uids) {
    const auto plane = !uid.is_string()
                           ? series.planes.end()
                           : std::find_if(series.planes.begin(), series.planes.end(), [&](const voxel::Plane& each) {
                               return each.sop_instance_uid == uid.get_ref<const std::string&>();
                             });
    if (plane == series.planes.end())
      return broken("output.reference", "The mask names an image that was not given to the tool", where);
    if (plane->rows != rows->get<std::int64_t>() || plane->columns != columns->get<std::int64_t>()) {
      return broken("output.mask", "The mask is not of the size of its images", where);
    }
    region.mask_instances.push_back(uid.get<std::string>());
  }
  region.rows = rows->get<int>();
  region.columns = columns->get<int>();
  const std::uint64_t size =
      static_cast<std::uint64_t>(region.rows) * static_cast<std::uint64_t>(region.columns) * uids->size();
  std::string bytes = VEDETTE_TRY(read_plain(folder, file, size));
  if (bytes.size() != size)
    return broken("output.mask", fmt::format("The mask's file has {} bytes, {} are needed", bytes.size(), size), where);
  if (std::any_of(bytes.begin(), bytes.end(), [](char c) { return c != 0 && c != 1; })) {
    return broken("output.mask", "The mask holds other values than 0 and 1", where);
  }
  if (bytes.find('\1') == std::string::npos) return broken("output.mask", "The mask is empty", where);
  return bytes;
}

Result<std::string> check_region(const json& value, const std::vector<GivenSeries>& given, const std::string& folder,
                                 finding::Region& region, const std::string& where) {
  if (auto done = known_keys(
          value, {"kind", "series_uid", "frame_of_reference_uid", "centre_mm", "bounds_mm", "volume_ml", "mask"},
          where);
      !done) {
    return std::move(done).error();
  }
  if (region.kind == "none") return std::string();
  if (region.kind != "mask" && region.kind != "point")
    return broken("output.region", "The region must be a mask, a point or none", where);
  const GivenSeries* series = series_of(given, region.series_uid);
  if (series == nullptr)
    return broken("output.reference", "The region names a series that was not given to the tool", where);
  if (region.frame_of_reference_uid != series->frame_of_reference_uid) {
    return broken("output.reference", "The region's frame of reference is not that of its series", where);
  }
  const bool centred = region.centre_mm.x >= region.bounds_min_mm.x && region.centre_mm.x <= region.bounds_max_mm.x &&
                       region.centre_mm.y >= region.bounds_min_mm.y && region.centre_mm.y <= region.bounds_max_mm.y &&
                       region.centre_mm.z >= region.bounds_min_mm.z && region.centre_mm.z <= region.bounds_max_mm.z;
  if (!value.contains("centre_mm") || !centred ||
      !near_whole(region.centre_mm.x + region.centre_mm.y + region.centre_mm.z)) {
    return broken("output.region", "The region's centre is missing or lies outside of its bounds", where);
  }
  if (!near_whole(region.volume_ml) || region.volume_ml < 0)
    return broken("output.region", "The region's volume makes no sense", where);
  if (region.kind == "point") return std::string();
  const auto mask = value.find("mask");
  if (mask == value.end()) return broken("output.mask", "A region of kind mask needs its mask", where);
  return read_mask(*mask, *series, folder, region, where + ".mask");
}

Result<void> check_measurements(const finding::Finding& finding, std::size_t most, const std::string& where) {
  if (finding.measurements.size() > most)
    return broken("output.too_many", "The finding has too many measurements", where);
  for (const finding::Measurement& m : finding.measurements) {
    if (m.unit.scheme != "UCUM") return broken("output.unit", "A measurement's unit must be of UCUM", where);
    if (!near_whole(m.value)) return broken("output.number", "A measurement's value makes no sense", where);
    if (m.uncertainty && (!near_whole(m.uncertainty->value) || m.uncertainty->value < 0)) {
      return broken("output.number", "A measurement's uncertainty makes no sense", where);
    }
  }
  return {};
}

Result<Proposal> read_proposal(const json& value, const std::string& folder, const Tool& tool,
                               const std::vector<GivenSeries>& given, const OutputLimits& limits,
                               const std::string& where) {
  if (auto done = known_keys(
          value, {"code", "text", "site", "laterality", "urgency", "score", "measurements", "region", "why"}, where);
      !done) {
    return std::move(done).error();
  }
  Proposal out;
  auto read = finding::from_json(value.dump());
  if (!read) return broken("output.finding", read.error().cause, where + ": " + read.error().where);
  out.finding = *std::move(read);
  finding::Finding& f = out.finding;
  f.text = VEDETTE_TRY(text_in(value, "text", 200, where));
  f.why = VEDETTE_TRY(text_in(value, "why", 500, where));
  if (f.code.empty()) return broken("output.code", "The finding has no code", where);
  const auto row = std::find_if(tool.outputs.begin(), tool.outputs.end(), [&](const OutputRow& each) {
    return each.code.value == f.code.value && each.code.scheme == f.code.scheme;
  });
  if (row == tool.outputs.end()) return broken("output.code", "The finding's code is not declared in tool.toml", where);
  const auto urgency = value.find("urgency");
  if (urgency == value.end() || !urgency->is_string() ||
      std::find(row->urgency.begin(), row->urgency.end(), urgency->get<std::string>()) == row->urgency.end()) {
    return broken("output.urgency", "The finding's urgency is missing or not declared in tool.toml", where);
  }
  if (f.score && (!std::isfinite(*f.score) || *f.score < 0 || *f.score > 1)) {
    return broken("output.number", "The score must lie between 0 and 1", where);
  }
  if (auto done = check_measurements(f, limits.measurements, where + ".measurements"); !done)
    return std::move(done).error();
  const auto region = value.find("region");
  if (region == value.end()) return broken("output.region", "The finding has no region", where);
  out.mask = VEDETTE_TRY(check_region(*region, given, folder, f.region, where + ".region"));
  f.state = finding::State::proposed;
  f.tool = tool.stamp();
  f.limits = tool.limits;
  return out;
}

Result<void> read_rest(const json& top, Answer& answer) {
  if (const auto limits = top.find("limits"); limits != top.end() && limits->is_array()) {
    for (const json& limit : *limits) {
      if (!limit.is_string() || limit.get_ref<const std::string&>().size() > 500 || answer.limits.size() >= 50) {
        return broken("output.limits", "Limits must be at most 50 short texts", "limits");
      }
      answer.limits.push_back(limit.get<std::string>());
    }
  }
  if (const auto steps = top.find("steps"); steps != top.end() && steps->is_array()) {
    for (const json& step : *steps) {
      if (!step.is_object() || !step.contains("name") || !step["name"].is_string() || !step.contains("seconds") ||
          !step["seconds"].is_number() || answer.steps.size() >= 200) {
        return broken("output.steps", "Steps must be at most 200 of {name, seconds}", "steps");
      }
      answer.steps.push_back({step["name"].get<std::string>().substr(0, 100), step["seconds"].get<double>()});
    }
  }
  if (const auto provenance = top.find("provenance"); provenance != top.end() && provenance->is_object()) {
    answer.provenance = provenance->dump();
    if (answer.provenance.size() > 65536)
      return broken("output.provenance", "The provenance is larger than 64 KiB", "provenance");
  }
  return {};
}

Result<Answer> answer_from(const json& top, const std::string& folder, const Tool& tool,
                           const std::vector<GivenSeries>& given, const OutputLimits& limits) {
  if (auto done = known_keys(top, {"state", "reason", "findings", "limits", "steps", "provenance"}, "output"); !done) {
    return std::move(done).error();
  }
  if (auto done = check_numbers(top, "output.json"); !done) return std::move(done).error();
  Answer answer;
  const std::string state = VEDETTE_TRY(text_in(top, "state", 16, "output"));
  if (state != "done" && state != "refused" && state != "failed") {
    return broken("output.state", "The state must be done, refused or failed", "state");
  }
  if (auto done = read_rest(top, answer); !done) return std::move(done).error();
  if (state != "done") {
    const auto reason = top.find("reason");
    if (reason == top.end() || !reason->is_object())
      return broken("output.reason", "A refusal needs a reason {code, text}", "reason");
    answer.state = state == "refused" ? Answer::State::refused : Answer::State::failed;
    answer.code = VEDETTE_TRY(text_in(*reason, "code", 64, "reason"));
    if (!is_slug(answer.code))
      return broken("output.reason", "The reason's code may hold a-z, 0-9, '_', '.' and '-' only", "reason.code");
    answer.text = VEDETTE_TRY(text_in(*reason, "text", 600, "reason"));
    return answer;
  }
  const auto findings = top.find("findings");
  if (findings == top.end() || !findings->is_array())
    return broken("output.findings", "Findings must be a list", "findings");
  if (findings->size() > limits.findings) {
    return broken(
        "output.too_many",
        fmt::format("The tool proposes {} findings, more than {} are not taken", findings->size(), limits.findings),
        "findings");
  }
  for (std::size_t i = 0; i < findings->size(); ++i) {
    answer.proposals.push_back(
        VEDETTE_TRY(read_proposal((*findings)[i], folder, tool, given, limits, fmt::format("findings[{}]", i))));
    for (const std::string& limit : answer.limits) answer.proposals.back().finding.limits.push_back(limit);
  }
  answer.state = Answer::State::done;
  return answer;
}

/// Deepest nesting of brackets outside of strings.
int depth_of(std::string_view text) {
  int depth = 0, most = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      ++i;
      continue;
    }
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '{' || c == '[') most = std::max(most, ++depth);
    if (c == '}' || c == ']') --depth;
  }
  return most;
}

}  // namespace

std::string forbidden_word(std::string_view text) {
  const std::string lower = lower_case(text);
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z'); };
  for (const std::string_view word : forbidden) {
    for (auto at = lower.find(word); at != std::string::npos; at = lower.find(word, at + 1)) {
      const bool starts = at == 0 || !letter(lower[at - 1]);
      const bool ends = at + word.size() == lower.size() || !letter(lower[at + word.size()]);
      if (starts && ends) return std::string(word);
    }
  }
  return {};
}

Result<Answer> read_answer(const std::string& folder, const Tool& tool, const std::vector<GivenSeries>& given,
                           const OutputLimits& limits) {
  const std::string text = VEDETTE_TRY(read_plain(folder, "output.json", limits.document_bytes));
  if (depth_of(text) > deepest) return broken("output.json", "The tool's answer is nested too deep", "output.json");
  try {
    const json top = json::parse(text);
    return answer_from(top, folder, tool, given, limits);
  } catch (const json::exception&) {
    return broken("output.json", "The tool's answer is no JSON", "output.json");
  }
}

}  // namespace vedette::analysis
