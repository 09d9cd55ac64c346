"""tables/dicom/uids.tsv -> constants (uids.inc) or, where the output is named uid_rows.inc, the rows."""
import sys


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def flag(on: bool) -> str:
    return "true" if on else "false"


def main() -> None:
    output, table = sys.argv[1], sys.argv[2]
    rows = []
    with open(table, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.startswith("#"):
                continue
            cells = line.rstrip("\n").split("\t")
            if len(cells) != 9:
                sys.exit(f"{table}:{number}: 9 columns expected, {len(cells)} found")
            rows.append(cells)
    with open(output, "w", encoding="utf-8") as out:
        if not output.endswith("uid_rows.inc"):
            for uid, constant, *_ in rows:
                out.write(f'inline constexpr std::string_view {constant} = "{uid}";\n')
            return
        rows.sort(key=lambda cells: cells[0])
        out.write("constexpr UidRow uid_rows[] = {\n")
        for uid, _, keyword, name, kind, retired, *_ in rows:
            out.write("{%s,%s,%s,UidKind::%s,%s},\n" % (quoted(uid), quoted(keyword), quoted(name), kind, flag(retired == "Y")))
        out.write("};\nconstexpr TransferSyntax transfer_syntax_rows[] = {\n")
        for uid, _, _, name, kind, retired, flags, *_ in rows:
            if kind == "transfer_syntax":
                out.write("{%s,%s,%s,%s},\n" % (quoted(uid), quoted(name), ",".join(flag(c in flags) for c in "ELXDY"), flag(retired == "Y")))
        out.write("};\nconstexpr StorageClass storage_class_rows[] = {\n")
        for uid, _, _, name, kind, retired, _, content, modality in rows:
            if kind == "storage":
                out.write("{%s,%s,Content::%s,%s,%s},\n" % (quoted(uid), quoted(name), content, quoted("" if modality == "-" else modality), flag(retired == "Y")))
        out.write("};\n")


main()
