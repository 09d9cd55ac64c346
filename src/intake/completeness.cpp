#include "intake/completeness.hpp"

#include <algorithm>

namespace vedette::intake {

namespace {

constexpr microseconds least_quiet{300'000};

Judgement after(microseconds silence, microseconds wait, std::string_view by) {
  if (silence >= wait) return {true, by, microseconds{0}};
  return {false, by, wait - silence};
}

}  // namespace

Judgement judge(const Evidence& evidence, microseconds quiet) {
  const microseconds adaptive = std::min(quiet, std::max(least_quiet, 4 * evidence.largest_gap));
  const bool counted = evidence.expected > 0 && evidence.received >= evidence.expected;
  const bool stepped = evidence.steps == Steps::reached;
  // Where one of the two says that more is on its way, the other is not believed alone.
  const bool more = (evidence.expected > 0 && !counted) || evidence.steps == Steps::awaited;
  const bool reached = !more && (stepped || counted);
  const std::string_view by = stepped ? "mpps" : "counts";
  if (evidence.session_open) {
    return after(std::min(evidence.silence, evidence.activity), reached ? adaptive : quiet, reached ? by : "quiet");
  }
  if (reached) return {true, by, microseconds{0}};
  // Nothing is gained by being quick.
  if (!evidence.orderly || more) return after(evidence.silence, quiet, "quiet");
  return after(evidence.silence, adaptive, "release");
}

}  // namespace vedette::intake
