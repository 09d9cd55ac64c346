#include "study/reading_list.hpp"

#include "study/rows.hpp"

namespace vedette::study {
namespace {

std::vector<Study> studies(const database::Rows& rows) {
  std::vector<Study> out;
  out.reserve(rows.size());
  for (const database::Row& row : rows) out.push_back(rows::study_of(row));
  return out;
}
std::string select(std::string_view rest) {
  return "SELECT " + std::string(rows::study_columns) + " FROM study s " + std::string(rest);
}

}  // namespace

Result<std::vector<Study>> unsigned_studies(database::Transaction& tx) {
  return studies(VEDETTE_TRY(tx.query(select("WHERE s.state IN (0, 1, 2, 4)"))));
}

Result<std::vector<Study>> newest_studies(database::Transaction& tx, bool signed_only,
                                          const std::optional<ListMark>& after, std::size_t limit) {
  const std::int64_t from = after ? to_row(after->received_at) : INT64_MAX;
  const std::string uid = after ? after->uid : std::string();
  const std::string_view where = signed_only
                                     ? "WHERE s.state = 3 AND (s.received_at < ? OR (s.received_at = ? AND s.uid > ?)) "
                                     : "WHERE (s.received_at < ? OR (s.received_at = ? AND s.uid > ?)) ";
  return studies(VEDETTE_TRY(tx.query(select(std::string(where) + "ORDER BY s.received_at DESC, s.uid LIMIT ?"),
                                      {from, from, uid, static_cast<std::int64_t>(limit)})));
}

Result<std::vector<Study>> other_studies_of_patient(database::Transaction& tx, const Study& study, std::size_t limit) {
  if (study.patient_id.empty()) return std::vector<Study>();
  return studies(VEDETTE_TRY(tx.query(
      select("WHERE s.patient_id = ? AND s.patient_birth_date = ? AND s.patient_sex = ? AND s.uid <> ? "
             "ORDER BY s.study_date DESC, s.study_time DESC, s.number DESC LIMIT ?"),
      {study.patient_id, study.patient_birth_date, study.patient_sex, study.uid, static_cast<std::int64_t>(limit)})));
}

}  // namespace vedette::study
