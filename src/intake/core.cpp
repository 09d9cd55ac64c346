#include "intake/core.hpp"

#include <algorithm>

#include "base/crash_point.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

namespace vedette::intake {

namespace {

constexpr std::size_t batch_limit = 512;
// While sessions are open, what comes meanwhile shares one commit: the disk's flushes belong to the senders, who wait
// for them. A caller of settle() and the end of a session end the wait.
constexpr milliseconds linger{200};
constexpr milliseconds watch_step{25};  // longest real wait while a study is receiving
constexpr std::chrono::seconds idle_step{1};
constexpr std::chrono::seconds settle_limit{20};
constexpr int tries_of_one = 5;

constexpr database::Migration steps[] = {
    {"intake.1", "CREATE TABLE intake_position (id INTEGER PRIMARY KEY, position BIGINT NOT NULL)"},
    {"intake.2", R"sql(
CREATE TABLE intake_step (
  uid TEXT PRIMARY KEY,
  study_uid TEXT NOT NULL,
  state INTEGER NOT NULL,
  parts INTEGER NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX intake_step_by_study ON intake_step (study_uid);
CREATE TABLE intake_step_instance (
  step_uid TEXT NOT NULL,
  uid TEXT NOT NULL,
  series_uid TEXT NOT NULL,
  PRIMARY KEY (step_uid, uid)
)
)sql"},
};

}  // namespace

std::span<const database::Migration> migrations() {
  return steps;
}

Result<std::unique_ptr<Intake>> Intake::start(Parts parts) {
  auto core = std::make_unique<Core>(std::move(parts));
  VEDETTE_TRY(core->open());
  return std::unique_ptr<Intake>(std::move(core));
}

Result<void> Core::open() {
  VEDETTE_TRY(replay());
  std::vector<study::Study> receiving;
  VEDETTE_TRY(parts_.catalogue.database().read([&](database::Transaction& tx) -> Result<void> {
    receiving = VEDETTE_TRY(parts_.catalogue.receiving(tx));
    return {};
  }));
  for (const study::Study& one : receiving) {
    Watch watch;
    watch.last = parts_.clock.steady();
    watch.orderly = false;  // who brought it is not known any more
    watches_.emplace(one.uid, watch);
  }
  worker_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  return {};
}

microseconds Core::quiet() const {
  return microseconds{static_cast<std::int64_t>(parts_.settings.number("intake.quiet_seconds") * 1e6)};
}

ScanLimits Core::scan_limits() const {
  ScanLimits limits;
  limits.element_bytes = static_cast<std::uint64_t>(parts_.settings.integer("dicom.element_bytes"));
  limits.kept_bytes = static_cast<std::uint64_t>(parts_.settings.integer("dicom.header_bytes"));
  return limits;
}

std::uint64_t Core::inflated_limit() const {
  return static_cast<std::uint64_t>(parts_.settings.integer("dicom.inflated_bytes"));
}

std::uint64_t Core::object_limit() const {
  return static_cast<std::uint64_t>(parts_.settings.integer("dicom.object_bytes"));
}

// ---- what came before ----

Result<void> Core::replay() {
  VEDETTE_TRY(parts_.catalogue.database().read([&](database::Transaction& tx) -> Result<void> {
    const database::Rows found = VEDETTE_TRY(tx.query("SELECT position FROM intake_position WHERE id = 1"));
    if (!found.empty()) cursor_ = found[0].integer(0);
    return {};
  }));
  indexed_ = durable_ = cursor_;
  std::vector<Queued> batch;
  std::int64_t replayed = 0;
  std::int64_t last = cursor_;
  const auto flush = [&]() -> Result<void> {
    if (last > cursor_) VEDETTE_TRY(index(batch, last));
    replayed += static_cast<std::int64_t>(batch.size());
    batch.clear();
    return {};
  };
  VEDETTE_TRY(parts_.blobs.replay(cursor_, [&](const vault::Stored& stored) -> Result<void> {
    last = std::max(last, stored.position);
    if (!study::is_label(stored.label)) return {};  // a blob of another room
    batch.push_back({VEDETTE_TRY(study::from_label(stored.label)), stored});
    batch.back().stored.label.clear();
    return batch.size() < batch_limit ? Result<void>() : flush();
  }));
  VEDETTE_TRY(flush());
  indexed_ = durable_ = last;
  if (replayed > 0) log::info("intake.replayed", {{"instances", replayed}});
  return {};
}

// ---- sessions ----

std::int64_t Core::open_session(const std::string& kind, const std::string& name) {
  const std::lock_guard lock(mutex_);
  Session session;
  session.kind = kind;
  session.name = name;
  session.since = parts_.clock.now();
  session.last_byte = parts_.clock.steady();
  sessions_.emplace(next_session_, std::move(session));
  return next_session_++;
}

void Core::close_session(std::int64_t session, bool orderly) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(session);
    if (found == sessions_.end()) return;
    for (const std::string& study : found->second.studies) {
      const auto watch = watches_.find(study);
      if (watch == watches_.end()) continue;
      watch->second.open.erase(session);
      if (!orderly) watch->second.orderly = false;
      watch->second.next_look = microseconds{0};
    }
    sessions_.erase(found);
    session_ended_ = true;
  }
  changed_.notify_all();
}

void Core::touch(std::int64_t session) {
  const std::lock_guard lock(mutex_);
  if (const auto found = sessions_.find(session); found != sessions_.end())
    found->second.last_byte = parts_.clock.steady();
}

Intake::Traffic Core::traffic() const {
  const std::lock_guard lock(mutex_);
  Traffic out;
  out.per_minute.assign(60, 0);
  const std::int64_t minute = to_row(parts_.clock.now()) / 60'000'000;
  for (const auto& [at, count] : minutes_) {
    const std::int64_t ago = minute - at;
    if (ago >= 0 && ago < 60) out.per_minute[static_cast<std::size_t>(59 - ago)] += count;
  }
  out.last_at = last_at_;
  for (const auto& [number, session] : sessions_)
    out.sessions.push_back({session.kind, session.name, session.since, session.images});
  return out;
}

void Core::note_traffic() {
  last_at_ = parts_.clock.now();
  const std::int64_t minute = to_row(*last_at_) / 60'000'000;
  if (minutes_.empty() || minutes_.back().first != minute) minutes_.emplace_back(minute, 0);
  ++minutes_.back().second;
  while (minutes_.size() > 61) minutes_.pop_front();
}

// ---- arrivals ----

std::int64_t Core::enter(std::int64_t session) {
  const std::lock_guard lock(mutex_);
  floors_.emplace(next_ticket_, durable_);
  if (const auto found = sessions_.find(session); found != sessions_.end())
    found->second.last_byte = parts_.clock.steady();
  return next_ticket_++;
}

void Core::leave(std::int64_t ticket, std::int64_t session) {
  const std::lock_guard lock(mutex_);
  floors_.erase(ticket);
  if (const auto found = sessions_.find(session); found != sessions_.end())
    found->second.last_byte = parts_.clock.steady();
}

Result<std::vector<Digest>> Core::known(const std::string& sop_instance_uid) const {
  std::vector<Digest> out;
  VEDETTE_TRY(parts_.catalogue.database().read([&](database::Transaction& tx) -> Result<void> {
    out = VEDETTE_TRY(parts_.catalogue.digests(tx, sop_instance_uid));
    return {};
  }));
  const std::lock_guard lock(mutex_);
  const auto [begin, end] = unindexed_.equal_range(sop_instance_uid);
  for (auto at = begin; at != end; ++at) out.push_back(at->second);
  return out;
}

void Core::note_arrival(Watch& watch, const std::string& study_uid, std::int64_t session) {
  const microseconds now = parts_.clock.steady();
  if (watch.last) watch.largest_gap = std::max(watch.largest_gap, now - *watch.last);
  watch.last = now;
  watch.next_look = microseconds{0};
  if (const auto found = sessions_.find(session); found != sessions_.end()) {
    watch.open.insert(session);
    found->second.studies.insert(study_uid);
    found->second.last_byte = now;
  }
}

study::Catalogue::Added Core::queue(Queued queued, std::int64_t ticket, std::int64_t session) {
  using Added = study::Catalogue::Added;
  Added added = Added::stored;
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    const auto [begin, end] = unindexed_.equal_range(queued.record.sop_instance_uid);
    for (auto at = begin; at != end && added != Added::duplicate; ++at) {
      added = at->second == queued.stored.digest ? Added::duplicate : Added::conflict;
    }
    unindexed_.emplace(queued.record.sop_instance_uid, queued.stored.digest);
    durable_ = std::max(durable_, queued.stored.position);
    floors_.erase(ticket);
    ++queued_count_;
    note_traffic();
    if (const auto found = sessions_.find(session); found != sessions_.end()) ++found->second.images;
    if (!queued.record.made_here()) {
      Watch& watch = watches_[queued.record.study_uid];
      note_arrival(watch, queued.record.study_uid, session);
      ++watch.waiting;
    }
    queue_.push_back(std::move(queued));
    // The indexer is woken where it waits for this: by the first of a batch and by the last that goes into it. What
    // comes between is found there; a wake-up for each instance would take the processor from the senders.
    wake = queue_.size() == 1 || queue_.size() == batch_limit;
  }
  if (wake) changed_.notify_all();
  return added;
}

void Core::repeated(const std::string& study_uid, std::int64_t session) {
  const std::lock_guard lock(mutex_);
  if (const auto watch = watches_.find(study_uid); watch != watches_.end())
    note_arrival(watch->second, study_uid, session);
}

// ---- the indexer ----

Result<void> Core::index_one(database::Transaction& tx, const Queued& queued) {
  const study::InstanceRecord& record = queued.record;
  const std::string pseudonym = parts_.pseudonym(record.study_uid);
  const auto outcome = VEDETTE_TRY(parts_.catalogue.add(tx, record, queued.stored, pseudonym));
  const std::string door = R"("door":)" + json_string(record.source.substr(0, record.source.find(':')));
  const std::string generation = R"(,"generation":)" + std::to_string(outcome.version);
  if (outcome.study_opened) {
    VEDETTE_TRY(
        parts_.ledger.append(tx, {ledger::Kind::study_opened, pseudonym, "node", "{" + door + generation + "}"}));
  }
  if (outcome.study_reopened) {
    VEDETTE_TRY(
        parts_.ledger.append(tx, {ledger::Kind::study_reopened, pseudonym, "node", "{" + door + generation + "}"}));
  }
  if (outcome.added == study::Catalogue::Added::conflict) {
    VEDETTE_TRY(parts_.ledger.append(tx, {ledger::Kind::instance_conflict, pseudonym, "node",
                                          "{" + door + R"(,"arrived":")" + queued.stored.digest.hex() + "\"}"}));
  }
  return {};
}

Result<void> Core::index(const std::vector<Queued>& batch, std::int64_t position) {
  VEDETTE_TRY(parts_.ledger.record([&](database::Transaction& tx) -> Result<void> {
    for (const Queued& queued : batch) VEDETTE_TRY(index_one(tx, queued));
    if (position > cursor_) {
      VEDETTE_TRY(
          tx.run("INSERT INTO intake_position (id, position) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET position = "
                 "excluded.position",
                 {position}));
    }
    crash_point("intake.indexing");
    return {};
  }));
  cursor_ = std::max(cursor_, position);
  crash_point("intake.indexed");
  return {};
}

std::int64_t Core::safe_position(const std::vector<Queued>& batch) const {
  const std::lock_guard lock(mutex_);
  std::int64_t position = indexed_;
  for (const Queued& queued : batch) position = std::max(position, queued.stored.position);
  for (const auto& [ticket, floor] : floors_) position = std::min(position, floor);
  for (const Queued& queued : queue_) position = std::min(position, queued.stored.position - 1);
  return position;
}

std::vector<Queued> Core::next_batch(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const auto wake = [&] { return !queue_.empty(); };
  if (!queue_.empty() || stop.stop_requested()) {
    // go on
  } else if (watches_.empty()) {
    changed_.wait_for(lock, stop, idle_step, wake);
  } else {
    changed_.wait_for(lock, stop, watch_step, wake);
  }
  if (queue_.empty()) return {};
  changed_.wait_for(lock, stop, linger, [&] {
    return hurried_ > 0 || session_ended_ || sessions_.empty() || queue_.size() >= batch_limit;
  });
  session_ended_ = false;
  std::vector<Queued> batch;
  while (!queue_.empty() && batch.size() < batch_limit) {
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return batch;
}

void Core::index_until_done(const std::vector<Queued>& batch, const std::stop_token& stop) {
  int tries = 0;
  int rounds = 0;
  while (true) {
    const auto done = index(batch, safe_position(batch));
    if (done) break;
    if (rounds++ % 50 == 0)
      log::failure("intake.index", done.error(), {{"instances", batch.size()}, {"round", rounds}});
    set_failing(true);
    const bool passing = done.error().fault == Fault::exhausted || done.error().fault == Fault::unavailable;
    if (!passing && batch.size() > 1) {
      for (const Queued& one : batch) index_until_done({one}, stop);
      return;
    }
    if (stop.stop_requested()) return;  // the next start replays it from the vault
    if (!passing && ++tries >= tries_of_one) {
      // One row that the index does not take must not hold up all others: it stays in the vault, and no position passes
      // it, so that the next start tries again.
      const std::lock_guard lock(mutex_);
      floors_.emplace(next_ticket_++, batch.front().stored.position - 1);
      break;
    }
    parts_.clock.sleep(milliseconds{200}, stop);
  }
  {
    const std::lock_guard lock(mutex_);
    for (const Queued& queued : batch) {
      indexed_ = std::max(indexed_, queued.stored.position);
      const auto [begin, end] = unindexed_.equal_range(queued.record.sop_instance_uid);
      const auto found =
          std::find_if(begin, end, [&](const auto& entry) { return entry.second == queued.stored.digest; });
      if (found != end) unindexed_.erase(found);
      const auto watch = watches_.find(queued.record.study_uid);
      if (watch != watches_.end() && !queued.record.made_here()) {
        --watch->second.waiting;
        watch->second.counted = false;
      }
    }
    indexed_count_ += batch.size();
    failing_ = false;
  }
  changed_.notify_all();
}

void Core::set_failing(bool failing) {
  {
    const std::lock_guard lock(mutex_);
    failing_ = failing;
  }
  changed_.notify_all();
}

void Core::run(const std::stop_token& stop) {
  while (true) {
    const std::vector<Queued> batch = next_batch(stop);
    if (!batch.empty()) index_until_done(batch, stop);
    if (stop.stop_requested()) {
      const std::lock_guard lock(mutex_);
      if (queue_.empty() || batch.empty()) return;
      continue;
    }
    look_after_studies();
  }
}

Result<void> Core::settle() {
  std::unique_lock lock(mutex_);
  const std::uint64_t target = queued_count_;
  if (indexed_count_ >= target) return {};
  ++hurried_;
  changed_.notify_all();
  const bool done = changed_.wait_for(lock, settle_limit, [&] { return indexed_count_ >= target || failing_; });
  --hurried_;
  if (done) return {};
  return Error{Fault::unavailable,
               "intake.behind",
               "The index has not caught up with what was received",
               {},
               "Try again; see the health page of the node."};
}

Result<void> Core::accepting() const {
  if (!stopped_) return {};
  return Error{Fault::unavailable,
               "intake.stopped",
               "The node is stopping and takes nothing more",
               {},
               "Send again when it is back."};
}

void Core::stop() {
  stopped_ = true;
  if (!worker_.joinable()) return;
  worker_.request_stop();
  changed_.notify_all();
  worker_.join();
}

}  // namespace vedette::intake
