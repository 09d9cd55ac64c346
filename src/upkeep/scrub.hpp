#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "database/database.hpp"
#include "vault/inspect.hpp"

namespace vedette::upkeep {

struct ScrubOptions {
  std::string vault_folder;
  bool beside_a_node = false;
  std::int64_t bytes_per_second = 0;  ///< 0: as fast as the disk
  std::function<void(const vault::InspectProgress&, std::int64_t faults)> progress{};
};

struct ScrubFault {
  std::string what;  ///< "instance … of series … of study …", "mask of finding …": for the terminal of an
                     ///< administrator, never for a log
  Error error;
};

struct ScrubReport {
  std::int64_t records = 0, instances = 0, bytes = 0;
  std::int64_t erased = 0;   ///< records that were erased, or kept aside by a power cut
  std::int64_t waiting = 0;  ///< not in the index yet: the node brings it up when it starts
  std::int64_t unowned = 0;  ///< whole blobs that no row points to (a run that ended before it published)
  std::int64_t faults = 0;
  std::vector<ScrubFault> first;  ///< the first hundred of them
};

/// Re-hashes every blob, and compares vault and index both ways. Fails only where it cannot read; faults are in the
/// report.
Result<ScrubReport> scrub(database::Database& database, const ScrubOptions& options);

}  // namespace vedette::upkeep
