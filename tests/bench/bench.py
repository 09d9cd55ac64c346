#!/usr/bin/env python3
"""Benches of Vedette: peers take turns with us in one run, beside the physical limit of the same minute.

    make bench                            all, at full size (hours)
    tests/bench/bench.py intake_ct        one; --share 0.1 makes it smaller, --pairs 3 shorter
    tests/bench/bench.py page             puts the stored tables into docs/performance.md
"""
import argparse
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import measure  # noqa: E402


def benches():
    import flag
    import growth
    import intake
    import reads
    import stow
    return {"intake_ct": intake.intake_ct, "intake_small": intake.intake_small, "stow": stow.stow, "retrieve": reads.retrieve, "metadata": reads.metadata,
            "flag": flag.flag, "growth": growth.growth, "intake_mixed": intake.intake_mixed}


def main() -> int:
    known = benches()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=[*known, "all", "page"])
    parser.add_argument("--share", type=float, default=1.0, help="of the full size")
    parser.add_argument("--pairs", type=int, default=7, help="interleaved rounds")
    parser.add_argument("--associations", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--exponents", type=int, nargs="+", default=[5, 6, 7], help="growth: powers of ten")
    parser.add_argument("--gigabytes", type=float, default=10, help="stow: size of the generated body; 0 leaves it out")
    parser.add_argument("--only-ours", action="store_true", help="intake: only Vedette and the limits, for tuning")
    parser.add_argument("--no-defaults", action="store_true", help="intake_small: leave out the peers as installed")
    parser.add_argument("--keep", action="store_true", help="growth: keep the filled folders")
    parser.add_argument("--minutes", type=float, default=60, help="no new round of a table begins after this time")
    options = parser.parse_args()
    measure.most_minutes = options.minutes
    if measure.load() > 8:
        print(f"The load is {measure.load():.1f}: only ratios inside a round say anything.", file=sys.stderr)
    names = list(known) if "all" in options.names else [name for name in options.names if name != "page"]
    for name in names:
        print(f"── {name}", flush=True)
        known[name](options)
    shutil.rmtree(measure.WORK / "run", ignore_errors=True)
    if "page" in options.names or "all" in options.names:
        measure.write_page()
    return 0


if __name__ == "__main__":
    sys.exit(main())
