#include "database/migration.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace vedette::database {

namespace {

std::string_view module_of(std::string_view name) {
  return name.substr(0, name.rfind('.'));
}

}  // namespace

std::string checksum_of(const Migration& step) {
  return sha256(as_bytes(step.sql)).hex();
}

Result<std::vector<Migration>> steps_to_run(std::span<const Migration> steps, std::span<const AppliedStep> applied) {
  std::map<std::string_view, std::string_view> checksums;
  for (const AppliedStep& step : applied) checksums.emplace(step.name, step.checksum);

  std::set<std::string_view> names, modules, incomplete;
  std::vector<Migration> missing;
  for (const Migration& step : steps) {
    const std::string_view module = module_of(step.name);
    modules.insert(module);
    if (!names.insert(step.name).second) {
      return Error{Fault::internal, "database.step_twice", "A step of the schema is named twice",
                   std::string(step.name)};
    }
    const auto found = checksums.find(step.name);
    if (found == checksums.end()) {
      missing.push_back(step);
      incomplete.insert(module);
      continue;
    }
    if (found->second != checksum_of(step)) {
      return Error{Fault::refused, "database.step_changed",
                   "A step of the schema was changed after it had been applied", std::string(step.name),
                   "Run the program version that wrote this data folder, or restore the step and add a new one."};
    }
    if (incomplete.contains(module)) {
      return Error{Fault::refused, "database.step_missing", "An earlier step of the schema was never applied",
                   std::string(step.name), "Run 'vedette doctor', or restore the data folder from a backup."};
    }
  }
  for (const AppliedStep& step : applied) {
    if (modules.contains(module_of(step.name)) && !names.contains(step.name)) {
      return Error{Fault::refused, "database.newer", "The data folder was written by a newer version of the program",
                   step.name, "Start that version, or restore a backup from before the update."};
    }
  }
  return missing;
}

}  // namespace vedette::database
