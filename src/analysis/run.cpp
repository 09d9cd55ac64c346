#include "analysis/run.hpp"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "analysis/networks.hpp"
#include "base/digest.hpp"
#include "dicom/uid.hpp"
#include "pipeline/declaration.hpp"

namespace vedette::analysis {

namespace {

namespace fs = std::filesystem;
namespace tags = dicom::tags;
using nlohmann::json;

/// Folders of one run, gone when it is over.
class Workplace {
 public:
  static Result<Workplace> make(const std::string& under) {
    std::error_code error;
    const fs::path root = under.empty() ? fs::temp_directory_path(error) : fs::path(under);
    fs::create_directories(root, error);
    std::string name = (root / "vedette-run-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      return Error{Fault::exhausted, "tool.workplace", "No folder can be made for the run", root.string(),
                   "Check the disk."};
    }
    Workplace place;
    place.folder_ = name;
    fs::create_directory(place.input(), error);
    fs::create_directory(place.output(), error);
    // Inside the sandbox the tool is another user: the input may be read by all who can reach it, which is nobody else.
    fs::permissions(place.input(), fs::perms(0755), error);
    return place;
  }
  Workplace(Workplace&& other) noexcept : folder_(std::exchange(other.folder_, {})) {}
  Workplace& operator=(Workplace&&) = delete;
  ~Workplace() {
    std::error_code error;
    if (!folder_.empty()) fs::remove_all(folder_, error);
  }
  fs::path input() const { return fs::path(folder_) / "input"; }
  fs::path output() const { return fs::path(folder_) / "output"; }

 private:
  Workplace() = default;
  std::string folder_;
};

Result<void> write_file(const fs::path& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out)
    return Error{Fault::exhausted, "tool.workplace", "The input of the run cannot be written", path.filename().string(),
                 "Check the disk."};
  std::error_code error;
  fs::permissions(path, fs::perms(0644), error);
  return {};
}

/// Images in geometric order where there is one frame each; as they are otherwise.
std::vector<std::size_t> order_of(const Choice::Taken& taken, std::size_t images) {
  if (!taken.images.empty()) return taken.images;
  if (taken.geometry.order.size() == images) return taken.geometry.order;
  std::vector<std::size_t> order(images);
  for (std::size_t i = 0; i < images; ++i) order[i] = i;
  return order;
}

/// Writes the files and study.json; answers the digest of what was given.
Result<std::string> hand_over(const Tool& tool, const ImageStudy& study, const Choice& choice, const fs::path& folder) {
  json document{{"format", 1},
                {"tool", {{"id", tool.id}, {"version", tool.version}, {"parameters", json::object()}}},
                {"series", json::array()}};
  for (const auto& [name, parameter] : tool.parameters) document["tool"]["parameters"][name] = parameter.value;
  if (tool.engine == Tool::Engine::onnx) document["pipeline"] = json::parse(pipeline::to_json(*tool.pipeline));
  Sha256 whole;
  std::size_t count = 0;
  for (const Choice::Taken& taken : choice.taken) {
    const ImageSeries& series = study.series[taken.series];
    json listed{{"input", taken.input},
                {"series_uid", series.uid},
                {"modality", series.modality},
                {"frame_of_reference_uid", series.images.front().header.text(tags::frame_of_reference_uid)},
                {"geometry",
                 {{"state", voxel::name_of(taken.geometry.state)},
                  {"code", taken.geometry.code},
                  {"slice_spacing_mm", taken.geometry.slice_spacing}}},
                {"instances", json::array()}};
    for (const std::size_t i : order_of(taken, series.images.size())) {
      const Image& image = series.images[i];
      const std::string file = fmt::format("{:05}.dcm", ++count);
      const std::string bytes = VEDETTE_TRY(image.read());
      if (auto done = write_file(folder / file, bytes); !done) return std::move(done).error();
      whole.update(as_bytes(image.digest));
      listed["instances"].push_back({{"file", file},
                                     {"sop_instance_uid", image.header.text(tags::sop_instance_uid)},
                                     {"sop_class_uid", image.header.text(tags::sop_class_uid)},
                                     {"frames", image.header.integer(tags::number_of_frames).value_or(1)}});
    }
    document["series"].push_back(std::move(listed));
  }
  const std::string text = document.dump(1, ' ', false, json::error_handler_t::replace);
  if (auto done = write_file(folder / "study.json", text); !done) return std::move(done).error();
  return whole.finish().hex();
}

std::string builtin_program() {
  if (const char* named = std::getenv("VEDETTE_TOOL")) return named;
  std::error_code error;
  return (fs::read_symlink("/proc/self/exe", error).parent_path() / "vedette-tool").string();
}

engine::Command command_of(const Tool& tool, const Workplace& place) {
  engine::Command command;
  command.output = place.output().string();
  command.readable = {tool.folder, place.input().string()};
  if (tool.engine == Tool::Engine::builtin) {
    command.program = builtin_program();
    command.readable.push_back(command.program);
    command.arguments = {"--id", tool.id};
  } else if (tool.engine == Tool::Engine::onnx) {
    command.program = builtin_program();
    command.readable.push_back(command.program);
    command.arguments = {"--pipeline"};
  } else {
    command.program = (fs::path(tool.folder) / tool.command[0]).lexically_normal().string();
    command.arguments.assign(tool.command.begin() + 1, tool.command.end());
  }
  for (const auto& [key, value] : {std::pair<std::string, std::string>{"--tool", tool.folder},
                                   {"--input", place.input().string()},
                                   {"--output", place.output().string()}}) {
    command.arguments.push_back(key);
    command.arguments.push_back(value);
  }
  return command;
}

template <typename Number>
Number least_of(Number own, Number bound) {
  return bound > 0 ? std::min(own, bound) : own;
}

engine::Limits limits_of(const Tool& tool, const RunOptions& options) {
  engine::Limits limits;
  limits.memory_bytes = least_of(tool.memory_bytes, options.memory_bytes);
  const int seconds = least_of(tool.seconds, options.seconds);
  limits.wall = std::chrono::seconds(seconds);
  limits.cpu = std::chrono::seconds(4L * seconds);
  limits.output_bytes = tool.output_bytes;
  limits.processes = tool.processes;
  return limits;
}

void take_progress(std::string_view line, const RunOptions& options) {
  if (!options.progress) return;
  const json value = json::parse(line, nullptr, false);
  if (!value.is_object()) return;
  const auto share = value.find("progress"), text = value.find("text");
  if (share == value.end() || !share->is_number()) return;
  const double amount = share->get<double>();
  if (!(amount >= 0 && amount <= 1)) return;
  options.progress(amount,
                   text != value.end() && text->is_string() ? text->get_ref<const std::string&>() : std::string());
}

std::vector<GivenSeries> given_of(const ImageStudy& study, const Choice& choice) {
  std::vector<GivenSeries> given;
  for (const Choice::Taken& taken : choice.taken) {
    const ImageSeries& series = study.series[taken.series];
    const auto same =
        std::find_if(given.begin(), given.end(), [&](const GivenSeries& each) { return each.uid == series.uid; });
    if (same != given.end()) {
      same->planes.insert(same->planes.end(), taken.planes.begin(), taken.planes.end());
      continue;
    }
    given.push_back({series.uid, series.images.front().header.text(tags::frame_of_reference_uid), taken.planes});
  }
  return given;
}

void fail(Outcome& outcome, std::string code, std::string text) {
  outcome.state = Outcome::State::failed;
  outcome.code = std::move(code);
  outcome.text = "Tool failed: " + std::move(text);
  outcome.proposals.clear();
}

/// Takes over what the program answered, or says how it failed.
void judge(Outcome& outcome, const Tool& tool, const engine::Limits& limits, Result<Answer> answer) {
  const engine::Ended& ended = *outcome.ended;
  const std::string code = engine::code_of(ended);
  if (ended.how == engine::Ended::How::stopped) {
    outcome.state = Outcome::State::stopped;
    outcome.code = code;
    outcome.text = fmt::format("{} was stopped.", tool.name);
    return;
  }
  if (!code.empty()) {
    fail(outcome, code, fmt::format("{} {}.", tool.name, engine::words_of(ended, limits)));
    outcome.again = ended.how == engine::Ended::How::crashed;
    return;
  }
  if (!answer) {
    const Error& error = answer.error();
    fail(outcome, error.code, fmt::format("{} gave an answer that cannot be used. {}", tool.name, error.text()));
    return;
  }
  outcome.proposals = std::move(answer->proposals);
  outcome.limits = std::move(answer->limits);
  outcome.steps = std::move(answer->steps);
  outcome.provenance = std::move(answer->provenance);
  outcome.code = std::move(answer->code);
  outcome.text = std::move(answer->text);
  outcome.state = answer->state == Answer::State::done      ? Outcome::State::done
                  : answer->state == Answer::State::refused ? Outcome::State::refused
                                                            : Outcome::State::failed;
  if (outcome.state == Outcome::State::failed) fail(outcome, outcome.code, outcome.text);
}

/// Opens the tool's networks and runs its pipeline on them. A model that is refused fails the tool; an engine that is
/// not there is this machine's error.
Result<void> run_networks(const Tool& tool, const RunOptions& options, const engine::Limits& limits,
                          const Workplace& place, Outcome& outcome) {
  const auto facts = inspect_models(tool);
  if (!facts) {
    fail(outcome, facts.error().code,
         fmt::format("{} has a network that cannot be used. {}", tool.name, facts.error().text()));
    return {};
  }
  const std::vector<engine::NetworkOrder> orders = orders_of(tool, *facts);
  std::optional<engine::Warm> own;
  if (options.networks == nullptr) {
    engine::WarmOptions warm;
    for (const engine::NetworkOrder& order : orders)
      warm.memory_bytes = std::max(warm.memory_bytes, order.memory_bytes * orders.size());
    own.emplace(warm);
  }
  engine::Warm& networks = options.networks != nullptr ? *options.networks : *own;
  if (options.progress) options.progress(0, "Loading the network");
  auto lease = networks.open(orders, options.urgency, limits.wall, options.stop);
  if (!lease) {
    const Error& error = lease.error();
    if (error.code == "engine.start") return error;
    if (error.code == "tool.stopped") {
      outcome.state = Outcome::State::stopped;
      outcome.code = error.code;
      outcome.text = fmt::format("{} was stopped.", tool.name);
      return {};
    }
    fail(outcome, error.code, fmt::format("{}: its network cannot be loaded. {}", tool.name, error.text()));
    outcome.again = error.code == "engine.busy";
    return {};
  }
  engine::Command command = command_of(tool, place);
  command.channels = lease->descriptors();
  bool started = false;
  auto ended = engine::run_child(
      command, limits,
      [&](std::string_view line) {
        // The process has its ends now; ours would hide from the engine that it is gone.
        if (!std::exchange(started, true)) lease->close_descriptors();
        take_progress(line, options);
      },
      options.stop);
  if (!ended) return std::move(ended).error();
  outcome.ended = *std::move(ended);
  return {};
}

}  // namespace

std::string_view name_of(Outcome::State state) {
  switch (state) {
    case Outcome::State::done:
      return "done";
    case Outcome::State::refused:
      return "refused";
    case Outcome::State::failed:
      return "failed";
    case Outcome::State::not_applicable:
      return "not_applicable";
    case Outcome::State::stopped:
      return "stopped";
  }
  return "failed";
}

Result<Outcome> run_tool(const Tool& tool, const ImageStudy& study, const RunOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  Outcome outcome;
  const Choice choice = choose(tool, study);
  if (choice.answer != Choice::Answer::applies) {
    outcome.state = choice.answer == Choice::Answer::refused ? Outcome::State::refused : Outcome::State::not_applicable;
    outcome.code = choice.code;
    outcome.text = choice.text;
    return outcome;
  }
  for (const Choice::Taken& taken : choice.taken) outcome.series.push_back(study.series[taken.series].uid);
  const Workplace place = VEDETTE_TRY(Workplace::make(options.work_folder));
  outcome.input_digest = VEDETTE_TRY(hand_over(tool, study, choice, place.input()));
  const engine::Limits limits = limits_of(tool, options);
  if (tool.engine == Tool::Engine::onnx) {
    VEDETTE_TRY(run_networks(tool, options, limits, place, outcome));
    outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (outcome.ended)
      judge(outcome, tool, limits, read_answer(place.output().string(), tool, given_of(study, choice)));
    return outcome;
  }
  auto ended = engine::run_child(
      command_of(tool, place), limits, [&](std::string_view line) { take_progress(line, options); }, options.stop);
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!ended) {
    // A program that is not there is the tool's own fault; a sandbox that cannot be built is this machine's.
    std::error_code error;
    if (tool.engine == Tool::Engine::command && !fs::exists(command_of(tool, place).program, error)) {
      fail(outcome, "tool.program", fmt::format("{} has no program {}.", tool.name, tool.command[0]));
      return outcome;
    }
    return std::move(ended).error();
  }
  outcome.ended = *std::move(ended);
  judge(outcome, tool, limits, read_answer(place.output().string(), tool, given_of(study, choice)));
  return outcome;
}

Result<FolderRun> run_folder(const Tool& tool, const std::string& input, const RunOptions& options) {
  FolderStudies found = VEDETTE_TRY(read_folder(input));
  if (found.studies.empty()) {
    return Error{Fault::not_found, "input.empty",
                 fmt::format("The folder holds no DICOM images ({} other files)", found.left_out), input,
                 "Name a folder of DICOM files."};
  }
  std::vector<std::size_t> fitting;
  for (std::size_t i = 0; i < found.studies.size(); ++i) {
    if (choose(tool, found.studies[i]).answer == Choice::Answer::applies) fitting.push_back(i);
  }
  if (fitting.size() > 1) {
    return Error{Fault::refused, "input.studies",
                 fmt::format("The folder holds {} studies that the tool could look at", fitting.size()), input,
                 "Name a folder that holds one of them."};
  }
  FolderRun run;
  run.study = std::move(found.studies[fitting.empty() ? 0 : fitting[0]]);
  if (fitting.empty()) {
    // The study that came farthest says why.
    for (ImageStudy& other : found.studies) {
      if (choose(tool, other).answer == Choice::Answer::refused) run.study = std::move(other);
    }
  }
  run.outcome = VEDETTE_TRY(run_tool(tool, run.study, options));
  int number = 0;
  for (const Proposal& proposal : run.outcome.proposals) {
    finding::Finding finding = proposal.finding;
    finding.number = ++number;
    finding.id = std::to_string(number);
    finding.study_uid = run.study.uid;
    finding.tracking_uid =
        dicom::derived_uid(fmt::format("{}:{}:{}:{}", tool.id, tool.digest, run.outcome.input_digest, number));
    run.findings.push_back(std::move(finding));
  }
  return run;
}

std::string findings_json(const Tool& tool, const FolderRun& run) {
  const Outcome& outcome = run.outcome;
  const bool done = outcome.state == Outcome::State::done, failed = outcome.state == Outcome::State::failed;
  json out{{"tool",
            {{"id", tool.id},
             {"version", tool.version},
             {"digest", tool.digest},
             {"name", tool.name},
             {"demonstrator", tool.demonstrator}}},
           {"state", done     ? "done"
                     : failed ? "failed"
                              : "refused"},
           {"reason", nullptr},
           {"findings", json::array()},
           {"limits", tool.limits},
           {"study_uid", run.study.uid},
           {"series_uids", outcome.series},
           {"input_digest", outcome.input_digest},
           {"seconds", outcome.seconds},
           {"provenance", json::parse(outcome.provenance, nullptr, false)}};
  if (!done) out["reason"] = {{"code", outcome.code}, {"text", outcome.text}};
  for (const std::string& limit : outcome.limits) out["limits"].push_back(limit);
  for (const finding::Finding& finding : run.findings)
    out["findings"].push_back(json::parse(finding::to_json(finding)));
  return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace vedette::analysis
