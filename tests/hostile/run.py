"""Hostile senders against a real node: every act does its worst, then looks whether the node still serves, leaks nothing and said why.

  run.py --bin build/release/bin [--whole] [--seed N] [act …]

Small (in `make test`) it takes under a minute; whole it is run by hand and recorded in docs/security/hostile.md."""
import argparse
import json
import pathlib
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "scenario")]

from steps.world import World  # noqa: E402

import connections  # noqa: E402
import contents  # noqa: E402
from watch import Watch  # noqa: E402

ACTS = {**connections.ACTS, **contents.ACTS}


def healthy_log(world) -> list[str]:
    """Lines that are no JSON (something of the input went through), and those of faults of the node itself."""
    wrong = []
    for line in world.log_text().splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            wrong.append("no JSON: " + line[:200])
            continue
        if row.get("level") == "error" or row.get("code", "").startswith("http.handler"):
            wrong.append(line[:400])
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True, help="folder of the built programs")
    parser.add_argument("--whole", action="store_true", help="the long run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="keep the node's folder")
    parser.add_argument("acts", nargs="*", help=f"of {', '.join(ACTS)}; default all")
    options = parser.parse_args()
    chosen = options.acts or list(ACTS)
    if unknown := set(chosen) - set(ACTS):
        parser.error(f"no such act: {', '.join(sorted(unknown))}")
    world = World(options.bin.resolve(), keep=options.keep)
    failed = []
    try:
        world.settings["log.level"] = '"info"'
        world.settings["data.reserve_bytes"] = "0"
        world.add_person("hostile", ["radiographer", "reader", "administrator"])
        world.start()
        watch = Watch(world)
        watch.serves()
        for name in chosen:
            begun = time.monotonic()
            try:
                said = ACTS[name](world, watch, options.whole, options.seed)
                watch.serves()
                print(f"  {time.monotonic() - begun:7.1f} s  {name:12} {said}", flush=True)
            except Exception as fault:  # noqa: BLE001 - the other acts are played all the same
                failed.append(name)
                print(f"  {time.monotonic() - begun:7.1f} s  {name:12} FAILED: {fault}", flush=True)
                traceback.print_exc(limit=-2, file=sys.stdout)
                if world.node is None or world.node.poll() is not None:
                    print(f"the node ended with {world.node and world.node.returncode}")
                    break
        wrong = healthy_log(world)
        if wrong:
            failed.append("log")
            print(f"  {len(wrong)} lines of the log are faults of the node or no JSON:", *wrong[:8], sep="\n    ")
        if world.node and world.node.poll() is None:
            world.run("doctor")
            world.run("ledger", "verify")
            assert world.stop(within=60) == 0, "SIGTERM did not end the node with 0"
            print("  doctor finds nothing wrong, the ledger verifies, SIGTERM ends the node with 0")
    except Exception:  # noqa: BLE001
        traceback.print_exc(file=sys.stdout)
        failed.append("frame")
    finally:
        if failed:
            world.tell()
        world.end()
    print("FAILED: " + ", ".join(failed) if failed else "All acts passed.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
