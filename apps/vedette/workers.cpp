#include "workers.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"

namespace vedette::app {

Workers::Workers(database::Database& database, jobs::Jobs& jobs, const Clock& clock, const Settings& settings)
    : database_(database), jobs_(jobs), clock_(clock), settings_(settings) {}

void Workers::on(std::string_view kind, Run run) {
  runs_[std::string(kind)] = std::move(run);
}

Result<void> Workers::start(const std::vector<Lane>& lanes) {
  for (const jobs::JobRow& row : jobs::job_rows) {
    if (!runs_.contains(row.kind))
      return Error{Fault::internal, "workers.kind", "A kind of job has no room that runs it", std::string(row.kind)};
  }
  for (const Lane& lane : lanes) {
    for (std::size_t i = 0; i < lane.threads; ++i) {
      threads_.emplace_back(
          [this, lane, i](std::stop_token stop) { work(fmt::format("{}-{}", lane.name, i + 1), lane.kinds, stop); });
    }
  }
  return {};
}

void Workers::work(const std::string& name, const std::vector<std::string>& kinds, std::stop_token stop) {
  while (!stop.stop_requested()) {
    const auto claim = jobs_.claim(kinds, name, seconds{settings_.integer("jobs.lease_seconds")});
    if (!claim) {
      log::failure("jobs.claim_failed", claim.error());
      (void)clock_.sleep(seconds{1}, stop);
    } else if (claim->has_value()) {
      run_one(**claim, stop);
    } else {
      (void)jobs_.wait(seconds{1}, stop);
    }
  }
}

void Workers::run_one(const jobs::Claim& claim, std::stop_token stop) {
  const seconds lease{settings_.integer("jobs.lease_seconds")};
  std::stop_source lost;
  // The room ends when the node stops or when the lease is lost to another worker.
  const std::stop_callback stopped(stop, [&] { lost.request_stop(); });
  std::jthread heart([&](std::stop_token beat) {
    while (clock_.sleep(std::chrono::duration_cast<microseconds>(lease) / 3, beat)) {
      if (const auto renewed = jobs_.renew(claim, lease); !renewed && renewed.error().fault == Fault::conflict) {
        lost.request_stop();
        return;
      }
    }
  });
  const Result<void> done = runs_.find(claim.kind)->second(claim, lost.get_token());
  heart.request_stop();
  heart.join();
  if (done) return;
  if (stop.stop_requested()) {
    if (const auto back = jobs_.hand_back(claim); !back && back.error().fault != Fault::conflict)
      log::failure("jobs.hand_back_failed", back.error());
    return;
  }
  if (done.error().code == "jobs.lease_lost") {
    log::warning("jobs.lease_lost", {{"kind", claim.kind}, {"attempt", claim.attempt}});
    return;
  }
  log::failure("job.failed", done.error(), {{"kind", claim.kind}, {"attempt", claim.attempt}});
  const auto settled = database_.write([&](database::Transaction& tx) -> Result<void> {
    VEDETTE_TRY(jobs_.fail(tx, claim, done.error(), static_cast<int>(settings_.integer("jobs.attempts")),
                           seconds{std::min(60, 2 << claim.attempt)}));
    return {};
  });
  if (!settled && settled.error().code != "jobs.lease_lost")
    log::failure("job.not_settled", settled.error(), {{"kind", claim.kind}});
  jobs_.wake();
}

void Workers::stop() {
  for (std::jthread& thread : threads_) thread.request_stop();
  jobs_.wake();
  threads_.clear();
}

}  // namespace vedette::app
