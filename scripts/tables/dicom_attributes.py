"""tables/dicom/attributes.tsv -> rows by tag, masks of repeating groups, an index by keyword, tags whose VR is US or SS."""
import sys

AMBIGUOUS = {"US or SS": "US", "OB or OW": "OW", "US or OW": "US", "US or SS or OW": "US"}


def main() -> None:
    output, table = sys.argv[1], sys.argv[2]
    rows = []
    with open(table, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.startswith("#"):
                continue
            cells = line.rstrip("\n").split("\t")
            if len(cells) != 5:
                sys.exit(f"{table}:{number}: 5 columns expected, {len(cells)} found")
            rows.append(cells)
    rows.sort(key=lambda cells: cells[0].replace("x", "0"))
    plain = [cells for cells in rows if "x" not in cells[0]]
    repeating = [cells for cells in rows if "x" in cells[0]]

    def text(cells: list[str]) -> str:
        tag, vr, vm, keyword, retired = cells
        digits = tag.replace("x", "0")
        return '{{0x%s,0x%s},Vr::%s,"%s","%s",%s}' % (digits[:4], digits[4:], AMBIGUOUS.get(vr, vr), "" if vm == "-" else vm, keyword,
                                                     "true" if retired == "Y" else "false")

    with open(output, "w", encoding="utf-8") as out:
        out.write("constexpr AttributeRow attribute_rows[] = {\n" + ",\n".join(text(cells) for cells in plain) + "};\n")
        out.write("struct RepeatingRow { std::uint32_t mask; AttributeRow row; };\nconstexpr RepeatingRow repeating_rows[] = {\n")
        masks = ["0x" + "".join("0" if digit == "x" else "F" for digit in cells[0]) for cells in repeating]
        out.write(",\n".join("{%s,%s}" % pair for pair in zip(masks, map(text, repeating))) + "};\n")
        order = sorted(range(len(plain)), key=lambda index: plain[index][3])
        out.write("constexpr std::uint16_t rows_by_keyword[] = {" + ",".join(map(str, order)) + "};\n")
        either = [cells[0] for cells in plain if cells[1].startswith("US or SS")]
        out.write("constexpr std::uint32_t signed_by_pixels[] = {" + ",".join("0x" + tag for tag in either) + "};\n")


main()
