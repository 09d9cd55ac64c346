"""Rounds in which everybody takes a turn, and the table that comes of them."""
import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = pathlib.Path(os.environ.get("VEDETTE_BENCH_FOLDER", ROOT / "build" / "bench"))
RESULTS = WORK / "results"


@dataclasses.dataclass
class Turn:
    """One contestant: `run` gives the value of one turn (a rate where more is better, or a time)."""
    name: str
    version: str
    settings: str
    durability: str
    run: object
    limit: bool = False


most_minutes = 60.0  # of one table's rounds; the round that has begun ends


def load() -> float:
    return os.getloadavg()[0]


def quiet_disk():
    """Nobody's turn begins with another's unwritten bytes; where the whole machine writes all the time, it begins anyway."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(["sync"], timeout=5)


def one_round(turns, first: int, say) -> dict[str, float]:
    values = {}
    for i in range(len(turns)):
        turn = turns[(first + i) % len(turns)]
        quiet_disk()
        values[turn.name] = turn.run()
        say(f"    {turn.name}: {values[turn.name]:.4g}")
    return values


def interleave(turns, pairs: int, quiet: bool = False):
    """`pairs` rounds; whoever begins changes, so that nobody always has the disk after the same other."""
    say = (lambda _: None) if quiet else (lambda text: print(text, flush=True))
    rounds, begun = [], time.monotonic()
    for i in range(pairs):
        if rounds and time.monotonic() - begun > most_minutes * 60:
            say(f"  no more rounds: {most_minutes} minutes are over")
            break
        say(f"  round {i + 1} of {pairs}, load {load():.1f}")
        rounds.append(one_round(turns, i, say))
    return rounds


def middle(values) -> tuple[float, float, float]:
    ordered = sorted(values)
    low, high = ordered[len(ordered) // 4], ordered[-1 - len(ordered) // 4]
    return statistics.median(ordered), low, high


def number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(bench: str, title: str, unit: str, turns, rounds, more_is_better: bool = True, targets=None, notes=()):
    """Rows as they are printed and stored. The ratio is Vedette : peer where more is better, peer : Vedette where less is:
    above 1 Vedette is ahead; median of the pairwise ratios and its middle half."""
    ours = turns[0].name
    rows = []
    for turn in turns:
        median, low, high = middle([r[turn.name] for r in rounds])
        ratios = [(r[ours] / r[turn.name]) if more_is_better else (r[turn.name] / r[ours]) for r in rounds]
        ratio = middle(ratios)
        target = (targets or {}).get(turn.name)
        rows.append({"peer": turn.name, "version": turn.version, "settings": turn.settings, "durability": turn.durability, "median": median, "low": low,
                     "high": high, "ratio": ratio[0], "ratio_low": ratio[1], "ratio_high": ratio[2], "target": target, "ours": turn.name == ours})
    result = {"bench": bench, "title": title, "unit": unit, "more_is_better": more_is_better, "pairs": len(rounds), "rows": rows, "notes": list(notes),
              "when": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"), "load": round(load(), 1), "machine": machine()}
    print(as_markdown(result), flush=True)
    store(result)
    return result


def as_markdown(result) -> str:
    out = [f"**{result['title']}** ({result['unit']}; {result['pairs']} interleaved rounds, {result['when']}, load {result['load']})", "",
           "| Peer | Version | Settings | Durability | Median | Middle half | Vedette : peer (middle half) | Must reach |", "|---|---|---|---|---|---|---|---|"]
    for row in result["rows"]:
        ratio = "" if row["ours"] else f"{number(row['ratio'])} × ({number(row['ratio_low'])} – {number(row['ratio_high'])})"
        target = ""
        if row["target"] is not None:
            value = row["ratio"] if not row["ours"] else row["median"]
            met = value >= row["target"] if not row["ours"] or result["more_is_better"] else value <= row["target"]
            sign = "≥" if not row["ours"] or result["more_is_better"] else "≤"
            unit = " ×" if not row["ours"] else " " + result["unit"]
            target = f"{sign} {number(row['target'])}{unit}: {'yes' if met else '**no**'}"
        out.append(f"| {row['peer']} | {row['version']} | {row['settings']} | {row['durability']} | {number(row['median'])} | "
                   f"{number(row['low'])} – {number(row['high'])} | {ratio} | {target} |")
    out += [""] + [f"- {note}" for note in result["notes"]]
    return "\n".join(out)


def machine() -> str:
    text = pathlib.Path("/proc/cpuinfo").read_text()
    model = next((line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name")), platform.processor())
    memory = int(next(line.split()[1] for line in pathlib.Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))) >> 20
    governor = pathlib.Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    WORK.mkdir(parents=True, exist_ok=True)
    disk = subprocess.run(["findmnt", "-n", "-o", "SOURCE,FSTYPE,OPTIONS", "-T", str(WORK)], capture_output=True, text=True).stdout.split()
    return (f"{os.cpu_count()} × {model}, {memory} GiB; Linux {platform.release()}; {' '.join(disk)}; "
            f"governor {governor.read_text().strip() if governor.exists() else 'none visible (virtual machine)'}")


def store(result):
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{result['bench']}.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def write_page():
    """Puts every stored table into docs/performance.md, each between markers of its own."""
    page = ROOT / "docs" / "performance.md"
    text = page.read_text()
    for path in sorted(RESULTS.glob("*.json")):
        result = json.loads(path.read_text())
        begin, end = f"<!-- bench {result['bench']} -->", f"<!-- end of {result['bench']} -->"
        body = f"{begin}\n{as_markdown(result)}\n\nMachine: {result['machine']}.\n{end}"
        if begin in text:
            text = text[:text.index(begin)] + body + text[text.index(end) + len(end):]
        else:
            last = "<!-- end of tables -->"
            text = text.replace(last, body + "\n\n" + last)
    page.write_text(text)


def timed(work) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun
