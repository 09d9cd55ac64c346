#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/settings.hpp"
#include "finding/finding.hpp"

namespace vedette::priority {

/// How soon a study should be read; the smaller the sooner.
using Level = finding::Urgency;
inline constexpr std::size_t levels = 4;

/// Targets and caps by level, and the pace that turns a place into a time.
struct Policy {
  std::array<microseconds, levels> target{};
  std::array<microseconds, levels> cap{};
  microseconds pace{};  ///< mean time between two cases being taken from the list
  double lift = 0.9;    ///< share of its cap at which a case goes ahead of its level

  /// From priority.target_minutes, priority.cap_minutes and priority.pace_minutes. Fails refused where a level is
  /// missing or a cap is under its target.
  static Result<Policy> from(const Settings& settings);
};

/// A flag that counts: what raised the case and when. Flags that do not count (demonstrators, put back, not above the
/// order) are no raise.
struct Raise {
  Level level = Level::routine;
  Instant since;
};

/// What ordering needs of a case; nothing else may matter.
struct Case {
  std::string_view key;  ///< Study Instance UID; breaks ties and must be unique
  Level ordered = Level::routine;
  Instant since;  ///< complete, or received while it still arrives
  std::optional<Raise> raise;
};

/// One clock of a case, running from `since` to its target and its cap.
struct Wait {
  Instant since, target_at, cap_at;
  double share = 0;      ///< of the target used; 1 = target reached
  double cap_share = 0;  ///< of the cap used
};

struct Placed {
  int place = 0;             ///< 1 is next
  int place_without_ai = 0;  ///< the same queue with no flag on any case
  Level level = Level::routine;
  Wait ordered_wait;
  std::optional<Wait> raised_wait;
  bool raised = false;  ///< a flag made it more urgent than its order
  bool lifted = false;  ///< near a cap: ahead of its level, behind Immediate
  bool held = false;    ///< stands lower than its flag alone would put it, so that others keep their caps

  /// The clock nearer to its target.
  const Wait& shown() const {
    return raised_wait && raised_wait->share > ordered_wait.share ? *raised_wait : ordered_wait;
  }
};

Wait wait_of(const Policy& policy, Level level, Instant since, Instant now);

/// Orders a queue; the answer stands in the order of the input. Pure: a total order that does not depend on the order
/// of the input.
///
/// Level, then share of the target used, larger first; at `lift` of its cap a case goes ahead of its level, behind
/// Immediate, the nearest cap first. A flag raises and never lowers. No case passes its cap because of another's flag:
/// a case that is reached in time at its place without AI (place × pace before its cap) is reached in time at its place
/// with AI as well. The places are filled from the last to the first, each with the least urgent case that may stand so
/// far back (Lawler 1973 for unit times with deadlines); the order without AI is always one solution, so there is one.
/// O(n log n).
std::vector<Placed> order(std::span<const Case> cases, const Policy& policy, Instant now);

// ---- the mapping of other systems' codes (tables/priority_levels.tsv) ----

/// One row of the table.
struct LevelRow {
  std::string_view source;  ///< "fhir", "hl7", "dicom"
  std::string_view code;
  Level level;
};
std::span<const LevelRow> level_table();
/// Without regard to case and padding; nothing where the table does not know the code.
std::optional<Level> level_from(std::string_view source, std::string_view code);

}  // namespace vedette::priority
