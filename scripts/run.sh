#!/usr/bin/env bash
# Starts a node with demonstration studies on build/demo, and says where to look. Ctrl-C ends it.
set -euo pipefail
cd "$(dirname "$0")/.."
vedette=build/release/bin/vedette
demo=build/demo
data=$demo/data
http=${VEDETTE_HTTP:-127.0.0.1:8080}
dicom=${VEDETTE_DICOM:-127.0.0.1:11112}
settings=(--set "data.folder=$data" --set "http.listen=$http" --set "dicom.listen=$dicom" --set demo.enabled=true)

mkdir -p "$demo"
fresh=no
if [ ! -f "$demo/.people" ]; then
  fresh=yes
  printf 'demonstration\n' >"$demo/password"
  "$vedette" user add demo --display "Demo Reader" --role reader --role administrator --password-file "$demo/password" "${settings[@]}" >/dev/null
  touch "$demo/.people"
fi

"$vedette" serve "${settings[@]}" 2>"$demo/node.log" &
node=$!
trap 'kill -TERM $node 2>/dev/null; wait $node; exit 0' INT TERM
for _ in $(seq 300); do
  kill -0 $node 2>/dev/null || { tail -n 5 "$demo/node.log" >&2; exit 1; }
  curl -fs "http://$http/readyz" >/dev/null && break
  sleep 0.1
done

if [ "$fresh" = yes ]; then
  echo "Loading synthetic studies …"
  host=${dicom%:*} port=${dicom##*:}
  for seed in 1 2 3; do
    "$vedette" phantom pet-ct --out "$demo/study-$seed" --seed "$seed" >/dev/null
    storescu -aec VEDETTE +sd +r "$host" "$port" "$demo/study-$seed" --scan-pattern "*.dcm" >/dev/null
    rm -rf "$demo/study-$seed"
  done
fi

cat <<END

  Vedette runs. Demonstration only: no medical device, synthetic studies, findings are for review.

    Page     http://$http/        sign in as  demo  with the password  demonstration
    DICOM    $dicom         AE title VEDETTE:  storescu -aec VEDETTE ${dicom/:/ } FILES
    Log      $demo/node.log

  Ctrl-C ends it.
END
wait $node
