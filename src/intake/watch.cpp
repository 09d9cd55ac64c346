// The watch over studies that are receiving: when is one complete?
#include <algorithm>

#include "base/log.hpp"
#include "intake/core.hpp"

namespace vedette::intake {

namespace {

constexpr std::chrono::seconds after_failure{1};

}  // namespace

/// Brings the counts of a study from the index; a study that is not receiving any more needs no watch.
Result<void> Core::count(const std::string& study_uid) {
  std::optional<study::Study> found;
  Steps steps = Steps::none;
  std::uint64_t steps_before = 0;
  {
    const std::lock_guard lock(mutex_);
    steps_before = steps_taken_;
  }
  VEDETTE_TRY(parts_.catalogue.database().read([&](database::Transaction& tx) -> Result<void> {
    found = VEDETTE_TRY(parts_.catalogue.study(tx, study_uid));
    if (found && found->state == study::State::receiving) steps = VEDETTE_TRY(steps_of(tx, *found));
    return {};
  }));
  const std::lock_guard lock(mutex_);
  const auto watch = watches_.find(study_uid);
  if (watch == watches_.end() || watch->second.waiting > 0) return {};
  if (!found || found->state != study::State::receiving) {
    watches_.erase(watch);
    return {};
  }
  watch->second.received = found->received_instances;
  watch->second.expected = found->expected_instances;
  watch->second.steps = steps;
  watch->second.counted = steps_taken_ == steps_before;  // otherwise what was read may be from before the step
  return {};
}

std::vector<std::pair<std::string, std::string_view>> Core::due(microseconds now) {
  const microseconds limit = quiet();
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, std::string_view>> out;
  for (auto& [uid, watch] : watches_) {
    if (watch.waiting > 0 || !watch.counted || watch.next_look > now) continue;
    Evidence evidence;
    evidence.silence = evidence.activity = now - watch.last.value_or(now);
    for (const std::int64_t session : watch.open) {
      if (const auto found = sessions_.find(session); found != sessions_.end()) {
        evidence.activity = std::min(evidence.activity, now - found->second.last_byte);
      }
    }
    evidence.largest_gap = watch.largest_gap;
    evidence.session_open = !watch.open.empty();
    evidence.orderly = watch.orderly;
    evidence.received = watch.received;
    evidence.expected = watch.expected;
    evidence.steps = watch.steps;
    const Judgement judgement = judge(evidence, limit);
    if (judgement.complete) {
      out.emplace_back(uid, judgement.by);
    } else if (!evidence.session_open) {
      watch.next_look = now + judgement.look_again;
    }
  }
  return out;
}

Result<void> Core::complete(const std::string& study_uid, std::string_view by) {
  return parts_.ledger.record([&](database::Transaction& tx) -> Result<void> {
    const std::optional<study::Study> found = VEDETTE_TRY(parts_.catalogue.study(tx, study_uid));
    if (!found || found->state != study::State::receiving) return {};
    const Instant now = parts_.clock.now();
    VEDETTE_TRY(parts_.catalogue.move(tx, study_uid, study::State::complete, now));
    // Whatever made it complete: what its modality made and did not send is said.
    const std::int64_t missing = VEDETTE_TRY(missing_of(tx, study_uid));
    const std::string lacking = missing > 0 ? R"(,"missing":)" + std::to_string(missing) : "";
    const std::string details = R"({"images":)" + std::to_string(found->received_instances) + R"(,"series":)" +
                                std::to_string(found->received_series) + R"(,"evidence":")" + std::string(by) + "\"" +
                                lacking + R"(,"generation":)" + std::to_string(found->version) + R"(,"seconds":)" +
                                std::to_string((to_row(now) - to_row(found->received_at)) / 1'000'000) + "}";
    VEDETTE_TRY(parts_.ledger.append(tx, {ledger::Kind::study_completed, found->pseudonym, "node", details}));
    return {};
  });
}

bool Core::is_arriving(const std::string& study_uid) const {
  const std::lock_guard lock(mutex_);
  const auto watch = watches_.find(study_uid);
  return watch != watches_.end() && watch->second.waiting > 0;
}

void Core::look_after_studies() {
  std::vector<std::string> uncounted;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [uid, watch] : watches_) {
      if (watch.waiting == 0 && !watch.counted && watch.next_look <= parts_.clock.steady()) uncounted.push_back(uid);
    }
  }
  const auto put_off = [&](const std::string& uid, const Error& error) {
    log::failure("intake.watch", error);
    const std::lock_guard lock(mutex_);
    if (const auto watch = watches_.find(uid); watch != watches_.end())
      watch->second.next_look = parts_.clock.steady() + after_failure;
  };
  for (const std::string& uid : uncounted) {
    if (auto done = count(uid); !done) put_off(uid, done.error());
  }
  for (const auto& [uid, by] : due(parts_.clock.steady())) {
    if (is_arriving(uid)) continue;
    if (auto done = complete(uid, by); !done) {
      put_off(uid, done.error());
      continue;
    }
    const std::lock_guard lock(mutex_);
    // What came while it was being completed is not in the index yet: it will reopen the study and watch it anew.
    if (const auto watch = watches_.find(uid); watch != watches_.end() && watch->second.waiting == 0)
      watches_.erase(watch);
  }
}

}  // namespace vedette::intake
