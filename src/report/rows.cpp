// Reading the rows of results and deliveries.
#include <fmt/format.h>

#include <unordered_map>

#include "report/report.hpp"

namespace vedette::report {

namespace {

constexpr std::string_view result_columns =
    "id, study_uid, object, sop_class_uid, sop_instance_uid, series_uid, status, version, created_at";

ResultObject result_from(const database::Row& row) {
  ResultObject out;
  out.id = row.text(0);
  out.study_uid = row.text(1);
  out.object = row.text(2);
  out.sop_class_uid = row.text(3);
  out.sop_instance_uid = row.text(4);
  out.series_uid = row.text(5);
  out.status = row.text(6);
  out.version = static_cast<int>(row.integer(7));
  out.created_at = instant_from_row(row.integer(8));
  return out;
}

std::optional<Instant> instant_or_nothing(const database::Row& row, std::size_t column) {
  if (row.is_null(column)) return std::nullopt;
  return instant_from_row(row.integer(column));
}

Result<std::vector<ResultObject>> with_deliveries(database::Transaction& tx, const database::Rows& rows) {
  std::vector<ResultObject> out;
  for (const database::Row& row : rows) {
    ResultObject result = result_from(row);
    const database::Rows deliveries =
        VEDETTE_TRY(tx.query("SELECT id, destination, kind, state, attempts, last_error, next_try_at, sent_at FROM "
                             "delivery WHERE result_id = ? ORDER BY destination",
                             {result.id}));
    for (const database::Row& d : deliveries) {
      result.deliveries.push_back({d.text(0), result.id, d.text(1), d.text(2), d.text(3),
                                   static_cast<int>(d.integer(4)), d.text(5), instant_or_nothing(d, 6),
                                   instant_or_nothing(d, 7)});
    }
    out.push_back(std::move(result));
  }
  return out;
}

}  // namespace

Result<std::vector<ResultObject>> Reports::of_study(database::Transaction& tx, std::string_view study_uid) const {
  const database::Rows rows = VEDETTE_TRY(
      tx.query(fmt::format("SELECT {} FROM result WHERE study_uid = ? ORDER BY created_at, id", result_columns),
               {std::string(study_uid)}));
  return with_deliveries(tx, rows);
}

Result<std::vector<ResultObject>> Reports::recent(database::Transaction& tx, std::string_view state,
                                                  std::string_view before, std::size_t limit) const {
  std::string sql = fmt::format("SELECT {} FROM result WHERE 1 = 1", result_columns);
  std::vector<database::Value> values;
  if (!state.empty()) {
    sql += " AND id IN (SELECT result_id FROM delivery WHERE state = ?)";
    values.emplace_back(std::string(state));
  }
  if (!before.empty()) {
    sql += " AND id < ?";
    values.emplace_back(std::string(before));
  }
  sql += " ORDER BY id DESC LIMIT ?";
  values.emplace_back(static_cast<std::int64_t>(limit));
  const database::Rows rows = VEDETTE_TRY(tx.query(sql, values));
  return with_deliveries(tx, rows);
}

Result<std::vector<Reports::Outlook>> Reports::outlook(database::Transaction& tx) const {
  std::vector<Outlook> out;
  for (const Destination& destination : parts_.settings.destinations()) {
    Outlook row;
    row.destination = destination.name;
    const database::Rows counts = VEDETTE_TRY(tx.query(
        "SELECT state, COUNT(*), MAX(sent_at) FROM delivery WHERE destination = ? GROUP BY state", {destination.name}));
    for (const database::Row& count : counts) {
      if (count.text(0) == "sent") {
        row.last_ok_at = instant_or_nothing(count, 2);
      } else if (count.text(0) == "dead") {
        row.dead = count.integer(1);
      } else {
        row.queued += count.integer(1);
      }
    }
    const database::Rows errors =
        VEDETTE_TRY(tx.query("SELECT last_error FROM delivery WHERE destination = ? AND state IN ('retrying', 'dead') "
                             "ORDER BY id DESC LIMIT 1",
                             {destination.name}));
    if (!errors.empty()) row.last_error = errors.front().text(0);
    out.push_back(std::move(row));
  }
  return out;
}

Result<void> Reports::retry(std::string_view result_id, std::string_view destination_name) {
  auto done = parts_.ledger.record([&](database::Transaction& tx) -> Result<void> {
    const database::Rows rows =
        VEDETTE_TRY(tx.query("SELECT d.id, d.state, r.study_uid FROM delivery d JOIN result r ON r.id = d.result_id "
                             "WHERE d.result_id = ? AND d.destination = ?",
                             {std::string(result_id), std::string(destination_name)}));
    if (rows.empty()) {
      return Error{Fault::not_found, "delivery.not_found", "There is no such delivery", "result and destination",
                   "Look at the study's results."};
    }
    if (rows.front().text(1) == "sent") {
      return Error{Fault::conflict, "delivery.sent", "This object has arrived already", std::string(destination_name)};
    }
    VEDETTE_TRY(tx.run("UPDATE delivery SET state = 'queued', attempts = 0, next_try_at = NULL WHERE id = ?",
                       {rows.front().text(0)}));
    const std::string& delivery = rows.front().text(0);
    if (VEDETTE_TRY(parts_.jobs.revive(tx, jobs::kind::delivery_send, delivery))) return {};
    const auto study = VEDETTE_TRY(parts_.catalogue.study(tx, rows.front().text(2)));
    if (!study) return Error{Fault::not_found, "delivery.not_found", "The study of this object is not here", delivery};
    // Of a job that waits for its next try only the time changes: it starts at once.
    VEDETTE_TRY(
        parts_.jobs.add(tx, {std::string(jobs::kind::delivery_send), delivery, study->pseudonym, "{}", 1, Instant{}}));
    return {};
  });
  parts_.jobs.wake();
  return done;
}

}  // namespace vedette::report
