#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/crash_point.hpp"
#include "base/text.hpp"
#include "dicom/uid.hpp"
#include "finding/reasons.hpp"
#include "review/rows.hpp"

namespace vedette::review {
namespace {

using finding::Finding;
using finding::State;
using nlohmann::json;

constexpr std::size_t longest_comment = 4000;

State state_after(Kind kind) {
  switch (kind) {
    case Kind::confirm:
      return State::confirmed;
    case Kind::edit:
      return State::edited;
    case Kind::reject:
      return State::rejected;
    case Kind::defer:
      return State::deferred;
  }
  return State::deferred;
}

Result<void> check(const NewVerdict& verdict) {
  if (verdict.comment.size() > longest_comment) {
    return Error{Fault::too_large, "review.comment", "the comment is too long", "comment",
                 fmt::format("Write at most {} bytes.", longest_comment)};
  }
  if (verdict.kind == Kind::edit && verdict.changes.empty()) {
    return Error{Fault::refused, "review.changes", "an edit needs what it changes", "changes",
                 "Name code, site, laterality, measurements, urgency or text; or confirm."};
  }
  if (verdict.kind != Kind::edit && !verdict.changes.empty()) {
    return Error{Fault::refused, "review.changes", "only an edit changes values", "changes", "Send verdict edit."};
  }
  if (verdict.kind == Kind::reject) {
    const finding::ReasonRow* row = finding::reason(finding::ReasonKind::reject, verdict.reason);
    if (row == nullptr)
      return Error{Fault::refused, "review.reason", "rejecting needs a coded reason", "reason.code",
                   "Choose one of GET /api/reasons, reject."};
    if (row->needs_words && trimmed(verdict.comment).empty()) {
      return Error{Fault::refused, "review.words", "this reason needs words", "comment", "Say in the comment why."};
    }
  } else if (!verdict.reason.empty()) {
    return Error{Fault::refused, "review.reason", "only a rejection carries a reason", "reason", "Leave it out."};
  }
  return {};
}

Result<void> apply(const Changes& changes, Finding& f) {
  // The tool's own values are kept once, from before the first edit.
  if (!f.original_json && f.tool) f.original_json = finding::values_json(f);
  if (!changes.code.empty()) {
    f.code = VEDETTE_TRY(finding::code_from_json(changes.code, "changes.code"));
    if (f.code.empty()) return Error{Fault::refused, "review.changes", "a finding needs a code", "changes.code"};
  }
  if (!changes.site.empty()) f.site = VEDETTE_TRY(finding::code_from_json(changes.site, "changes.site"));
  if (!changes.laterality.empty())
    f.laterality = VEDETTE_TRY(finding::code_from_json(changes.laterality, "changes.laterality"));
  if (!changes.measurements.empty())
    f.measurements = VEDETTE_TRY(finding::measurements_from_json(changes.measurements, "changes.measurements"));
  if (changes.urgency) f.urgency = *changes.urgency;
  if (changes.text) f.text = *changes.text;
  return {};
}

json changes_json(const Changes& changes) {
  json out = json::object();
  const auto put = [&](const char* name, const std::string& text) {
    if (!text.empty()) out[name] = json::parse(text, nullptr, false);
  };
  put("code", changes.code);
  put("site", changes.site);
  put("laterality", changes.laterality);
  put("measurements", changes.measurements);
  if (changes.urgency) out["urgency"] = finding::name_of(*changes.urgency);
  if (changes.text) out["text"] = *changes.text;
  return out;
}

/// What undo needs: state and the values a person may have changed.
std::string before_json(const Finding& f) {
  json out = json::parse(finding::to_json(f));
  return out.dump();
}

Result<Finding> finding_or_fail(const finding::Findings& findings, database::Transaction& tx, std::string_view id) {
  auto found = VEDETTE_TRY(findings.find(tx, id));
  if (!found)
    return Error{Fault::not_found, "finding.not_found", "this node has no such finding", "", "Load the study again."};
  return *std::move(found);
}

json verdict_details(const Finding& f, std::string_view verdict, std::string_view reason) {
  json out{{"finding", f.id}, {"verdict", verdict}, {"revision", f.revision}};
  if (!reason.empty()) out["reason"] = reason;
  if (f.tool) {
    out["tool"] = f.tool->id;
    out["version"] = f.tool->version;
  }
  return out;
}

}  // namespace

Result<Finding> Review::give(const guard::Reader& reader, std::string_view finding_id, std::string_view etag,
                             const NewVerdict& verdict) {
  VEDETTE_TRY(check(verdict));
  const std::string actor = parts_.pseudonyms.pseudonym("person", reader.name());
  Finding out;
  VEDETTE_TRY(parts_.ledger.record([&](database::Transaction& tx) -> Result<void> {
    Finding f = VEDETTE_TRY(finding_or_fail(findings_, tx, finding_id));
    const study::Study study = VEDETTE_TRY(study_or_fail(parts_.catalogue, tx, f.study_uid));
    VEDETTE_TRY(unsigned_or_fail(tx, study));
    if (f.state == State::withdrawn) {
      return Error{Fault::conflict, "finding.withdrawn", "this finding was withdrawn: a newer analysis took its place",
                   fmt::format("finding {}", f.number), "Load the study again."};
    }
    if (finding::etag_of(f) != etag) {
      return Error{Fault::changed, "finding.changed", "this finding was changed meanwhile",
                   fmt::format("finding {}", f.number), "Look at the change, then decide."};
    }
    if (verdict.kind == Kind::edit) {
      const std::string before = before_json(f);
      VEDETTE_TRY(
          tx.run("INSERT INTO review_verdict (finding_id, study_uid, kind, by_name, by_pseudonym, reason, comment, "
                 "changes, before, tool_id, at, undone) "
                 "VALUES (?,?,?,?,?,?,?,?,?,?,?,0)",
                 {f.id, f.study_uid, std::string(name_of(verdict.kind)), reader.display(), actor, "", verdict.comment,
                  changes_json(verdict.changes).dump(), before, f.tool ? f.tool->id : "", to_row(parts_.clock.now())}));
      VEDETTE_TRY(apply(verdict.changes, f));
    } else {
      VEDETTE_TRY(
          tx.run("INSERT INTO review_verdict (finding_id, study_uid, kind, by_name, by_pseudonym, reason, comment, "
                 "changes, before, tool_id, at, undone) "
                 "VALUES (?,?,?,?,?,?,?,?,?,?,?,0)",
                 {f.id, f.study_uid, std::string(name_of(verdict.kind)), reader.display(), actor, verdict.reason,
                  verdict.comment, "", before_json(f), f.tool ? f.tool->id : "", to_row(parts_.clock.now())}));
    }
    const State previous = f.state;
    // A person's own finding stays one when it is confirmed or edited.
    const bool own = !f.tool && (verdict.kind == Kind::confirm || verdict.kind == Kind::edit);
    f.state = own ? State::added : state_after(verdict.kind);
    f.revision += 1;
    f.changed_at = parts_.clock.now();
    VEDETTE_TRY(findings_.update(tx, f));
    json details = verdict_details(f, name_of(verdict.kind), verdict.reason);
    details["previous"] = finding::name_of(previous);
    if (verdict.kind == Kind::edit) {
      json names = json::array();
      const json changed = changes_json(verdict.changes);  // named: a range-for over a temporary would dangle
      for (const auto& item : changed.items()) names.push_back(item.key());
      details["changed"] = names;
    }
    VEDETTE_TRY(parts_.ledger.append(tx, {ledger::Kind::verdict_given, study.pseudonym, actor, details.dump()}));
    out = std::move(f);
    crash_point("review.verdict_given");
    return {};
  }));
  crash_point("review.verdict_saved");
  return out;
}

Result<Finding> Review::undo(const guard::Reader& reader, std::string_view finding_id) {
  const std::string actor = parts_.pseudonyms.pseudonym("person", reader.name());
  Finding out;
  VEDETTE_TRY(parts_.ledger.record([&](database::Transaction& tx) -> Result<void> {
    Finding f = VEDETTE_TRY(finding_or_fail(findings_, tx, finding_id));
    const study::Study study = VEDETTE_TRY(study_or_fail(parts_.catalogue, tx, f.study_uid));
    VEDETTE_TRY(unsigned_or_fail(tx, study));
    const database::Rows last =
        VEDETTE_TRY(tx.query("SELECT number, kind, before FROM review_verdict WHERE finding_id = ? AND undone = 0 "
                             "ORDER BY number DESC LIMIT 1",
                             {std::string(finding_id)}));
    if (last.empty()) {
      return Error{Fault::conflict, "review.nothing_to_undo", "there is no verdict to take back",
                   fmt::format("finding {}", f.number), "Load the study again."};
    }
    const Finding before = VEDETTE_TRY(finding::from_json(last[0].text(2)));
    f.state = before.state;
    f.code = before.code;
    f.site = before.site;
    f.laterality = before.laterality;
    f.measurements = before.measurements;
    f.urgency = before.urgency;
    f.text = before.text;
    f.original_json = before.original_json;
    f.revision += 1;
    f.changed_at = parts_.clock.now();
    VEDETTE_TRY(findings_.update(tx, f));
    VEDETTE_TRY(tx.run("UPDATE review_verdict SET undone = 1 WHERE number = ?", {last[0].integer(0)}));
    VEDETTE_TRY(parts_.ledger.append(
        tx, {ledger::Kind::verdict_undone, study.pseudonym, actor,
             json{{"finding", f.id}, {"verdict", last[0].text(1)}, {"revision", f.revision}}.dump()}));
    out = std::move(f);
    return {};
  }));
  return out;
}

Result<Finding> Review::add(const guard::Reader& reader, std::string_view study_uid, const NewFinding& wanted) {
  if (wanted.code.empty())
    return Error{Fault::malformed, "review.code", "a finding needs a code", "code",
                 "Choose one of GET /api/reasons, finding_codes."};
  if (wanted.region.kind != "point" && wanted.region.kind != "none") {
    return Error{Fault::refused, "review.region", "a finding added by a person is marked by a point", "region.kind",
                 "Send kind point with centre_mm, or none."};
  }
  const std::string actor = parts_.pseudonyms.pseudonym("person", reader.name());
  Finding out;
  VEDETTE_TRY(parts_.ledger.record([&](database::Transaction& tx) -> Result<void> {
    const study::Study study = VEDETTE_TRY(study_or_fail(parts_.catalogue, tx, study_uid));
    VEDETTE_TRY(unsigned_or_fail(tx, study));
    if (wanted.region.kind == "point") {
      const auto all = VEDETTE_TRY(parts_.catalogue.series(tx, study_uid));
      const auto series = std::find_if(all.begin(), all.end(),
                                       [&](const study::Series& one) { return one.uid == wanted.region.series_uid; });
      if (series == all.end()) {
        return Error{Fault::refused, "review.series", "the study has no such series", "region.series_uid",
                     "Name the series that the point was set in."};
      }
      if (series->frame_of_reference_uid != wanted.region.frame_of_reference_uid) {
        return Error{Fault::refused, "review.frame_of_reference",
                     "the point's frame of reference is not that of its series", "region.frame_of_reference_uid",
                     "Send the Frame of Reference UID (0020,0052) of the series."};
      }
    }
    Finding f;
    f.study_uid = study_uid;
    f.code = wanted.code;
    f.site = wanted.site;
    f.laterality = wanted.laterality;
    f.text = wanted.text.empty() ? wanted.code.meaning : wanted.text;
    f.urgency = wanted.urgency;
    f.region = wanted.region;
    f.region.bounds_min_mm = f.region.bounds_max_mm = f.region.centre_mm;
    f.measurements = wanted.measurements;
    f.author = reader.display();
    f.why = "Added by a person";
    f.created_at = f.changed_at = parts_.clock.now();
    f.tracking_uid = dicom::make_uid();
    f = VEDETTE_TRY(findings_.add(tx, std::move(f)));
    VEDETTE_TRY(parts_.ledger.append(
        tx, {ledger::Kind::finding_added, study.pseudonym, actor,
             json{{"finding", f.id}, {"code", f.code.scheme + ":" + f.code.value}, {"revision", f.revision}}.dump()}));
    out = std::move(f);
    return {};
  }));
  return out;
}

}  // namespace vedette::review
