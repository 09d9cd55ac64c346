// Performed procedure steps (PS3.4 Annex F): the modality itself says which instances it made.
#include <algorithm>
#include <set>

#include "base/id.hpp"
#include "dicom/data_set.hpp"
#include "intake/core.hpp"

namespace vedette::intake {
namespace {

namespace tags = dicom::tags;

/// As the row has it.
enum class State : std::uint8_t { in_progress, completed, discontinued };

/// What a step has by now of that without which it cannot end (PS3.4 Table F.7.2-1, final state), as bits of its row.
enum Part : std::int64_t { series = 1, end_date = 2, end_time = 4 };
constexpr std::pair<Part, dicom::Tag> needed_at_end[] = {{series, tags::performed_series_sequence},
                                                         {end_date, tags::performed_procedure_step_end_date},
                                                         {end_time, tags::performed_procedure_step_end_time}};

/// Type 1 of N-CREATE (PS3.4 Table F.7.2-1). What may be empty there (type 2) is not asked for: nothing here uses it.
constexpr dicom::Tag needed_at_begin[] = {tags::scheduled_step_attributes_sequence,
                                          tags::performed_procedure_step_id,
                                          tags::performed_station_ae_title,
                                          tags::performed_procedure_step_start_date,
                                          tags::performed_procedure_step_start_time,
                                          tags::performed_procedure_step_status,
                                          tags::modality};

struct Reference {
  std::string series_uid, uid;
};

/// What a request says; nothing where it does not.
struct Said {
  std::optional<State> state;
  std::string study_uid;
  std::optional<std::vector<Reference>> references;
  std::int64_t given = 0, emptied = 0;  ///< Part
};

constexpr std::string_view as_the_table_says = "Send it as PS3.4 Table F.7.2-1 says.";

Error missing(dicom::Tag tag) {
  return {Fault::refused, "step.missing", "An attribute that the step needs is missing", tag.text(),
          std::string(as_the_table_says)};
}

Error empty(dicom::Tag tag) {
  return {Fault::refused, "step.empty", "An attribute that the step needs is empty", tag.text(),
          std::string(as_the_table_says)};
}

/// The cause is short: with the tag it has to fit into Error Comment.
Error wrong(dicom::Tag tag) {
  return {Fault::malformed, "step.value", "An attribute has a value that is not valid", tag.text(),
          std::string(as_the_table_says)};
}

Result<void> need(const dicom::DataSet& data, dicom::Tag tag) {
  if (data.find(tag) == nullptr) return missing(tag);
  if (!data.has_value(tag)) return empty(tag);
  return {};
}

Result<std::string> uid_in(const dicom::DataSet& data, dicom::Tag tag) {
  VEDETTE_TRY(need(data, tag));
  std::string uid = data.text(tag);
  if (!is_uid(uid)) return wrong(tag);
  return uid;
}

Result<std::optional<State>> state_of(const dicom::DataSet& data) {
  if (data.find(tags::performed_procedure_step_status) == nullptr) return std::optional<State>();
  VEDETTE_TRY(need(data, tags::performed_procedure_step_status));
  const std::string text = data.text(tags::performed_procedure_step_status);
  if (text == "IN PROGRESS") return std::optional(State::in_progress);
  if (text == "COMPLETED") return std::optional(State::completed);
  if (text == "DISCONTINUED") return std::optional(State::discontinued);
  return wrong(tags::performed_procedure_step_status);
}

/// All items name one study as a rule. Of a step for several the instances cannot be told apart: "*", it is kept, and
/// is evidence for none.
Result<std::string> study_of(const dicom::DataSet& data) {
  std::string out;
  for (const dicom::DataSet& item : data.items(tags::scheduled_step_attributes_sequence)) {
    std::string uid = VEDETTE_TRY(uid_in(item, tags::study_instance_uid));
    if (!out.empty() && out != uid) return std::string("*");
    out = std::move(uid);
  }
  return out;
}

Result<std::vector<Reference>> references_of(const dicom::DataSet& data) {
  std::vector<Reference> out;
  for (const dicom::DataSet& one : data.items(tags::performed_series_sequence)) {
    const std::string series_uid = VEDETTE_TRY(uid_in(one, tags::series_instance_uid));
    for (const dicom::Tag tag :
         {tags::referenced_image_sequence, tags::referenced_non_image_composite_sop_instance_sequence}) {
      for (const dicom::DataSet& item : one.items(tag)) {
        out.push_back({series_uid, VEDETTE_TRY(uid_in(item, tags::referenced_sop_instance_uid))});
      }
    }
  }
  return out;
}

Result<Said> read(bool created, std::string_view transfer_syntax, Bytes bytes) {
  dicom::ReadLimits limits;
  limits.nesting = 16;
  limits.elements = 200'000;
  limits.inflated_bytes = 8U << 20U;
  const dicom::DataSet data = VEDETTE_TRY(dicom::read_data_set(bytes, transfer_syntax, limits));
  if (created) {
    for (const dicom::Tag tag : needed_at_begin) VEDETTE_TRY(need(data, tag));
  }
  Said out;
  out.state = VEDETTE_TRY(state_of(data));
  if (created && out.state != State::in_progress) return wrong(tags::performed_procedure_step_status);
  out.study_uid = VEDETTE_TRY(study_of(data));
  if (data.find(tags::performed_series_sequence) != nullptr) out.references = VEDETTE_TRY(references_of(data));
  for (const auto& [part, tag] : needed_at_end) {
    if (data.find(tag) != nullptr) (data.has_value(tag) ? out.given : out.emptied) |= part;
  }
  return out;
}

Result<void> keep_references(database::Transaction& tx, const std::string& step_uid, const Said& said) {
  if (!said.references) return {};
  VEDETTE_TRY(tx.run("DELETE FROM intake_step_instance WHERE step_uid = ?", {step_uid}));
  for (const Reference& one : *said.references) {
    VEDETTE_TRY(
        tx.run("INSERT INTO intake_step_instance (step_uid, uid, series_uid) VALUES (?, ?, ?) ON CONFLICT (step_uid, "
               "uid) DO NOTHING",
               {step_uid, one.uid, one.series_uid}));
  }
  return {};
}

Result<void> create(database::Transaction& tx, const std::string& uid, const Result<Said>& read_out, Instant at) {
  if (!VEDETTE_TRY(tx.query("SELECT 1 FROM intake_step WHERE uid = ?", {uid})).empty()) {
    return Error{Fault::conflict, "step.there", "This procedure step is there already", "(0000,1000)",
                 "Change it with N-SET, or give the new step a UID of its own."};
  }
  const Said said = VEDETTE_TRY(read_out);
  VEDETTE_TRY(tx.run("INSERT INTO intake_step (uid, study_uid, state, parts, at) VALUES (?, ?, ?, ?, ?)",
                     {uid, said.study_uid, static_cast<std::int64_t>(State::in_progress), said.given, to_row(at)}));
  return keep_references(tx, uid, said);
}

/// Answers the study of the step.
Result<std::string> set(database::Transaction& tx, const std::string& uid, const Result<Said>& read_out, Instant at) {
  const database::Rows found =
      VEDETTE_TRY(tx.query("SELECT study_uid, state, parts FROM intake_step WHERE uid = ?", {uid}));
  if (found.empty()) {
    return Error{Fault::not_found, "step.unknown", "There is no such procedure step here", "(0000,1001)",
                 "Create it with N-CREATE first."};
  }
  if (found[0].integer(1) != static_cast<std::int64_t>(State::in_progress)) {
    return Error{Fault::changed, "step.final", "The procedure step may no longer be updated",
                 tags::performed_procedure_step_status.text(), "A step that has ended stays as it is."};
  }
  const Said said = VEDETTE_TRY(read_out);
  const std::int64_t parts = (found[0].integer(2) | said.given) & ~said.emptied;
  const State state = said.state.value_or(State::in_progress);
  for (const auto& [part, tag] : needed_at_end) {
    // An earlier request may have brought it.
    if (state != State::in_progress && (parts & part) == 0)
      return (said.emptied & part) != 0 ? empty(tag) : missing(tag);
  }
  VEDETTE_TRY(keep_references(tx, uid, said));
  VEDETTE_TRY(tx.run("UPDATE intake_step SET state = ?, parts = ?, at = ? WHERE uid = ?",
                     {static_cast<std::int64_t>(state), parts, to_row(at), uid}));
  return found[0].text(0);
}

}  // namespace

Result<void> Core::step(const Source& source, bool created, const std::string& instance_uid,
                        std::string_view transfer_syntax, Bytes data_set) {
  VEDETTE_TRY(accepting());
  touch(source.session);
  // What is wrong in the data set is told only of a step that may be created or changed at all.
  const Result<Said> said = read(created, transfer_syntax, data_set);
  std::string study_uid = said ? said->study_uid : "";
  const Instant now = parts_.clock.now();
  VEDETTE_TRY(parts_.catalogue.database().write([&](database::Transaction& tx) -> Result<void> {
    if (created) return create(tx, instance_uid, said, now);
    study_uid = VEDETTE_TRY(set(tx, instance_uid, said, now));
    return {};
  }));
  {
    const std::lock_guard lock(mutex_);
    ++steps_taken_;
    if (const auto watch = watches_.find(study_uid); watch != watches_.end()) {
      watch->second.counted = false;
      watch->second.next_look = microseconds{0};
    }
  }
  changed_.notify_all();
  return {};
}

Result<Steps> Core::steps_of(database::Transaction& tx, const study::Study& study) const {
  const database::Rows found = VEDETTE_TRY(
      tx.query("SELECT s.state, COUNT(DISTINCT i.uid) FROM intake_step s LEFT JOIN intake_step_instance i ON "
               "i.step_uid = s.uid WHERE s.study_uid = ? GROUP BY s.state",
               {study.uid}));
  std::int64_t named = 0;
  for (const database::Row& row : found) {
    if (row.integer(0) == static_cast<std::int64_t>(State::in_progress)) return Steps::awaited;
    named = std::max(named, row.integer(1));
  }
  if (named == 0) return Steps::none;
  // Cheap first: while a study is coming in, most looks end here.
  if (named > study.received_instances || VEDETTE_TRY(missing_of(tx, study.uid)) > 0) return Steps::awaited;
  return Steps::reached;
}

Result<std::int64_t> Core::missing_of(database::Transaction& tx, const std::string& study_uid) const {
  const database::Rows named =
      VEDETTE_TRY(tx.query("SELECT DISTINCT i.uid FROM intake_step s JOIN intake_step_instance i ON i.step_uid = s.uid "
                           "WHERE s.study_uid = ?",
                           {study_uid}));
  if (named.empty()) return 0;
  std::set<std::string> here;
  for (study::Instance& one : VEDETTE_TRY(parts_.catalogue.instances(tx, study_uid))) here.insert(std::move(one.uid));
  return std::count_if(named.begin(), named.end(),
                       [&](const database::Row& row) { return !here.contains(row.text(0)); });
}

}  // namespace vedette::intake
