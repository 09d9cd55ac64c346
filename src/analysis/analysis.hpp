#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/images.hpp"
#include "analysis/run.hpp"
#include "analysis/tool.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/settings.hpp"
#include "database/database.hpp"
#include "finding/finding.hpp"
#include "jobs/jobs.hpp"
#include "ledger/ledger.hpp"
#include "study/catalogue.hpp"
#include "vault/vault.hpp"

namespace vedette::analysis {

/// One look of one tool at one version of a study. A row.
struct Run {
  std::string id, study_uid, tool_id, tool_version, tool_name, tool_digest;
  int generation = 1;  ///< version of the study
  bool demonstrator = false;
  /// queued → running → done | refused | failed | stopped; not_applicable and stopped also straight from planning;
  /// superseded when a newer version of the study is there.
  std::string state;
  std::string code, text;  ///< reason when not done; text is ready to show
  double progress = 0;     ///< 0…1
  std::string progress_text;
  std::int64_t findings = 0;
  int attempt = 0;
  double seconds = 0;
  std::string input_digest, provenance = "{}", steps = "[]";  ///< JSON
  Instant planned_at;
  std::optional<Instant> started_at, finished_at;
};

/// A tool with its switch and its record.
struct ToolRow {
  const Tool* tool = nullptr;  ///< lives as long as the Analysis
  bool active = true;
  std::string reason_code, reason_text, changed_by;  ///< of the last change; empty when never changed
  std::optional<Instant> changed_at;
  std::int64_t done = 0, refused = 0, failed = 0;
  std::optional<double> median_seconds;  ///< of the last 100 finished runs
};

struct Parts {
  database::Database& database;
  vault::Blobs& blobs;
  study::Catalogue& catalogue;
  finding::Findings& findings;
  ledger::Ledger& ledger;
  jobs::Jobs& jobs;
  const Clock& clock;
  const Settings& settings;
  std::string tools_folder;   ///< empty: VEDETTE_TOOLS, else `tools` beside the running program
  std::string work_folder{};  ///< where runs get their folders; empty: the system's temporary folder
};

/// The room: plans which tools look at a complete study, runs them, publishes what they propose. Thread-safe.
class Analysis {
 public:
  /// Reads the tools; those that cannot be read are left out, logged and kept in registry().faults.
  static Result<std::unique_ptr<Analysis>> open(Parts parts);

  /// Job analysis.plan (subject: pseudonym of the study): one row per tool, a line tool.planned for each that is to
  /// run.
  Result<void> plan(const jobs::Claim& claim);
  /// Job tool.run (payload.details.run: id of the row). Ends with the row settled and the job finished in one
  /// transaction; fails only where the database or the vault does. When `stop` is requested the job is handed back.
  Result<void> run(const jobs::Claim& claim, std::stop_token stop);
  /// For jobs::Jobs::when_lost: a tool.run job whose workers kept ending makes its row failed.
  Result<void> lost(database::Transaction& tx, const jobs::Dead& job);

  const Registry& registry() const { return registry_; }
  /// Runs of each study's newest generation, by tool id. Studies in any order; those without runs give none.
  Result<std::vector<Run>> runs(database::Transaction& tx, const std::vector<std::string>& study_uids) const;
  Result<std::optional<Run>> find(database::Transaction& tx, std::string_view run_id) const;
  Result<std::vector<ToolRow>> tools(database::Transaction& tx) const;
  /// Stopping a tool ends its running jobs too, here and (within two seconds) in other processes. `by`: display name
  /// for the page; `actor`: pseudonym for the ledger; `reason_text` stays out of the ledger. Fails not_found
  /// "tool.not_found".
  Result<void> set_active(std::string_view tool_id, bool active, std::string_view reason_code,
                          std::string_view reason_text, std::string_view by, std::string_view actor);

 private:
  Analysis(Parts parts, Registry registry) : parts_(std::move(parts)), registry_(std::move(registry)) {}
  Result<bool> has_room(const jobs::Claim& claim);
  Result<std::optional<Run>> begin(const jobs::Claim& claim, const std::string& run_id);
  Result<Outcome> look(const Tool& tool, const Run& run, const ImageStudy& study, std::stop_token stop);
  Result<void> publish(const jobs::Claim& claim, const Tool& tool, Run run, Outcome outcome);
  Result<void> keep_masks(std::vector<Proposal>& proposals);
  Result<void> propose(database::Transaction& tx, const jobs::Claim& claim, const Tool& tool, Run& run,
                       Outcome& outcome);
  Result<ImageStudy> images_of(database::Transaction& tx, const Tool& tool, const std::string& study_uid) const;

  Parts parts_;
  Registry registry_;
  std::mutex mutex_;
  std::multimap<std::string, std::stop_source, std::less<>> running_;  ///< by tool id
};

std::span<const database::Migration> migrations();

}  // namespace vedette::analysis
