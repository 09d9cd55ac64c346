#pragma once

#include <span>
#include <string>
#include <vector>

#include "database/database.hpp"

namespace vedette::database {

/// A step as the database remembers it.
struct AppliedStep {
  std::string name;
  std::string checksum;  ///< hex SHA-256 of its SQL
};

std::string checksum_of(const Migration& step);

/// Which of `steps` are still to run, in order. Fails refused where a step was changed after it ran, where the database
/// knows steps of these modules that the program lacks (it was written by a newer one), or where an older step is
/// missing below an applied one. Modules that `steps` does not name are left alone.
Result<std::vector<Migration>> steps_to_run(std::span<const Migration> steps, std::span<const AppliedStep> applied);

}  // namespace vedette::database
