#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "analysis/gate.hpp"
#include "analysis/images.hpp"
#include "analysis/output.hpp"
#include "analysis/tool.hpp"
#include "engine/child.hpp"
#include "engine/warm.hpp"

namespace vedette::analysis {

struct RunOptions {
  std::string work_folder;         ///< where the run's folder is made; empty: the system's temporary folder
  std::uint64_t memory_bytes = 0;  ///< upper bounds of the node (settings tools.*); 0: only the tool's own
  int seconds = 0;
  std::function<void(double share, std::string_view text)> progress{};  ///< 0…1; text is the tool's: show, never log
  std::stop_token stop{};
  /// Keeps networks loaded between runs; none: each run loads its own.
  engine::Warm* networks = nullptr;
  engine::Urgency urgency = engine::Urgency::routine;
};

/// How a tool's look at one study ended.
struct Outcome {
  enum class State : std::uint8_t { done, refused, failed, not_applicable, stopped };
  State state = State::failed;
  std::string code, text;  ///< coded reason and words, when not done: "tool failed: <name> stopped at its time limit …"
  bool again = false;      ///< a crash: may be tried once more
  std::vector<Proposal> proposals;
  std::vector<std::string> limits;
  std::vector<StepTime> steps;
  std::string provenance = "{}";
  std::vector<std::string> series;  ///< UIDs that the tool was given
  std::string input_digest;         ///< SHA-256 over the digests of the images given, in their order
  std::optional<engine::Ended> ended;
  double seconds = 0;
};
std::string_view name_of(Outcome::State state);  ///< "done", "refused", "failed", "not_applicable", "stopped"

/// Gates, hands over, runs in the sandbox, checks the answer. A tool that fails is an Outcome, not an Error: Errors are
/// those of this machine (no sandbox, no disk).
Result<Outcome> run_tool(const Tool& tool, const ImageStudy& study, const RunOptions& options);

/// `vedette tool run`: a folder of DICOM files without a node.
struct FolderRun {
  Outcome outcome;
  ImageStudy study;  ///< the one that was looked at
  std::vector<finding::Finding>
      findings;  ///< with number, study and tracking UID; masks are in outcome.proposals, same order
};
/// Fails not_found where the folder holds no images. Of several studies, one must be for the tool, else
/// "input.studies".
Result<FolderRun> run_folder(const Tool& tool, const std::string& input, const RunOptions& options);
/// findings.json of the outer contract: {tool, state, reason, findings}. States other than done and failed are
/// "refused".
std::string findings_json(const Tool& tool, const FolderRun& run);

}  // namespace vedette::analysis
