#pragma once

#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/settings.hpp"
#include "database/database.hpp"
#include "jobs/jobs.hpp"

namespace vedette::app {

/// Takes jobs from the queue and hands each to the room that runs its kind. The lease is renewed while a room works;
/// what a room does not settle itself is settled here: failed with its cause, queued again or made a dead letter.
class Workers {
 public:
  using Run = std::function<Result<void>(const jobs::Claim&, std::stop_token)>;
  struct Lane {
    std::string name;
    std::size_t threads = 1;
    std::vector<std::string> kinds;
  };

  Workers(database::Database& database, jobs::Jobs& jobs, const Clock& clock, const Settings& settings);
  void on(std::string_view kind, Run run);
  /// Fails internal when a kind of the table of jobs has no room, or a lane names an unknown kind.
  Result<void> start(const std::vector<Lane>& lanes);
  /// Asks the rooms to end, hands back what they did not finish.
  void stop();

 private:
  void work(const std::string& name, const std::vector<std::string>& kinds, std::stop_token stop);
  void run_one(const jobs::Claim& claim, std::stop_token stop);

  database::Database& database_;
  jobs::Jobs& jobs_;
  const Clock& clock_;
  const Settings& settings_;
  std::map<std::string, Run, std::less<>> runs_;
  std::vector<std::jthread> threads_;
};

}  // namespace vedette::app
