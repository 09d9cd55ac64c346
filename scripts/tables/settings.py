"""tables/settings.tsv -> constexpr rows of base/settings_rows.hpp."""
import sys


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main() -> None:
    output, table = sys.argv[1], sys.argv[2]
    rows = []
    with open(table, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.startswith("#") or not line.strip():
                continue
            cells = line.rstrip("\n").split("\t")
            if len(cells) != 7:
                sys.exit(f"{table}:{number}: 7 columns expected, {len(cells)} found")
            name, kind, default, bounds, unit, restart, text = cells
            rows.append(
                "    {%s, SettingType::%s, %s, %s, %s, %s, %s},"
                % (quoted(name), kind, quoted(default), quoted("" if bounds == "-" else bounds),
                   quoted("" if unit == "-" else unit), "true" if restart == "yes" else "false", quoted(text))
            )
    with open(output, "w", encoding="utf-8") as out:
        out.write("inline constexpr SettingRow setting_rows[] = {\n" + "\n".join(rows) + "\n};\n")


main()
