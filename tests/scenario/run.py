"""Runs one story: reads its lines, finds the step of each, and tells how far it came."""
import argparse
import pathlib
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from steps import Skip, World, find_step  # noqa: E402


def lines_of(path: pathlib.Path):
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = raw.strip()
        if line and not line.startswith("#"):
            yield number, line


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("story", type=pathlib.Path)
    parser.add_argument("--bin", type=pathlib.Path, required=True, help="folder of the built programs")
    parser.add_argument("--keep", action="store_true", help="keep the story's folder")
    options = parser.parse_args()

    told = list(lines_of(options.story))
    unknown = [(n, line) for n, line in told if not line.startswith(("Story:", "Proves:")) and find_step(line) is None]
    for number, line in unknown:
        print(f"{options.story}:{number}: no step says '{line}'")
    if unknown:
        return 2
    if not any(line.startswith("Proves:") for _, line in told):
        print(f"{options.story}: a story names what it proves")
        return 2

    world = World(options.bin.resolve(), keep=options.keep)
    try:
        for number, line in told:
            if line.startswith(("Story:", "Proves:")):
                print(line)
                continue
            step, values = find_step(line)
            begun = time.monotonic()
            try:
                step(world, *values)
            except Skip as reason:
                print(f"SKIPPED: {reason}")
                return 77
            except Exception:  # noqa: BLE001 - the story ends here, whatever it was
                print(f"  FAILED  {line}   ({options.story}:{number})")
                traceback.print_exc(limit=-3, file=sys.stdout)
                world.tell()
                return 1
            print(f"  {time.monotonic() - begun:6.2f} s  {line}")
        return 0
    finally:
        world.end()


if __name__ == "__main__":
    sys.exit(main())
