#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "jobs/jobs.hpp"

namespace vedette::jobs {

inline constexpr int lowest_priority = 3;

using WhenLost = std::function<Result<void>(database::Transaction&, const Dead&)>;

/// A job that may be started now.
struct Due {
  std::int64_t id = 0;
  std::string kind, key, subject, payload;
  std::int64_t priority = 0, not_before = 0;
  int attempt = 0;  ///< starts so far
  int lost = 0;     ///< of these, how many ended without an answer
  bool lease_over = false;
};

/// The next number of the one counter that ids and fencing tokens come from.
Result<std::int64_t> next_token(database::Transaction& tx);
/// By priority, then earliest start, then age; a job whose lease is over counts from its old place.
Result<std::optional<Due>> most_urgent(database::Transaction& tx, const std::vector<std::string>& kinds, Instant now);
Result<Claim> lease_out(database::Transaction& tx, const Due& due, const std::string& worker, Instant now,
                        seconds lease);
/// Makes it a dead letter whose workers kept ending without an answer.
Result<void> bury(database::Transaction& tx, const Due& due, Instant now, const WhenLost& tell);

}  // namespace vedette::jobs
