"""tables/roles.tsv -> enum class Role and its rows (guard/role_rows.inc)."""
import re
import sys


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main() -> None:
    output, table = sys.argv[1], sys.argv[2]
    names, rows = [], []
    with open(table, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.startswith("#") or not line.strip():
                continue
            cells = line.rstrip("\n").split("\t")
            if len(cells) != 5:
                sys.exit(f"{table}:{number}: 5 columns expected, {len(cells)} found")
            name, holder, mints, title, text = cells
            if not re.fullmatch(r"[a-z_]+", name) or name in names:
                sys.exit(f"{table}:{number}: the name is not usable or stands twice")
            if holder not in ("person", "service", "any") or mints not in ("yes", "no"):
                sys.exit(f"{table}:{number}: holder is person, service or any; mints is yes or no")
            names.append(name)
            rows.append("    {Role::%s, %s, RoleHolder::%s, %s, %s, %s}," %
                        (name, quoted(name), holder, "true" if mints == "yes" else "false", quoted(title), quoted(text)))
    with open(output, "w", encoding="utf-8") as out:
        out.write("enum class Role : std::uint8_t { " + ", ".join(names) + " };\n")
        out.write("inline constexpr RoleRow role_rows[] = {\n" + "\n".join(rows) + "\n};\n")


main()
