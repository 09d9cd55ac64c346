#pragma once

#include <string>
#include <vector>

#include "analysis/tool.hpp"
#include "base/result.hpp"

namespace vedette::analysis {

struct Remark {
  bool error = false;  ///< else a warning: the tool may run
  std::string code, text, where, remedy;
};

/// What `vedette tool check` found.
struct CheckReport {
  std::vector<Remark> remarks;
  std::vector<std::string> networks;  ///< one line each: operators, inputs, outputs
  std::vector<std::string> steps;     ///< one line each: what comes out of it

  bool ok() const;
};

/// Structure, licence, codes and units, the networks' files and operators, shapes and units through the whole pipeline,
/// golden cases that are there. Nothing is computed.
CheckReport check_tool(const Tool& tool);

/// The pipeline against the files alone; what the node does before a tool is let in. Fails with the first fault.
Result<void> check_pipeline(const Tool& tool);

}  // namespace vedette::analysis
