#include "flow.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/crash_point.hpp"
#include "base/log.hpp"

namespace vedette::app {

namespace {

Result<void> queue(database::Transaction& tx, jobs::Jobs& jobs, const ledger::Entry& entry, const Step& step) {
  const auto details = nlohmann::json::parse(entry.details, nullptr, false);
  std::string key = fmt::format("{}:{}", entry.subject, entry.seq);
  if (!step.named_by.empty()) {
    if (!details.is_object() || !details.contains(step.named_by)) {
      return Error{Fault::internal, "flow.detail",
                   fmt::format("A line of kind {} lacks '{}'", ledger::name_of(entry.kind), step.named_by),
                   fmt::format("ledger row {}", entry.seq)};
    }
    const auto& name = details[std::string(step.named_by)];
    key = name.is_string() ? name.get<std::string>() : name.dump();
  }
  const nlohmann::json payload = {{"event", ledger::name_of(entry.kind)}, {"seq", entry.seq}, {"details", details}};
  return jobs.add(tx, {std::string(step.job), key, entry.subject, payload.dump(), step.priority, Instant{}});
}

}  // namespace

std::span<const database::Migration> flow_migrations() {
  static constexpr database::Migration steps[] = {
      {"flow.1",
       "CREATE TABLE flow_cursor (id BIGINT PRIMARY KEY, seq BIGINT NOT NULL);"
       "INSERT INTO flow_cursor (id, seq) VALUES (1, 0);"},
  };
  return steps;
}

Dispatcher::Dispatcher(database::Database& database, ledger::Ledger& ledger, jobs::Jobs& jobs)
    : database_(database), ledger_(ledger), jobs_(jobs) {}

Result<std::int64_t> Dispatcher::catch_up() {
  std::int64_t seen = 0;
  bool more = true;
  while (more) {
    seen = VEDETTE_TRY(database_.read_for<std::int64_t>([](database::Transaction& tx) -> Result<std::int64_t> {
      return VEDETTE_TRY(tx.query("SELECT seq FROM flow_cursor WHERE id = 1")).front().integer(0);
    }));
    const auto entries = VEDETTE_TRY(ledger_.after(seen, 500));
    if (entries.empty()) break;
    more = entries.size() == 500;
    bool queued = false;
    VEDETTE_TRY(database_.write([&](database::Transaction& tx) -> Result<void> {
      // Another copy of the node may have been here first; its rows are the same, so only the cursor decides.
      const std::int64_t moved =
          VEDETTE_TRY(tx.run("UPDATE flow_cursor SET seq = ? WHERE id = 1 AND seq = ?", {entries.back().seq, seen}));
      if (moved == 0) return {};
      for (const ledger::Entry& entry : entries) {
        for (const Step& step : flow) {
          if (step.when != entry.kind) continue;
          VEDETTE_TRY(queue(tx, jobs_, entry, step));
          queued = true;
        }
      }
      if (queued) crash_point("flow.queued");
      return {};
    }));
    if (queued) jobs_.wake();
    seen = entries.back().seq;
  }
  return seen;
}

void Dispatcher::start() {
  thread_ = std::jthread([this](std::stop_token stop) {
    while (!stop.stop_requested()) {
      const auto seen = catch_up();
      if (!seen) log::failure("flow.failed", seen.error());
      (void)ledger_.wait_for(seen.value_or(0), seen ? seconds{1} : seconds{2}, stop);
    }
  });
}

void Dispatcher::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

}  // namespace vedette::app
