#include "study/search.hpp"

#include <algorithm>
#include <array>

#include "base/id.hpp"
#include "base/text.hpp"
#include "study/fold.hpp"
#include "study/rows.hpp"

namespace vedette::study {

namespace {

using database::Value;
using dicom::Tag;

enum class Kind : std::uint8_t { text, uid, range, name, integer, modalities };

/// One row per attribute that can be matched.
struct Key {
  Tag tag;
  Level level;
  Kind kind;
  std::string_view column;
};
constexpr std::array keys{
    Key{{0x0008, 0x0020}, Level::study, Kind::range, "s.study_date"},
    Key{{0x0008, 0x0030}, Level::study, Kind::range, "s.study_time"},
    Key{{0x0008, 0x0050}, Level::study, Kind::text, "s.accession_number"},
    Key{{0x0008, 0x0061}, Level::study, Kind::modalities, ""},
    Key{{0x0008, 0x0090}, Level::study, Kind::name, "s.referring_fold"},
    Key{{0x0008, 0x1030}, Level::study, Kind::text, "s.description"},
    Key{{0x0010, 0x0010}, Level::study, Kind::name, "s.name_fold"},
    Key{{0x0010, 0x0020}, Level::study, Kind::text, "s.patient_id"},
    Key{{0x0010, 0x0021}, Level::study, Kind::text, "s.issuer_of_patient_id"},
    Key{{0x0010, 0x0030}, Level::study, Kind::range, "s.patient_birth_date"},
    Key{{0x0010, 0x0040}, Level::study, Kind::text, "s.patient_sex"},
    Key{{0x0020, 0x000D}, Level::study, Kind::uid, "s.uid"},
    Key{{0x0020, 0x0010}, Level::study, Kind::text, "s.study_id"},
    Key{{0x0008, 0x0021}, Level::series, Kind::range, "e.series_date"},
    Key{{0x0008, 0x0031}, Level::series, Kind::range, "e.series_time"},
    Key{{0x0008, 0x0060}, Level::series, Kind::text, "e.modality"},
    Key{{0x0008, 0x103E}, Level::series, Kind::text, "e.description"},
    Key{{0x0018, 0x0015}, Level::series, Kind::text, "e.body_part"},
    Key{{0x0020, 0x000E}, Level::series, Kind::uid, "e.uid"},
    Key{{0x0020, 0x0011}, Level::series, Kind::integer, "e.series_number"},
    Key{{0x0020, 0x0052}, Level::series, Kind::uid, "e.frame_of_reference_uid"},
    Key{{0x0020, 0x0060}, Level::series, Kind::text, "e.laterality"},
    Key{{0x0040, 0x0009}, Level::series, Kind::text, "e.step_id"},
    Key{{0x0040, 0x0244}, Level::series, Kind::range, "e.performed_date"},
    Key{{0x0040, 0x0245}, Level::series, Kind::range, "e.performed_time"},
    Key{{0x0040, 0x1001}, Level::series, Kind::text, "e.procedure_id"},
    Key{{0x0008, 0x0016}, Level::instance, Kind::uid, "i.sop_class_uid"},
    Key{{0x0008, 0x0018}, Level::instance, Kind::uid, "i.uid"},
    Key{{0x0008, 0x3002}, Level::instance, Kind::uid, "i.transfer_syntax"},
    Key{{0x0020, 0x0013}, Level::instance, Kind::integer, "i.instance_number"},
    Key{{0x0028, 0x0008}, Level::instance, Kind::integer, "i.frames"},
    Key{{0x0028, 0x0010}, Level::instance, Kind::integer, "i.image_rows"},
    Key{{0x0028, 0x0011}, Level::instance, Kind::integer, "i.image_columns"},
};

const Key* key_of(Tag tag) {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const Key& key) { return key.tag == tag; });
  return found == keys.end() ? nullptr : &*found;
}

/// SQL under construction.
struct Clauses {
  std::string where;
  std::vector<Value> values;
  std::string modality_join;  ///< a single modality is found by its own index

  void add(const std::string& clause, std::initializer_list<Value> with) {
    where += (where.empty() ? " WHERE " : " AND ") + clause;
    values.insert(values.end(), with.begin(), with.end());
  }
};

bool has_wildcard(std::string_view text) {
  return text.find_first_of("*?") != std::string_view::npos;
}

/// LIKE pattern of a DICOM wildcard; '!' escapes.
std::string like_of(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '*') {
      out += '%';
    } else if (c == '?') {
      out += '_';
    } else {
      if (c == '%' || c == '_' || c == '!') out += '!';
      out += c;
    }
  }
  return out;
}

/// The text just above every text that starts with `prefix`: so that an index serves a wildcard at the end.
std::string after_prefix(std::string prefix) {
  // 0xF4 is the greatest lead byte of UTF-8; SQLite and PostgreSQL ("C") compare bytes.
  return prefix + "\xF4\x8F\xBF\xBF";
}

Error wrong(const Match& match, std::string cause, std::string remedy) {
  return Error{Fault::malformed, "search.value", std::move(cause), match.tag.text(), std::move(remedy)};
}

void add_text(Clauses& clauses, const std::string& column, const std::string& value) {
  if (!has_wildcard(value)) return clauses.add(column + " = ?", {value});
  // LIKE regards case in PostgreSQL and not in SQLite, so an index by prefix holds only for names, which are folded.
  clauses.add("LOWER(" + column + ") LIKE ? ESCAPE '!'", {like_of(lower_case(value))});
}

void add_name(Clauses& clauses, const std::string& column, const std::string& value) {
  const bool everywhere = column == "s.name_fold" && std::any_of(value.begin(), value.end(), [](char c) {
                            return static_cast<unsigned char>(c) > 0x7F || c == '=';
                          });
  const FoldedName name = folded_name(value);
  const std::string& text = name.alphabetic.empty() ? name.other : name.alphabetic;
  if (everywhere) {
    const std::string pattern = like_of(text);
    return clauses.add("(" + column + " LIKE ? ESCAPE '!' OR s.name_other LIKE ? ESCAPE '!')",
                       {pattern, "%" + pattern + "%"});
  }
  if (!has_wildcard(text)) return clauses.add(column + " = ?", {text});
  const std::string prefix = text.substr(0, text.find_first_of("*?"));
  if (!prefix.empty()) clauses.add(column + " >= ? AND " + column + " < ?", {prefix, after_prefix(prefix)});
  if (text != prefix + "*") clauses.add(column + " LIKE ? ESCAPE '!'", {like_of(text)});
}

/// Dates YYYYMMDD and times HH[MM[SS[.F]]] compare as text; an end is inclusive of everything that starts with it.
Result<void> add_range(Clauses& clauses, const std::string& column, const Match& match) {
  std::string value = match.value;
  value.erase(std::remove_if(value.begin(), value.end(), [](char c) { return c == ':' || c == ' '; }), value.end());
  if (!std::all_of(value.begin(), value.end(), [](char c) { return (c >= '0' && c <= '9') || c == '-' || c == '.'; }) ||
      std::count(value.begin(), value.end(), '-') > 1) {
    return wrong(match, "A date or time to match has digits and at most one '-'",
                 "Write YYYYMMDD, YYYYMMDD-YYYYMMDD, YYYYMMDD- or -YYYYMMDD.");
  }
  const std::size_t dash = value.find('-');
  const std::string from = value.substr(0, dash);
  const std::string to = dash == std::string::npos ? from : value.substr(dash + 1);
  if (from.empty() && to.empty()) return {};
  if (dash == std::string::npos && match.tag != Tag{0x0008, 0x0030} && from.size() == 8) {
    clauses.add(column + " = ?", {from});
    return {};
  }
  if (!from.empty()) clauses.add(column + " >= ?", {from});
  if (!to.empty()) clauses.add(column + " > '' AND " + column + " < ?", {to + "\x7F"});
  return {};
}

Result<void> add_uids(Clauses& clauses, const std::string& column, const Match& match) {
  std::string list = match.value;
  std::replace(list.begin(), list.end(), '\\', ',');
  std::string marks;
  std::vector<Value> values;
  for (const std::string_view part : split(list, ',')) {
    const std::string_view uid = trimmed(part);
    if (uid.empty()) continue;
    if (has_wildcard(uid))
      return wrong(match, "A UID is matched whole, without wildcards", "Give whole UIDs, several by comma.");
    if (!is_uid(uid)) return wrong(match, "A UID to match is not valid", "Give whole UIDs, several by comma.");
    marks += marks.empty() ? "?" : ", ?";
    values.emplace_back(std::string(uid));
  }
  if (values.empty()) return {};
  if (values.size() > 2000)
    return Error{Fault::too_large, "search.uids", "More than 2000 UIDs in one search", match.tag.text(),
                 "Search in parts."};
  clauses.add(column + " IN (" + marks + ")", {});
  clauses.values.insert(clauses.values.end(), values.begin(), values.end());
  return {};
}

Result<void> add_integer(Clauses& clauses, const std::string& column, const Match& match) {
  const auto number = to_integer(trimmed(match.value));
  if (!number) return wrong(match, "A number is matched by its digits", "Give a whole number.");
  clauses.add(column + " = ?", {static_cast<std::int64_t>(*number)});
  return {};
}

/// Modalities in Study: any of the listed ones.
void add_modalities(Clauses& clauses, const std::string& list, Level level) {
  std::string text = list;
  std::replace(text.begin(), text.end(), '\\', ',');
  std::vector<std::string> wanted;
  for (const std::string_view part : split(text, ',')) {
    if (!trimmed(part).empty()) wanted.emplace_back(trimmed(part));
  }
  if (wanted.empty()) return;
  if (wanted.size() == 1 && !has_wildcard(wanted[0]) && level == Level::study) {
    clauses.modality_join = wanted[0];
    return;
  }
  std::string any;
  std::vector<Value> values;
  for (const std::string& one : wanted) {
    any += std::string(any.empty() ? "" : " OR ") +
           (has_wildcard(one) ? "m.modality LIKE ? ESCAPE '!'" : "m.modality = ?");
    values.emplace_back(has_wildcard(one) ? like_of(one) : one);
  }
  // The way along the dates stays open: each study is asked for its modalities by the key of their table.
  clauses.add(
      "EXISTS (SELECT 1 FROM study_modality m WHERE m.study_date = s.study_date AND m.study_time = s.study_time AND "
      "m.study = s.number AND (" +
          any + "))",
      {});
  clauses.values.insert(clauses.values.end(), values.begin(), values.end());
}

Result<void> add_match(Clauses& clauses, const Match& match, Level level) {
  const Key* key = key_of(match.tag);
  const bool modality_of_studies = key != nullptr && level == Level::study && key->tag == Tag{0x0008, 0x0060};
  if (modality_of_studies) {  // a common wish of clients; means Modalities in Study
    add_modalities(clauses, match.value, level);
    return {};
  }
  if (key == nullptr || key->level > level) {
    return Error{Fault::refused, "search.key", "This attribute cannot be searched for at this level", match.tag.text(),
                 "Leave it out, or search at the level that it belongs to."};
  }
  const std::string_view value = trimmed(match.value);
  if (value.empty() || value == "*" || value == "\"\"") return {};
  const std::string column(key->column);
  switch (key->kind) {
    case Kind::text:
      add_text(clauses, column, std::string(value));
      return {};
    case Kind::name:
      add_name(clauses, column, std::string(value));
      return {};
    case Kind::range:
      return add_range(clauses, column, match);
    case Kind::uid:
      return add_uids(clauses, column, match);
    case Kind::integer:
      return add_integer(clauses, column, match);
    case Kind::modalities:
      add_modalities(clauses, std::string(value), level);
      return {};
  }
  return {};
}

std::string from_of(const Search& what, const Clauses& clauses) {
  if (what.level == Level::study) {
    return clauses.modality_join.empty() ? " FROM study s"
                                         : " FROM study_modality m JOIN study s ON s.number = m.study";
  }
  return std::string(" FROM study s JOIN series e ON e.study = s.number") +
         (what.level == Level::instance ? " JOIN instance i ON i.series = e.number" : "");
}

std::string order_of(const Search& what, const Clauses& clauses) {
  if (what.level == Level::study) {
    return clauses.modality_join.empty() ? " ORDER BY s.study_date DESC, s.study_time DESC, s.number DESC"
                                         : " ORDER BY m.study_date DESC, m.study_time DESC, m.study DESC";
  }
  // Below one study by number; over all studies in the order of the rows, which needs no sorting.
  const bool scoped =
      !what.study_uid.empty() || std::any_of(what.matches.begin(), what.matches.end(), [](const Match& match) {
        return match.tag == Tag{0x0020, 0x000D} || match.tag == Tag{0x0020, 0x000E} || match.tag == Tag{0x0008, 0x0018};
      });
  if (!scoped) return what.level == Level::series ? " ORDER BY e.number" : " ORDER BY i.number";
  return what.level == Level::series ? " ORDER BY s.number, e.series_number, e.number"
                                     : " ORDER BY s.number, e.series_number, e.number, i.instance_number, i.number";
}

}  // namespace

bool can_match(Level level, Tag tag) {
  const Key* key = key_of(tag);
  return key != nullptr && (key->level <= level || key->tag == Tag{0x0008, 0x0060});
}

Result<std::vector<Found>> search(database::Transaction& tx, const Search& what) {
  Clauses clauses;
  if (!what.study_uid.empty()) clauses.add("s.uid = ?", {what.study_uid});
  if (!what.series_uid.empty()) clauses.add("e.uid = ?", {what.series_uid});
  for (const Match& match : what.matches) VEDETTE_TRY(add_match(clauses, match, what.level));
  if (!clauses.modality_join.empty()) {
    clauses.add("m.modality = ?", {clauses.modality_join});
    // The index over modality and date serves the range only when the range stands on its own columns.
    for (const std::string_view column : {"s.study_date", "s.study_time"}) {
      for (std::size_t at = clauses.where.find(column); at != std::string::npos;
           at = clauses.where.find(column, at + 1))
        clauses.where[at] = 'm';
    }
  }
  std::string columns(rows::study_columns);
  if (what.level != Level::study) columns += ", " + std::string(rows::series_columns);
  if (what.level == Level::instance) columns += ", " + std::string(rows::instance_columns);
  clauses.values.emplace_back(static_cast<std::int64_t>(what.limit));
  clauses.values.emplace_back(static_cast<std::int64_t>(what.offset));
  std::string sql = from_of(what, clauses) + clauses.where + order_of(what, clauses) + " LIMIT ? OFFSET ?";
  if (what.level == Level::study) {
    // First the numbers by an index alone, then the rows of the page: what is sorted stays small.
    sql = " FROM study s WHERE s.number IN (SELECT s.number" + sql +
          ") ORDER BY s.study_date DESC, s.study_time DESC, s.number DESC";
  }
  const database::Rows found = VEDETTE_TRY(tx.query("SELECT " + columns + sql, std::span<const Value>(clauses.values)));
  std::vector<Found> out;
  out.reserve(found.size());
  for (const database::Row& row : found) {
    Found one{rows::study_of(row), std::nullopt, std::nullopt};
    if (what.level != Level::study) one.series = rows::series_of(row, one.study.uid, rows::study_width);
    if (what.level == Level::instance) {
      one.instance = rows::instance_of(row, one.study.uid, one.series->uid, rows::study_width + rows::series_width);
    }
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace vedette::study
