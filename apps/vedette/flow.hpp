#pragma once

#include <functional>
#include <iterator>
#include <string_view>
#include <thread>

#include "database/database.hpp"
#include "jobs/jobs.hpp"
#include "ledger/ledger.hpp"

namespace vedette::app {

/// One arrow of the choreography: when this line stands in the ledger, that job is queued.
struct Step {
  ledger::Kind when;
  std::string_view job;
  std::string_view named_by;  ///< the detail of the line that names the job; "" : one job per line
  int priority;               ///< 0 immediate … 3 routine
};

/// The whole way of a study. Rooms append lines and never call each other; this table is the only place where one leads
/// to the next.
inline constexpr Step flow[] = {
    // a study has all its images    → decide which tools look at it
    {ledger::Kind::study_completed, jobs::kind::analysis_plan, "", 1},
    // a tool is to look at it       → run it, in a sandbox
    {ledger::Kind::tool_planned, jobs::kind::tool_run, "run", 2},
    // it has proposed something     → write the proposed objects
    {ledger::Kind::tool_finished, jobs::kind::report_publish, "run", 2},
    // what counts for the place has changed → say where a study's level in force changed
    {ledger::Kind::findings_proposed, jobs::kind::priority_order, "", 1},
    {ledger::Kind::verdict_given, jobs::kind::priority_order, "", 1},
    {ledger::Kind::verdict_undone, jobs::kind::priority_order, "", 1},
    // a person signed               → write the signed objects
    {ledger::Kind::study_signed, jobs::kind::report_publish, "signature", 0},
    // an object is ready            → bring it to each destination
    {ledger::Kind::delivery_queued, jobs::kind::delivery_send, "delivery", 1},
};

/// True when every job of the table of jobs is queued by some line, and every queued job is in the table.
constexpr bool flow_is_whole() {
  for (const jobs::JobRow& row : jobs::job_rows) {
    bool queued = false;
    for (const Step& step : flow) queued = queued || step.job == row.kind;
    if (!queued) return false;
  }
  for (const Step& step : flow) {
    if (jobs::row_of(step.job) == nullptr) return false;
    const std::string_view keys = ledger::row_of(step.when).keys;
    if (!step.named_by.empty() && keys.find(step.named_by) == std::string_view::npos) return false;
  }
  return true;
}
static_assert(flow_is_whole(), "a job that no line of the ledger leads to, or a line that leads to no job");

/// Follows the ledger with a cursor that is a row: the jobs of a line are queued in the transaction that moves the
/// cursor past it, so a crash neither loses nor doubles one.
class Dispatcher {
 public:
  Dispatcher(database::Database& database, ledger::Ledger& ledger, jobs::Jobs& jobs);
  /// Queues the jobs of all lines there are; answers the last line seen.
  Result<std::int64_t> catch_up();
  void start();
  void stop();

 private:
  database::Database& database_;
  ledger::Ledger& ledger_;
  jobs::Jobs& jobs_;
  std::jthread thread_;
};

std::span<const database::Migration> flow_migrations();

}  // namespace vedette::app
