"""tables/jobs.tsv -> the kinds of jobs (jobs/kinds.hpp)."""
import re
import sys


def main() -> None:
    output, table = sys.argv[1], sys.argv[2]
    names, constants, rows = [], [], []
    with open(table, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.startswith("#") or not line.strip():
                continue
            cells = line.rstrip("\n").split("\t")
            if len(cells) != 3:
                sys.exit(f"{table}:{number}: 3 columns expected, {len(cells)} found")
            kind, attempts, summary = cells
            if not re.fullmatch(r"[a-z_]+\.[a-z_]+", kind) or kind.replace(".", "_") in names:
                sys.exit(f"{table}:{number}: the kind is not usable or stands twice")
            if not re.fullmatch(r"[1-9][0-9]?", attempts):
                sys.exit(f"{table}:{number}: attempts is 1 to 99")
            names.append(kind.replace(".", "_"))
            constants.append(f'inline constexpr std::string_view {names[-1]} = "{kind}";')
            summary = summary.replace("\\", "\\\\").replace('"', '\\"')
            rows.append(f'    {{kind::{names[-1]}, {attempts}, "{summary}"}},')
    with open(output, "w", encoding="utf-8") as out:
        out.write(f"""// Made from tables/jobs.tsv; do not edit.
#pragma once

#include <string_view>

namespace vedette::jobs {{

namespace kind {{
{chr(10).join(constants)}
}}  // namespace kind

struct JobRow {{
  std::string_view kind;
  int attempts;  ///< starts of one job when nothing else is said; also how often its worker may end without an answer
  std::string_view summary;
}};

inline constexpr JobRow job_rows[] = {{
{chr(10).join(rows)}
}};

constexpr const JobRow* row_of(std::string_view name) {{
  for (const JobRow& row : job_rows) {{
    if (row.kind == name) return &row;
  }}
  return nullptr;
}}

}}  // namespace vedette::jobs
""")


main()
