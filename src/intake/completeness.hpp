#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.hpp"

namespace vedette::intake {

/// What the performed procedure steps of a study tell (PS3.4 Annex F).
enum class Steps : std::uint8_t {
  none,     ///< nothing: no step, or only steps without images
  awaited,  ///< a step is in progress, or an ended one names an instance that is not here
  reached,  ///< all steps have ended, and all that they name is here
};

/// What is known about a study that is still receiving.
struct Evidence {
  microseconds silence{0};      ///< since its last instance
  microseconds activity{0};     ///< since the last byte of a session that brought it, where one is open
  microseconds largest_gap{0};  ///< between its instances so far
  bool session_open = false;    ///< a session that brought it is still open
  bool orderly = false;         ///< all its sessions ended in good order
  std::int64_t received = 0;
  std::int64_t expected = 0;  ///< 0: no header tells
  Steps steps = Steps::none;
};

struct Judgement {
  bool complete = false;
  std::string_view by;         ///< code for the ledger: "mpps", "counts", "release", "quiet"
  microseconds look_again{0};  ///< when not complete: how long from now
};

/// Complete by evidence: all sessions closed and the steps or the expected count reached, with neither of the two
/// telling otherwise: at once. All sessions closed in good order, and nothing known to be missing: after four times the
/// largest gap seen, at least 0.3 s. Otherwise, and while a session is open: after `quiet` without a byte. Never longer
/// than `quiet`: a step in progress or an instance that never comes holds a study back no longer.
Judgement judge(const Evidence& evidence, microseconds quiet);

}  // namespace vedette::intake
