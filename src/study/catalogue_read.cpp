#include "study/catalogue.hpp"
#include "study/packed.hpp"
#include "study/rows.hpp"

namespace vedette::study {

namespace {

using database::Row;
using database::Rows;
using database::Transaction;
using database::Value;

Result<std::optional<Study>> one_study(Transaction& tx, std::string_view column, std::string_view value) {
  const Rows found = VEDETTE_TRY(
      tx.query("SELECT " + std::string(rows::study_columns) + " FROM study s WHERE s." + std::string(column) + " = ?",
               {std::string(value)}));
  if (found.empty()) return std::optional<Study>();
  return std::optional<Study>(rows::study_of(found[0]));
}

const std::string by_geometry_order = " ORDER BY e.series_number, e.number, i.instance_number, i.number";

}  // namespace

Result<std::optional<Study>> Catalogue::study(Transaction& tx, std::string_view uid) const {
  return one_study(tx, "uid", uid);
}

Result<std::optional<Study>> Catalogue::study_of_pseudonym(Transaction& tx, std::string_view pseudonym) const {
  return one_study(tx, "pseudonym", pseudonym);
}

Result<std::vector<Series>> Catalogue::series(Transaction& tx, std::string_view study_uid) const {
  const Rows found = VEDETTE_TRY(tx.query(
      "SELECT " + std::string(rows::series_columns) +
          " FROM study s JOIN series e ON e.study = s.number WHERE s.uid = ? ORDER BY e.series_number, e.number",
      {std::string(study_uid)}));
  std::vector<Series> out;
  out.reserve(found.size());
  for (const Row& row : found) out.push_back(rows::series_of(row, study_uid));
  return out;
}

Result<std::vector<Instance>> Catalogue::instances(Transaction& tx, std::string_view study_uid,
                                                   std::string_view series_uid) const {
  std::string sql =
      "SELECT " + std::string(rows::instance_columns) +
      ", e.uid FROM study s JOIN series e ON e.study = s.number JOIN instance i ON i.series = e.number WHERE s.uid = ?";
  std::vector<Value> values{std::string(study_uid)};
  if (!series_uid.empty()) {
    sql += " AND e.uid = ?";
    values.emplace_back(std::string(series_uid));
  }
  const Rows found = VEDETTE_TRY(tx.query(sql + by_geometry_order, std::span<const Value>(values)));
  std::vector<Instance> out;
  out.reserve(found.size());
  for (const Row& row : found) out.push_back(rows::instance_of(row, study_uid, row.text(rows::instance_width)));
  return out;
}

Result<std::optional<Instance>> Catalogue::instance(Transaction& tx, std::string_view sop_instance_uid) const {
  const Rows found = VEDETTE_TRY(tx.query(
      "SELECT " + std::string(rows::instance_columns) +
          ", s.uid, e.uid FROM instance i JOIN series e ON e.number = i.series JOIN study s ON s.number = e.study "
          "WHERE i.uid = ?",
      {std::string(sop_instance_uid)}));
  if (found.empty()) return std::optional<Instance>();
  return std::optional<Instance>(
      rows::instance_of(found[0], found[0].text(rows::instance_width), found[0].text(rows::instance_width + 1)));
}

Result<std::string> Catalogue::header_json(Transaction& tx, std::string_view sop_instance_uid) const {
  const Rows found = VEDETTE_TRY(
      tx.query("SELECT h.bytes FROM instance i JOIN instance_header h ON h.instance = i.number WHERE i.uid = ?",
               {std::string(sop_instance_uid)}));
  if (found.empty()) {
    return Error{Fault::not_found, "instance.not_found", "No such instance is here", "instance",
                 "Check the address, or send the instance first."};
  }
  return unpacked(found[0].text(0));
}

Result<std::string> Catalogue::first_header_json(Transaction& tx, std::string_view study_uid,
                                                 std::string_view series_uid) const {
  std::string sql =
      "SELECT bytes FROM instance_header WHERE instance = (SELECT MIN(i.number) FROM study s JOIN series e ON e.study "
      "= s.number "
      "JOIN instance i ON i.series = e.number WHERE s.uid = ?";
  std::vector<Value> values{std::string(study_uid)};
  if (!series_uid.empty()) {
    sql += " AND e.uid = ?";
    values.emplace_back(std::string(series_uid));
  }
  const Rows found = VEDETTE_TRY(tx.query(sql + ")", std::span<const Value>(values)));
  if (found.empty()) return std::string();
  return unpacked(found[0].text(0));
}

Result<void> Catalogue::headers(Transaction& tx, std::string_view study_uid, std::string_view series_uid,
                                const std::function<Result<void>(const Instance&, const std::string&)>& visit) const {
  for (const Series& one : VEDETTE_TRY(series(tx, study_uid))) {
    if (!series_uid.empty() && one.uid != series_uid) continue;
    for (std::int64_t offset = 0;; offset += 256) {
      const Rows found = VEDETTE_TRY(tx.query(
          "SELECT " + std::string(rows::instance_columns) +
              ", h.bytes FROM study s JOIN series e ON e.study = s.number JOIN instance i ON i.series = e.number "
              "JOIN instance_header h ON h.instance = i.number WHERE s.uid = ? AND e.uid = ?"
              " ORDER BY i.instance_number, i.number LIMIT 256 OFFSET ?",
          {std::string(study_uid), one.uid, offset}));
      for (const Row& row : found) {
        const std::string json = VEDETTE_TRY(unpacked(row.text(rows::instance_width)));
        VEDETTE_TRY(visit(rows::instance_of(row, study_uid, one.uid), json));
      }
      if (found.size() < 256) break;
    }
  }
  return {};
}

Result<std::vector<Conflict>> Catalogue::conflicts(Transaction& tx, std::string_view study_uid) const {
  const Rows found =
      VEDETTE_TRY(tx.query("SELECT uid, kept, other, segment_number, segment_offset, byte_length, at, source FROM "
                           "instance_conflict WHERE study_uid = ? ORDER BY at, uid",
                           {std::string(study_uid)}));
  std::vector<Conflict> out;
  for (const Row& row : found) {
    Conflict conflict;
    conflict.study_uid = study_uid;
    conflict.sop_instance_uid = row.text(0);
    conflict.kept = rows::digest_of(row.text(1));
    conflict.other = rows::digest_of(row.text(2));
    conflict.other_place = {row.integer(3), row.integer(4), row.integer(5)};
    conflict.at = instant_from_row(row.integer(6));
    conflict.source = row.text(7);
    out.push_back(std::move(conflict));
  }
  return out;
}

Result<std::vector<Study>> Catalogue::receiving(Transaction& tx) const {
  const Rows found = VEDETTE_TRY(
      tx.query("SELECT " + std::string(rows::study_columns) + " FROM study s WHERE s.state = 0 ORDER BY s.number"));
  std::vector<Study> out;
  out.reserve(found.size());
  for (const Row& row : found) out.push_back(rows::study_of(row));
  return out;
}

}  // namespace vedette::study
