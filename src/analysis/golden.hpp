#pragma once

#include <string>
#include <vector>

#include "analysis/run.hpp"

namespace vedette::analysis {

/// How one golden case went.
struct GoldenResult {
  enum class State : std::uint8_t { passed, failed, skipped };
  State state = State::failed;
  std::string name;
  std::vector<std::string> lines;  ///< what was compared, each with the value found and the one expected
  double seconds = 0;
};

/// The case's folder; variables of the environment in it are replaced.
std::string golden_folder(const Tool& tool, const Golden& golden);

/// Runs one case in the sandbox and compares. Skipped where its input is not here. Fails as run_folder.
Result<GoldenResult> run_golden(const Tool& tool, const Golden& golden, const RunOptions& options);

}  // namespace vedette::analysis
