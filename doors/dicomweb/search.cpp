// QIDO-RS (PS3.18 section 10.6).
#include "study/search.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/id.hpp"
#include "base/text.hpp"
#include "dicomweb/door.hpp"

namespace vedette::dicomweb {

namespace {

using Json = nlohmann::json;
using dicom::Tag;
using study::Found;
using study::Level;

constexpr std::size_t most_unscoped = 5000;   // rows of one answer over all studies
constexpr std::size_t most_scoped = 100'000;  // of one study

struct Wanted {
  study::Search search;
  std::set<std::string> fields;  ///< includefield as tags
  bool all = false;
  bool fuzzy = false;
};

Error bad(std::string cause, std::string where, std::string remedy) {
  return Error{Fault::malformed, "search.parameter", std::move(cause), std::move(where), std::move(remedy)};
}

/// Tag, keyword or a path of them: "00400275.00400009"; all parts, top first.
Result<std::vector<Tag>> path_of(std::string_view text) {
  std::vector<Tag> out;
  for (const std::string_view part : split(text, '.')) {
    auto tag = dicom::tag_from_text(trimmed(part));
    if (!tag)
      return bad("A parameter is no attribute that is known here", "query",
                 "Name attributes by keyword or by eight hexadecimal digits.");
    out.push_back(*tag);
  }
  return out;
}

Result<void> add_fields(Wanted& wanted, std::string_view list) {
  for (const std::string_view part : split(list, ',')) {
    const std::string_view field = trimmed(part);
    if (field.empty()) continue;
    if (lower_case(field) == "all") {
      wanted.all = true;
    } else {
      wanted.fields.insert(VEDETTE_TRY(path_of(field)).front().key());
    }
  }
  return {};
}

Result<std::size_t> count_of(std::string_view name, std::string_view value) {
  const auto number = to_integer(trimmed(value));
  if (!number || *number < 0)
    return bad("A count is a whole number, 0 or more", std::string(name), "Correct the parameter.");
  return static_cast<std::size_t>(std::min<long long>(*number, 1'000'000'000));
}

Result<Wanted> wanted_of(const guard::Call& call, Level level) {
  Wanted wanted;
  const Target target = VEDETTE_TRY(target_of(call));
  wanted.search.level = level;
  wanted.search.study_uid = target.study_uid;
  wanted.search.series_uid = target.series_uid;
  const std::size_t most = target.study_uid.empty() ? most_unscoped : most_scoped;
  wanted.search.limit = most;
  for (const auto& [raw_name, value] : call.request.query) {
    const std::string name = lower_case(raw_name);
    if (name == "limit") {
      wanted.search.limit = std::min(VEDETTE_TRY(count_of(name, value)), most);
    } else if (name == "offset") {
      wanted.search.offset = VEDETTE_TRY(count_of(name, value));
    } else if (name == "includefield") {
      VEDETTE_TRY(add_fields(wanted, value));
    } else if (name == "fuzzymatching") {
      wanted.fuzzy = lower_case(value) == "true";
    } else if (name == "accept" || name == "charset" || name == "orderby" || name == "_") {
      // accept is read elsewhere; the others change nothing in what is found
    } else {
      const std::vector<Tag> path = VEDETTE_TRY(path_of(raw_name));
      if (!study::can_match(level, path.back())) {
        return bad("This attribute cannot be searched for at this level", path.back().text(),
                   "Leave it out, or search at the level that it belongs to.");
      }
      wanted.search.matches.push_back({path.back(), value});
    }
  }
  return wanted;
}

// ---- the answer ----

void put(Json& out, const char* key, const char* vr, const std::string& value) {
  Json& element = out[key];
  element["vr"] = vr;
  if (!value.empty()) element["Value"] = Json::array({value});
}
void put(Json& out, const char* key, const char* vr, std::optional<std::int64_t> value) {
  Json& element = out[key];
  element["vr"] = vr;
  if (value) element["Value"] = Json::array({*value});
}
void put_name(Json& out, const char* key, const std::string& name) {
  Json& element = out[key];
  element["vr"] = "PN";
  if (name.empty()) return;
  static constexpr const char* groups[] = {"Alphabetic", "Ideographic", "Phonetic"};
  Json value = Json::object();
  std::size_t group = 0;
  for (const std::string_view text : split(name, '=')) {
    if (group < 3 && !text.empty()) value[groups[group]] = std::string(text);
    ++group;
  }
  element["Value"] = Json::array({value});
}

void put_study(Json& out, const study::Study& one, const std::string& base) {
  put(out, "00080020", "DA", one.study_date);
  put(out, "00080030", "TM", one.study_time);
  put(out, "00080050", "SH", one.accession_number);
  put(out, "00080056", "CS", std::string("ONLINE"));
  Json& modalities = out["00080061"];
  modalities["vr"] = "CS";
  if (!one.modalities.empty()) modalities["Value"] = one.modalities;
  put_name(out, "00080090", one.referring_physician);
  put(out, "00081030", "LO", one.description);
  put(out, "00081190", "UR", base + "/studies/" + one.uid);
  put_name(out, "00100010", one.patient_name);
  put(out, "00100020", "LO", one.patient_id);
  put(out, "00100030", "DA", one.patient_birth_date);
  put(out, "00100040", "CS", one.patient_sex);
  put(out, "0020000D", "UI", one.uid);
  put(out, "00200010", "SH", one.study_id);
  put(out, "00201206", "IS", std::optional(one.series));
  put(out, "00201208", "IS", std::optional(one.instances));
}

void put_series(Json& out, const study::Series& one, const std::string& base) {
  put(out, "00080060", "CS", one.modality);
  put(out, "0008103E", "LO", one.description);
  put(out, "00081190", "UR", base + "/studies/" + one.study_uid + "/series/" + one.uid);
  put(out, "0020000D", "UI", one.study_uid);
  put(out, "0020000E", "UI", one.uid);
  put(out, "00200011", "IS", one.number);
  put(out, "00201209", "IS", std::optional(one.instances));
  put(out, "00400244", "DA", one.performed_date);
  put(out, "00400245", "TM", one.performed_time);
  if (!one.step_id.empty() || !one.procedure_id.empty()) {
    Json item = Json::object();
    put(item, "00400009", "SH", one.step_id);
    put(item, "00401001", "SH", one.procedure_id);
    out["00400275"] = Json{{"vr", "SQ"}, {"Value", Json::array({item})}};
  }
}

void put_instance(Json& out, const study::Instance& one, const std::string& base) {
  put(out, "00080016", "UI", one.sop_class_uid);
  put(out, "00080018", "UI", one.uid);
  put(out, "00080056", "CS", std::string("ONLINE"));
  put(out, "00081190", "UR", instance_url(base, one));
  put(out, "00083002", "UI", one.transfer_syntax);
  put(out, "0020000D", "UI", one.study_uid);
  put(out, "0020000E", "UI", one.series_uid);
  put(out, "00200013", "IS", one.number);
  if (!one.rows) return;
  put(out, "00280010", "US", one.rows);
  put(out, "00280011", "US", one.columns);
  if (one.bits_allocated) put(out, "00280100", "US", one.bits_allocated);
  if (one.frames) put(out, "00280008", "IS", one.frames);
}

/// True for attributes that belong to `level` when everything is asked for; what differs between instances is left to
/// the level below.
bool belongs(const std::string& key, Level level) {
  if (level == Level::instance) return true;
  static const std::set<std::string> of_study{"00080020", "00080030", "00080050", "00080051", "00080080", "00080090",
                                              "00081030", "00081032", "00081048", "00081060", "00081080", "00081110",
                                              "00200010", "00321032", "00321060", "00101030"};
  static const std::set<std::string> of_series{
      "00080021", "00080031", "00080060", "00080070", "00080080", "00081010", "00081040", "0008103E", "0008103F",
      "00081050", "00081070", "00081090", "00180015", "00181000", "00181020", "00181030", "00185100", "00200011",
      "00200052", "00200060", "00201040", "00400244", "00400245", "00400253", "00400254", "00400260", "00400275"};
  if (key.starts_with("0010") || of_study.contains(key)) return true;
  return level == Level::series && of_series.contains(key);
}

Result<void> put_fields(Json& out, const Wanted& wanted, const std::string& header_json) {
  const Json header = Json::parse(header_json, nullptr, false);
  if (!header.is_object()) return {};
  for (const auto& [key, element] : header.items()) {
    const bool asked = wanted.fields.contains(key) || (wanted.all && belongs(key, wanted.search.level));
    if (asked && !out.contains(key) && !element.contains("BulkDataURI") && !element.contains("InlineBinary"))
      out[key] = element;
  }
  return {};
}

Result<Json> row_of_answer(const Parts& parts, database::Transaction& tx, const Wanted& wanted, const Found& found,
                           const std::string& base) {
  Json out = Json::object();
  put(out, "00080005", "CS", std::string("ISO_IR 192"));
  const bool relational = wanted.search.study_uid.empty();
  if (wanted.search.level == Level::study || relational) put_study(out, found.study, base);
  if (found.series && (wanted.search.level == Level::series || wanted.search.series_uid.empty()))
    put_series(out, *found.series, base);
  if (found.instance) put_instance(out, *found.instance, base);
  bool missing = wanted.all;
  for (const std::string& field : wanted.fields) missing = missing || !out.contains(field);
  if (!missing) return out;
  const std::string header =
      found.instance
          ? VEDETTE_TRY(parts.catalogue.header_json(tx, found.instance->uid))
          : VEDETTE_TRY(parts.catalogue.first_header_json(tx, found.study.uid, found.series ? found.series->uid : ""));
  VEDETTE_TRY(put_fields(out, wanted, header));
  return out;
}

Result<wire::Response> searched(const Parts& parts, const guard::Call& call, Level level) {
  const Accept accept = Accept::of(call.request);
  if (accept.absent() && parts.settings.boolean("http.accept_required"))
    return not_acceptable("application/dicom+json");
  if (!accept.absent() && !accept.takes_single("application/dicom+json") && !accept.takes_single("application/json")) {
    return not_acceptable("application/dicom+json");
  }
  Wanted wanted = VEDETTE_TRY(wanted_of(call, level));
  VEDETTE_TRY(parts.intake.settle());
  const std::string base = base_of(parts, call.request);
  const std::size_t limit = wanted.search.limit;
  if (limit < most_scoped) wanted.search.limit = limit + 1;  // one more tells whether there is more
  std::string body;
  bool more = false;
  VEDETTE_TRY(parts.catalogue.database().read([&](database::Transaction& tx) -> Result<void> {
    std::vector<Found> found = VEDETTE_TRY(study::search(tx, wanted.search));
    more = found.size() > limit;
    if (more) found.resize(limit);
    for (const Found& one : found) {
      body += body.empty() ? "[" : ",";
      body +=
          VEDETTE_TRY(row_of_answer(parts, tx, wanted, one, base)).dump(-1, ' ', false, Json::error_handler_t::replace);
    }
    return {};
  }));
  wire::Response out = body.empty() ? wire::Response::empty(204) : wire::Response::json(body + "]");
  if (!body.empty()) out.headers.set("Content-Type", "application/dicom+json");
  if (wanted.fuzzy)
    out.headers.add(
        "Warning",
        "299 vedette \"The fuzzymatching parameter is not supported. Only literal matching has been performed.\"");
  if (more) out.headers.add("Warning", "299 vedette \"There are additional results that can be requested\"");
  return out;
}

}  // namespace

wire::Response search_studies(const Parts& parts, const guard::Call& call) {
  return answered([&] { return searched(parts, call, Level::study); });
}
wire::Response search_series(const Parts& parts, const guard::Call& call) {
  return answered([&] { return searched(parts, call, Level::series); });
}
wire::Response search_instances(const Parts& parts, const guard::Call& call) {
  return answered([&] { return searched(parts, call, Level::instance); });
}

}  // namespace vedette::dicomweb
