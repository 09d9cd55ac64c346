#include "report/report.hpp"

namespace vedette::report {

std::span<const database::Migration> migrations() {
  static constexpr database::Migration steps[] = {
      {"report.1",
       "CREATE TABLE result ("
       " id TEXT PRIMARY KEY, study_uid TEXT NOT NULL, object TEXT NOT NULL, sop_class_uid TEXT NOT NULL,"
       " sop_instance_uid TEXT NOT NULL UNIQUE, series_uid TEXT NOT NULL, status TEXT NOT NULL, version BIGINT NOT "
       "NULL,"
       " created_at BIGINT NOT NULL);"
       "CREATE INDEX result_study ON result (study_uid, created_at);"
       "CREATE TABLE delivery ("
       " id TEXT PRIMARY KEY, result_id TEXT NOT NULL REFERENCES result (id), destination TEXT NOT NULL, kind TEXT NOT "
       "NULL,"
       " state TEXT NOT NULL, attempts BIGINT NOT NULL, last_error TEXT NOT NULL, next_try_at BIGINT, sent_at BIGINT,"
       " UNIQUE (result_id, destination));"
       "CREATE INDEX delivery_state ON delivery (destination, state);"},
  };
  return steps;
}

}  // namespace vedette::report
