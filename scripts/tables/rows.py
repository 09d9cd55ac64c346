"""A table of texts -> rows of one constexpr array. Usage: rows.py OUTPUT TABLE; the first columns' meaning is fixed by TYPES below."""
import os
import sys

# table: (array, row type, columns, constexpr spelling of each column; {} is the quoted text, [] the bare word)
TYPES = {
    "priority_levels.tsv": ("level_rows", "LevelRow", ["{}", "{}", "finding::Urgency::[]"]),
    "reasons.tsv": ("reason_rows", "ReasonRow", ["ReasonKind::[]", "{}", "{}", "yes", "{}"]),
    "finding_codes.tsv": ("concept_rows", "ConceptRow", ["ConceptKind::[]", "{}", "{}", "{}"]),
}


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def spelled(form: str, cell: str, place: str) -> str:
    if form == "yes":
        if cell not in ("yes", "no"):
            sys.exit(f"{place}: yes or no expected")
        return "true" if cell == "yes" else "false"
    return form.replace("{}", quoted(cell)) if "{}" in form else form.replace("[]", cell)


def main() -> None:
    output, table = sys.argv[1], sys.argv[2]
    array, kind, forms = TYPES[os.path.basename(table)]
    rows, seen = [], set()
    with open(table, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.startswith("#") or not line.strip():
                continue
            cells = line.rstrip("\n").split("\t")
            place = f"{table}:{number}"
            if len(cells) != len(forms) or not all(cells):
                sys.exit(f"{place}: {len(forms)} filled columns expected, {len(cells)} found")
            if (cells[0], cells[1]) in seen:
                sys.exit(f"{place}: {cells[0]} {cells[1]} stands twice")
            seen.add((cells[0], cells[1]))
            rows.append("    {" + ", ".join(spelled(f, c, place) for f, c in zip(forms, cells)) + "},")
    with open(output, "w", encoding="utf-8") as out:
        out.write(f"inline constexpr {kind} {array}[] = {{\n" + "\n".join(rows) + "\n};\n")


main()
