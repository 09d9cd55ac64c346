"""tables/dicom/attributes.tsv -> constants named by keyword. Kept to one short line each: this file is included everywhere."""
import sys

from dicom_names import snake


def main() -> None:
    output, table = sys.argv[1], sys.argv[2]
    seen: dict[str, str] = {}
    with open(table, encoding="utf-8") as lines, open(output, "w", encoding="utf-8") as out:
        for number, line in enumerate(lines, 1):
            if line.startswith("#"):
                continue
            tag, _, _, keyword, _ = line.rstrip("\n").split("\t")
            name = snake(keyword)
            if name in seen:
                sys.exit(f"{table}:{number}: {keyword} and {seen[name]} are both named {name}")
            seen[name] = keyword
            digits = tag.replace("x", "0")
            out.write(f"inline constexpr Tag {name}{{0x{digits[:4]},0x{digits[4:]}}};\n")


main()
