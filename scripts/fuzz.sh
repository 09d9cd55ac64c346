#!/usr/bin/env bash
# Runs the fuzz targets, each for a while, on seeds made here. What is found lies in build/fuzz/found.
#   scripts/fuzz.sh [seconds per target] [target …]      default: 60 s, all
set -uo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -eq 0 ] && targets=(data_set json multipart pdu zip)
work=build/fuzz
mkdir -p "$work/corpus" "$work/seeds" "$work/found" "$work/logs"
"$work/bin/fuzz_seeds" "$work/seeds" || exit 1
failed=()
for name in "${targets[@]}"; do
  mkdir -p "$work/corpus/$name"
  begun=$SECONDS
  # A run is a finding where it takes more than 10 s or 1 GiB, leaks, or trips a sanitizer.
  nice -n 10 "$work/bin/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1536 -max_len=65536 -print_final_stats=1 \
    -artifact_prefix="$work/found/$name-" "$work/corpus/$name" "$work/seeds/$name" >"$work/logs/$name.log" 2>&1
  state=$?
  cpu=$(grep -ho 'stat::number_of_executed_units: *[0-9]*' "$work/logs/$name.log" | grep -o '[0-9]*$')
  echo "$name: $((SECONDS - begun)) s, ${cpu:-?} runs, exit $state"
  [ $state -eq 0 ] || failed+=("$name")
done
[ ${#failed[@]} -eq 0 ] || { echo "FOUND something: ${failed[*]}; see $work/logs and $work/found"; exit 1; }
