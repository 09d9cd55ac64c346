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
  if (evidence.session_open) {
    return after(std::min(evidence.silence, evidence.activity), counted ? adaptive : quiet,
                 counted ? "counts" : "quiet");
  }
  if (counted) return {true, "counts", microseconds{0}};
  // A count that is known and not reached: more is on its way, so nothing is gained by being quick.
  if (!evidence.orderly || evidence.expected > 0) return after(evidence.silence, quiet, "quiet");
  return after(evidence.silence, adaptive, "release");
}

}  // namespace vedette::intake
