"""tables/events.tsv -> enum class Kind and its rows (ledger/events.hpp)."""
import re
import sys


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main() -> None:
    output, table = sys.argv[1], sys.argv[2]
    kinds, rows = [], []
    with open(table, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.startswith("#") or not line.strip():
                continue
            cells = line.rstrip("\n").split("\t")
            if len(cells) != 4:
                sys.exit(f"{table}:{number}: 4 columns expected, {len(cells)} found")
            name, subject, summary, keys = cells
            kind = name.replace(".", "_")
            if not re.fullmatch(r"[a-z_]+\.[a-z_]+", name) or kind in kinds:
                sys.exit(f"{table}:{number}: the name is not usable or stands twice")
            if subject not in ("study", "node", "person"):
                sys.exit(f"{table}:{number}: the subject is study, node or person")
            known = keys.split()
            if len(set(known)) != len(known) or not all(re.fullmatch(r"[a-z_]+", key) for key in known):
                sys.exit(f"{table}:{number}: a detail is not usable or stands twice")
            unknown = set(re.findall(r"\{(.*?)\}", summary)) - set(known)
            if unknown:
                sys.exit(f"{table}:{number}: the sentence names {sorted(unknown)}, which is no detail of the row")
            if not re.fullmatch(r"(?:[^\[\]]|\[[^\[\]]*\])*", summary):
                sys.exit(f"{table}:{number}: the brackets of the sentence do not fit")
            kinds.append(kind)
            required = re.findall(r"\{(.*?)\}", re.sub(r"\[.*?\]", "", summary))
            rows.append("    {Kind::%s, %s, Subject::%s, %s, %s, %s}," %
                        (kind, quoted(name), subject, quoted(summary), quoted(" ".join(known)), quoted(" ".join(required))))
    with open(output, "w", encoding="utf-8") as out:
        out.write("""// Made from tables/events.tsv; do not edit.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace vedette::ledger {

enum class Kind : std::uint8_t {
  %s
};
/// What an event is about: a study's pseudonym must, a person's may stand in Event::subject.
enum class Subject : std::uint8_t { study, person, node };

struct EventRow {
  Kind kind;
  std::string_view name;      ///< "study.completed": what stands in the row, in API and metrics
  Subject subject;
  std::string_view summary;   ///< a sentence; {key} is a detail, [ ... ] is left out where a detail inside it is missing
  std::string_view keys;      ///< details that may be given, separated by spaces
  std::string_view required;  ///< those that must be given
};

/// In the order of Kind.
inline constexpr EventRow event_rows[] = {
%s
};

constexpr const EventRow& row_of(Kind kind) {
  return event_rows[static_cast<std::uint8_t>(kind)];
}
constexpr std::string_view name_of(Kind kind) {
  return row_of(kind).name;
}
constexpr std::optional<Kind> kind_from(std::string_view name) {
  for (const EventRow& row : event_rows) {
    if (row.name == name) return row.kind;
  }
  return std::nullopt;
}

}  // namespace vedette::ledger
""" % (",\n  ".join(kinds), "\n".join(rows)))


main()
