#include "analysis/analysis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "analysis/rows.hpp"
#include "base/crash_point.hpp"
#include "base/digest.hpp"
#include "base/log.hpp"
#include "dicom/json.hpp"
#include "dicom/uid.hpp"

namespace vedette::analysis {

namespace {

using database::Transaction;
using nlohmann::json;

constexpr std::string_view mask_label = "analysis.mask";
constexpr seconds crash_back_off{2};
constexpr seconds wait_for_room{3};
constexpr int crash_attempts = 2;
constexpr milliseconds watch_every{500};

/// Series that this node made itself are results, not images to be analysed.
bool is_own(const study::Series& series) {
  return series.source.starts_with("tool:") || series.source == "review";
}

std::string actor_of(const Run& run) {
  return fmt::format("tool:{}@{}", run.tool_id, run.tool_version);
}

/// What every line about a run says.
json details_of(const Run& run) {
  return {{"tool", run.tool_id}, {"version", run.tool_version}, {"generation", run.generation}, {"run", run.id}};
}

std::string run_id_of(std::string_view payload) {
  const json value = json::parse(payload, nullptr, false);
  if (!value.is_object() || !value.contains("details") || !value["details"].is_object()) return {};
  const auto run = value["details"].find("run");
  return run != value["details"].end() && run->is_string() ? run->get<std::string>() : std::string();
}

bool settled(const Run& run) {
  return run.state != "queued" && run.state != "running" && run.state != "failed";
}

void end(Run& run, std::string_view state, std::string_view code, std::string_view text, Instant at) {
  run.state = std::string(state);
  run.code = std::string(code);
  run.text = std::string(text);
  run.finished_at = at;
}

}  // namespace

Result<std::unique_ptr<Analysis>> Analysis::open(Parts parts) {
  Registry registry = read_registry(parts.tools_folder);
  for (const Error& fault : registry.faults) log::failure("tool.left_out", fault);
  std::string known;
  for (const Tool& tool : registry.tools)
    known += fmt::format("{}{}@{}", known.empty() ? "" : " ", tool.id, tool.version);
  log::info("tools.known", {{"count", registry.tools.size()}, {"tools", known}});
  return std::unique_ptr<Analysis>(new Analysis(std::move(parts), std::move(registry)));
}

Result<void> Analysis::plan(const jobs::Claim& claim) {
  return parts_.ledger.record([&](Transaction& tx) -> Result<void> {
    VEDETTE_TRY(parts_.jobs.hold(tx, claim));
    const auto study = VEDETTE_TRY(parts_.catalogue.study_of_pseudonym(tx, claim.subject));
    if (!study) return parts_.jobs.finish(tx, claim);
    const Instant now = parts_.clock.now();
    VEDETTE_TRY(supersede_runs(tx, study->uid, study->version, now));
    std::set<std::string> planned, modalities;
    for (const Run& run : VEDETTE_TRY(read_newest_runs(tx, study->uid))) {
      if (run.generation == study->version) planned.insert(run.tool_id);
    }
    for (const study::Series& series : VEDETTE_TRY(parts_.catalogue.series(tx, study->uid))) {
      if (!is_own(series)) modalities.insert(series.modality);
    }
    for (const Tool& tool : registry_.tools) {
      if (planned.contains(tool.id)) continue;
      Run run;
      run.id = sortable_id(std::chrono::duration_cast<milliseconds>(now.time_since_epoch()).count());
      run.study_uid = study->uid;
      run.generation = study->version;
      run.tool_id = tool.id;
      run.tool_version = tool.version;
      run.tool_name = tool.name;
      run.tool_digest = tool.digest;
      run.demonstrator = tool.demonstrator;
      run.state = "queued";
      run.planned_at = now;
      const bool fits = std::all_of(tool.inputs.begin(), tool.inputs.end(), [&](const InputGate& gate) {
        return std::any_of(gate.modality.begin(), gate.modality.end(),
                           [&](const std::string& m) { return modalities.contains(m); });
      });
      const Switch state = VEDETTE_TRY(read_switch(tx, tool.id));
      if (!fits) {
        end(run, "not_applicable", "gate.modality", "The study has no series for this tool.", now);
      } else if (!state.active) {
        end(run, "stopped", "tool.stopped", fmt::format("{} is stopped.", tool.name), now);
      }
      VEDETTE_TRY(insert_run(tx, run));
      if (run.state != "queued") continue;
      VEDETTE_TRY(
          parts_.ledger.append(tx, {ledger::Kind::tool_planned, claim.subject, "node", details_of(run).dump()}));
    }
    return parts_.jobs.finish(tx, claim);
  });
}

/// Nothing when there is nothing (more) to run: the row is then settled and the job finished.
Result<std::optional<Run>> Analysis::begin(const jobs::Claim& claim, const std::string& run_id) {
  std::optional<Run> begun;
  VEDETTE_TRY(parts_.ledger.record([&](Transaction& tx) -> Result<void> {
    VEDETTE_TRY(parts_.jobs.hold(tx, claim));
    auto run = VEDETTE_TRY(read_run(tx, run_id));
    if (!run || settled(*run)) return parts_.jobs.finish(tx, claim);
    const auto study = VEDETTE_TRY(parts_.catalogue.study(tx, run->study_uid));
    const Tool* tool = registry_.find(run->tool_id);
    const Switch state = VEDETTE_TRY(read_switch(tx, run->tool_id));
    const Instant now = parts_.clock.now();
    if (!study || study->version != run->generation) {
      end(*run, "superseded", "run.superseded", "More images arrived.", now);
    } else if (!state.active) {
      end(*run, "stopped", "tool.stopped", fmt::format("{} is stopped.", run->tool_name), now);
    } else if (tool == nullptr) {
      end(*run, "failed", "tool.gone", fmt::format("Tool failed: {} is not here any more.", run->tool_name), now);
      json details = details_of(*run);
      details["code"] = run->code;
      VEDETTE_TRY(parts_.ledger.append(tx, {ledger::Kind::tool_failed, claim.subject, actor_of(*run), details.dump()}));
    } else {
      run->state = "running";
      run->tool_version = tool->version;
      run->tool_digest = tool->digest;
      run->tool_name = tool->name;
      run->demonstrator = tool->demonstrator;
      run->started_at = now;
      run->finished_at.reset();
      run->progress = 0;
      run->code.clear();
      run->text.clear();
      ++run->attempt;
      json details = details_of(*run);
      details["attempt"] = run->attempt;
      details["digest"] = run->tool_digest;
      VEDETTE_TRY(
          parts_.ledger.append(tx, {ledger::Kind::tool_started, claim.subject, actor_of(*run), details.dump()}));
      begun = *run;
      return update_run(tx, *run);
    }
    VEDETTE_TRY(update_run(tx, *run));
    return parts_.jobs.finish(tx, claim);
  }));
  return begun;
}

/// A tool gets copies of the images: they must not eat the reserve that people need to read and sign.
Result<bool> Analysis::has_room(const jobs::Claim& claim) {
  const vault::Blobs::Space space = parts_.blobs.space();
  const auto needed = VEDETTE_TRY(parts_.database.read_for<std::int64_t>([&](Transaction& tx) -> Result<std::int64_t> {
    return VEDETTE_TRY(tx.query("SELECT SUM(i.byte_length) FROM study s JOIN series e ON e.study = s.number JOIN "
                                "instance i ON i.series = e.number WHERE s.pseudonym = ?",
                                {claim.subject}))
        .at(0)
        .integer(0);
  }));
  return space.reserve == 0 || space.free - needed >= space.reserve;
}

Result<void> Analysis::run(const jobs::Claim& claim, std::stop_token stop) {
  if (!VEDETTE_TRY(has_room(claim))) {
    // No attempt is used up: the study stays where it is in the list, its tools are queued, and go on by themselves.
    log::warning("tool.no_room", {{"job", claim.id}});
    (void)parts_.clock.sleep(wait_for_room, stop);
    return parts_.jobs.hand_back(claim);
  }
  const std::string run_id = run_id_of(claim.payload);
  if (run_id.empty())
    return Error{Fault::malformed, "run.payload", "The job does not say which run it is", "payload.details.run"};
  auto begun = VEDETTE_TRY(begin(claim, run_id));
  if (!begun) return {};
  crash_point("analysis.started");
  const Tool& tool = *registry_.find(begun->tool_id);
  const ImageStudy study = VEDETTE_TRY(parts_.database.read_for<ImageStudy>(
      [&](Transaction& tx) -> Result<ImageStudy> { return images_of(tx, tool, begun->study_uid); }));
  auto outcome = look(tool, *begun, study, stop);
  crash_point("analysis.tool_ran");
  if (stop.stop_requested() && (!outcome || outcome->state == Outcome::State::stopped)) {
    VEDETTE_TRY(parts_.database.write([&](Transaction& tx) -> Result<void> {
      VEDETTE_TRY(parts_.jobs.hold(tx, claim));  // another worker may have the run by now, or may have published it
      Run run = *begun;
      run.state = "queued";
      --run.attempt;
      return update_run(tx, run);
    }));
    return parts_.jobs.hand_back(claim);
  }
  if (!outcome) {
    // This machine's fault, not the tool's; still the study has to say that nothing came of it.
    log::failure("tool.machine", outcome.error(), {{"tool", tool.id}, {"run", begun->id}});
    Outcome failed;
    failed.code = outcome.error().code;
    failed.text = fmt::format("Tool failed: {} could not be run here. {}", tool.name, outcome.error().text());
    failed.again = true;
    return publish(claim, tool, *std::move(begun), std::move(failed));
  }
  VEDETTE_TRY(keep_masks(outcome->proposals));
  crash_point("analysis.masks_kept");
  return publish(claim, tool, *std::move(begun), *std::move(outcome));
}

/// Headers of the series that the tool may take; bytes are read when they are handed over.
Result<ImageStudy> Analysis::images_of(Transaction& tx, const Tool& tool, const std::string& study_uid) const {
  ImageStudy out{study_uid, {}};
  for (const study::Series& series : VEDETTE_TRY(parts_.catalogue.series(tx, study_uid))) {
    const bool wanted = std::any_of(tool.inputs.begin(), tool.inputs.end(), [&](const InputGate& gate) {
      return std::find(gate.modality.begin(), gate.modality.end(), series.modality) != gate.modality.end();
    });
    if (is_own(series) || !wanted) continue;
    ImageSeries images{series.uid, series.modality, series.number, {}};
    VEDETTE_TRY(
        parts_.catalogue.headers(tx, study_uid, series.uid,
                                 [&](const study::Instance& instance, const std::string& header_json) -> Result<void> {
                                   dicom::DataSet header = VEDETTE_TRY(dicom::from_json(header_json));
                                   const vault::Place place = instance.place;
                                   images.images.push_back({std::move(header), instance.digest.hex(),
                                                            [this, place] { return parts_.blobs.read(place); }});
                                   return {};
                                 }));
    out.series.push_back(std::move(images));
  }
  return out;
}

/// Runs the tool with its stop switch within reach, and its progress in the row.
Result<Outcome> Analysis::look(const Tool& tool, const Run& run, const ImageStudy& study, std::stop_token stop) {
  std::stop_source source;
  const std::stop_callback drained(stop, [&source] { source.request_stop(); });
  std::multimap<std::string, std::stop_source, std::less<>>::iterator listed;
  {
    const std::scoped_lock lock(mutex_);
    listed = running_.emplace(tool.id, source);
  }
  struct Progress {
    std::mutex mutex;
    double share = 0;
    std::string text;
    bool fresh = false;
  } progress;
  // Another process may stop the tool: the row is looked at while the tool runs.
  std::jthread watcher([&](std::stop_token over) {
    while (parts_.clock.sleep(watch_every, over)) {
      bool active = true;
      auto done = parts_.database.read([&](Transaction& tx) -> Result<void> {
        active = VEDETTE_TRY(read_switch(tx, tool.id)).active;
        return {};
      });
      if (!active) source.request_stop();
      const std::scoped_lock lock(progress.mutex);
      if (done && std::exchange(progress.fresh, false)) {
        done = parts_.database.write([&](Transaction& tx) -> Result<void> {
          VEDETTE_TRY(
              tx.run("UPDATE analysis_run SET progress = ?, progress_text = ? WHERE id = ? AND state = 'running'",
                     {progress.share, progress.text, run.id}));
          return {};
        });
      }
      if (!done) log::failure("tool.watch", done.error(), {{"run", run.id}});
    }
  });
  RunOptions options;
  options.work_folder = parts_.work_folder;
  options.memory_bytes = static_cast<std::uint64_t>(parts_.settings.integer("tools.memory_bytes"));
  options.seconds = static_cast<int>(parts_.settings.integer("tools.seconds"));
  options.stop = source.get_token();
  options.progress = [&](double share, std::string_view text) {
    const std::scoped_lock lock(progress.mutex);
    progress.share = share;
    progress.text = std::string(text.substr(0, 200));
    progress.fresh = true;
  };
  auto outcome = run_tool(tool, study, options);
  const std::scoped_lock lock(mutex_);
  running_.erase(listed);
  return outcome;
}

Result<void> Analysis::keep_masks(std::vector<Proposal>& proposals) {
  for (Proposal& proposal : proposals) {
    if (proposal.mask.empty()) continue;
    const vault::Stored stored = VEDETTE_TRY(parts_.blobs.put_own(as_bytes(proposal.mask), mask_label));
    proposal.finding.region.mask_blob = stored.digest.hex();
    proposal.finding.region.mask_place = stored.place;
  }
  return {};
}

/// Findings and their lines, inside the publishing transaction.
Result<void> Analysis::propose(Transaction& tx, const jobs::Claim& claim, const Tool& tool, Run& run,
                               Outcome& outcome) {
  std::vector<finding::Finding> findings;
  int urgent = 0;
  for (Proposal& proposal : outcome.proposals) {
    finding::Finding& f = proposal.finding;
    f.study_uid = run.study_uid;
    f.run_id = run.id;
    f.created_at = f.changed_at = parts_.clock.now();
    f.tracking_uid = dicom::derived_uid(
        fmt::format("{}:{}:{}:{}", tool.id, run.study_uid, outcome.input_digest, findings.size() + 1));
    urgent += f.urgency <= finding::Urgency::urgent ? 1 : 0;
    findings.push_back(std::move(f));
  }
  run.findings = static_cast<std::int64_t>(findings.size());
  VEDETTE_TRY(parts_.findings.propose(tx, std::move(findings)));
  json details = details_of(run);
  details["findings"] = run.findings;
  details["seconds"] = std::round(outcome.seconds * 1000) / 1000;
  details["digest"] = run.tool_digest;
  details["input"] = outcome.input_digest;
  details["attempt"] = run.attempt;
  VEDETTE_TRY(parts_.ledger.append(tx, {ledger::Kind::tool_finished, claim.subject, actor_of(run), details.dump()}));
  if (run.findings == 0) return {};
  details = details_of(run);
  details["count"] = run.findings;
  details["urgent"] = urgent;
  VEDETTE_TRY(
      parts_.ledger.append(tx, {ledger::Kind::findings_proposed, claim.subject, actor_of(run), details.dump()}));
  return {};
}

Result<void> Analysis::publish(const jobs::Claim& claim, const Tool& tool, Run run, Outcome outcome) {
  const bool once_more = outcome.state == Outcome::State::failed && outcome.again && run.attempt < crash_attempts;
  return parts_.ledger.record([&](Transaction& tx) -> Result<void> {
    VEDETTE_TRY(parts_.jobs.hold(tx, claim));
    const Instant now = parts_.clock.now();
    const auto study = VEDETTE_TRY(parts_.catalogue.study(tx, run.study_uid));
    if (!study || study->version != run.generation) {
      end(run, "superseded", "run.superseded", "More images arrived while the tool ran.", now);
      VEDETTE_TRY(update_run(tx, run));
      return parts_.jobs.finish(tx, claim);
    }
    run.seconds = outcome.seconds;
    run.input_digest = outcome.input_digest;
    run.provenance = outcome.provenance;
    json steps = json::array();
    for (const StepTime& step : outcome.steps) steps.push_back({{"name", step.name}, {"seconds", step.seconds}});
    run.steps = steps.dump(-1, ' ', false, json::error_handler_t::replace);
    end(run, name_of(outcome.state), outcome.code, outcome.text, now);
    if (once_more) run.state = "queued";
    if (!once_more) {
      const auto gone = VEDETTE_TRY(parts_.findings.withdraw(tx, run.study_uid, run.tool_id, run.id, now));
      if (!gone.empty()) {
        json details{{"tool", run.tool_id},
                     {"version", run.tool_version},
                     {"count", gone.size()},
                     {"generation", run.generation},
                     {"reason", "superseded"}};
        VEDETTE_TRY(
            parts_.ledger.append(tx, {ledger::Kind::findings_withdrawn, claim.subject, "node", details.dump()}));
      }
    }
    json details = details_of(run);
    details["code"] = run.code;
    switch (outcome.state) {
      case Outcome::State::done:
        run.progress = 1;
        VEDETTE_TRY(propose(tx, claim, tool, run, outcome));
        break;
      case Outcome::State::refused:
        VEDETTE_TRY(
            parts_.ledger.append(tx, {ledger::Kind::tool_refused, claim.subject, actor_of(run), details.dump()}));
        break;
      case Outcome::State::failed:
        details["attempt"] = run.attempt;
        details["final"] = !once_more;
        if (outcome.ended && outcome.ended->signal != 0) details["signal"] = outcome.ended->signal;
        VEDETTE_TRY(
            parts_.ledger.append(tx, {ledger::Kind::tool_failed, claim.subject, actor_of(run), details.dump()}));
        break;
      case Outcome::State::not_applicable:
      case Outcome::State::stopped:
        break;
    }
    VEDETTE_TRY(update_run(tx, run));
    crash_point("analysis.publishing");
    if (outcome.state != Outcome::State::failed) return parts_.jobs.finish(tx, claim);
    const Error cause{Fault::internal, run.code, fmt::format("{} failed on a study", run.tool_id)};
    VEDETTE_TRY(parts_.jobs.fail(tx, claim, cause, crash_attempts, crash_back_off, !once_more));
    return {};
  });
}

Result<void> Analysis::lost(Transaction& tx, const jobs::Dead& job) {
  if (job.kind != jobs::kind::tool_run) return {};
  auto run = VEDETTE_TRY(read_run(tx, run_id_of(job.payload)));
  if (!run || settled(*run)) return {};
  end(*run, "failed", "tool.lost", fmt::format("Tool failed: the node ended each time while {} ran.", run->tool_name),
      parts_.clock.now());
  VEDETTE_TRY(update_run(tx, *run));
  json details = details_of(*run);
  details["code"] = run->code;
  details["final"] = true;
  VEDETTE_TRY(parts_.ledger.append(tx, {ledger::Kind::tool_failed, job.subject, actor_of(*run), details.dump()}));
  return {};
}

Result<std::vector<Run>> Analysis::runs(Transaction& tx, const std::vector<std::string>& study_uids) const {
  std::vector<Run> out;
  for (const std::string& uid : study_uids) {
    for (Run& run : VEDETTE_TRY(read_newest_runs(tx, uid))) out.push_back(std::move(run));
  }
  return out;
}

Result<std::optional<Run>> Analysis::find(Transaction& tx, std::string_view run_id) const {
  return read_run(tx, run_id);
}

Result<std::vector<ToolRow>> Analysis::tools(Transaction& tx) const {
  std::vector<ToolRow> out;
  for (const Tool& tool : registry_.tools) {
    ToolRow row;
    row.tool = &tool;
    const Switch state = VEDETTE_TRY(read_switch(tx, tool.id));
    row.active = state.active;
    row.reason_code = state.code;
    row.reason_text = state.text;
    row.changed_by = state.by;
    row.changed_at = state.at;
    for (const auto& count : VEDETTE_TRY(
             tx.query("SELECT state, COUNT(*) FROM analysis_run WHERE tool_id = ? GROUP BY state", {tool.id}))) {
      if (count.text(0) == "done") row.done = count.integer(1);
      if (count.text(0) == "refused") row.refused = count.integer(1);
      if (count.text(0) == "failed") row.failed = count.integer(1);
    }
    std::vector<double> times;
    for (const auto& time : VEDETTE_TRY(tx.query("SELECT seconds FROM analysis_run WHERE tool_id = ? AND state = "
                                                 "'done' ORDER BY finished_at DESC LIMIT 100",
                                                 {tool.id}))) {
      times.push_back(time.number(0));
    }
    if (!times.empty()) {
      std::sort(times.begin(), times.end());
      row.median_seconds = times[times.size() / 2];
    }
    out.push_back(std::move(row));
  }
  return out;
}

Result<void> Analysis::set_active(std::string_view tool_id, bool active, std::string_view reason_code,
                                  std::string_view reason_text, std::string_view by, std::string_view actor) {
  const Tool* tool = registry_.find(tool_id);
  if (tool == nullptr) {
    return Error{Fault::not_found, "tool.not_found", "There is no such tool", "", "See the list of tools."};
  }
  VEDETTE_TRY(parts_.ledger.record([&](Transaction& tx) -> Result<void> {
    VEDETTE_TRY(write_switch(
        tx, tool_id,
        {active, std::string(reason_code), std::string(reason_text), std::string(by), parts_.clock.now()}));
    const json details{{"tool", tool->id}, {"version", tool->version}, {"scope", "centre"}, {"reason", reason_code}};
    VEDETTE_TRY(parts_.ledger.append(tx, {active ? ledger::Kind::tool_activated : ledger::Kind::tool_stopped, "",
                                          std::string(actor), details.dump()}));
    return {};
  }));
  if (active) return {};
  const std::scoped_lock lock(mutex_);
  auto [from, to] = running_.equal_range(tool_id);
  for (auto each = from; each != to; ++each) each->second.request_stop();
  return {};
}

}  // namespace vedette::analysis
