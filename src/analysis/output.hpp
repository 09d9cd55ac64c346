#pragma once

#include <string>
#include <vector>

#include "analysis/tool.hpp"
#include "base/result.hpp"
#include "finding/finding.hpp"
#include "voxel/geometry.hpp"

namespace vedette::analysis {

/// A finding with its mask still in memory (empty where the region is no mask): bytes [slice,row,column], 1 inside, on
/// the slices that finding.region.mask_instances names.
struct Proposal {
  finding::Finding finding;
  std::string mask;
};

struct StepTime {
  std::string name;
  double seconds = 0;
};

/// What the tool's program answered, checked.
struct Answer {
  enum class State : std::uint8_t { done, refused, failed };
  State state = State::failed;
  std::string code, text;  ///< reason when not done
  std::vector<Proposal> proposals;
  std::vector<std::string> limits;
  std::vector<StepTime> steps;
  std::string provenance = "{}";  ///< JSON object
};

/// The series that were handed to the tool: only these may be named by its findings.
struct GivenSeries {
  std::string uid, frame_of_reference_uid;
  std::vector<voxel::Plane> planes;
};

struct OutputLimits {
  std::uint64_t document_bytes = 32ULL << 20;
  std::size_t findings = 1000;
  std::size_t measurements = 64;
};

/// Reads and checks `folder`/output.json and the masks it names. Nothing that breaks the contract gets through: fails
/// malformed with "output.json", "output.number", "output.unit", "output.mask", "output.reference", "output.too_many",
/// "output.wording" … naming the member.
Result<Answer> read_answer(const std::string& folder, const Tool& tool, const std::vector<GivenSeries>& given,
                           const OutputLimits& limits = {});

/// A word that only a person may say ("normal", "cancer" …) in a text of a tool; "" when there is none.
std::string forbidden_word(std::string_view text);

}  // namespace vedette::analysis
