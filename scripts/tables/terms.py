"""tables/terms/codes.tsv -> rows of terms/codes.inc and their names of terms/codes.hpp."""
import re
import sys


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main() -> None:
    output, table = sys.argv[1], sys.argv[2]
    constants, keys, seen = [], [], {}
    with open(table, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.startswith("#") or not line.strip():
                continue
            cells = line.rstrip("\n").split("\t")
            if len(cells) != 5 or not re.fullmatch(r"[a-z][a-z0-9_]*", cells[0]):
                sys.exit(f"{table}:{number}: key, scheme, value, meaning, cids expected")
            key, scheme, value, meaning, _ = cells
            if key in seen:
                sys.exit(f"{table}:{number}: '{key}' stands in line {seen[key]} already")
            seen[key] = number
            constants.append(f"inline const Code {key}{{{quoted(value)}, {quoted(scheme)}, {quoted(meaning)}}};")
            keys.append(f"    {{{quoted(key)}, &{key}}},")
    with open(output, "w", encoding="utf-8") as out:
        out.write("\n".join(constants))
        out.write("\n\nstruct Named {\n  std::string_view key;\n  const Code* code;\n};\n")
        out.write("inline const Named all[] = {\n" + "\n".join(keys) + "\n};\n")


main()
