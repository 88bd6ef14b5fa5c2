#!/bin/sh
# Shows the main job live: builds, starts a simulated workspace, and keeps the clusters of
# specs/examples/ in it: a plan, the first apply, then the service while an image tag, an init
# script and a worker count are changed in the directory. Ends with 0 only if all of it happened.
set -eu
. "$(dirname "$0")/setup.sh"

# shellcheck disable=SC2086
install_missing $build_packages
echo 'Building (a minute or so the first time) ...'
cmake --preset release >/dev/null
cmake --build --preset release >/dev/null
bin=$PWD/build/release

work=$(mktemp -d)
pids=
finish() {
    for pid in $pids; do kill "$pid" 2>/dev/null || true; done
    for pid in $pids; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
fail() {
    printf '\nThe demo failed: %s\n' "$*" >&2
    [ -f "$work/run.log" ] && tail -n 20 "$work/run.log" >&2
    exit 1
}
show() {
    printf '$ clusterkeeper %s\n' "$*"
    "$bin/clusterkeeper" "$@"
}

say 'A simulated workspace (one second here is a minute there)'
"$bin/tests/workspace/workspace-sim" --port 0 --speed 60 --token demo-token \
    --port-file "$work/port" >"$work/sim.log" 2>&1 &
pids="$pids $!"
tries=0
until [ -s "$work/port" ]; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || fail 'workspace-sim did not start'
    sleep 0.1
done
port=$(cat "$work/port")
export DATABRICKS_HOST="http://127.0.0.1:$port" DATABRICKS_TOKEN=demo-token
export CLUSTERKEEPER_DOCKER_HUB="http://127.0.0.1:$port" # the simulation serves the images, too
export CLUSTERKEEPER_POLL=200ms STATE_DIRECTORY="$work/state"
head -n 1 "$work/sim.log"

cp -R specs/examples "$work/clusters"
cd "$work"

say '1. What would be done?'
show plan clusters

say '2. Do it'
show apply clusters || fail 'apply did not end well'

say '3. The service watches the directory while it changes'
"$bin/clusterkeeper" run clusters --interval 2s 2>"$work/run.log" &
run=$!
pids="$pids $run"

# logged PATTERN: the service has logged it since the last change.
mark=0
logged() {
    tries=0
    until tail -n +$((mark + 1)) "$work/run.log" | grep -q "$1"; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || fail "the service never logged: $1"
        kill -0 $run 2>/dev/null || fail 'the service ended'
        sleep 0.1
    done
}
shown() {
    tail -n +$((mark + 1)) "$work/run.log" | grep -E 'step_begun|settled|noticed' |
        sed 's/^[^ ]* *[a-z]* */    /'
    mark=$(wc -l <"$work/run.log")
}
# change FILE SED-SCRIPT WHAT: as an editor does it, by renaming into place.
change() {
    say "   $3"
    sed "$2" "$1" >"$1.new~"
    cmp -s "$1" "$1.new~" && fail "nothing to change in $1"
    mv "$1.new~" "$1"
}
logged 'event=started'
mark=$(wc -l <"$work/run.log")

change clusters/etl/etl-nightly.yaml 's/\(acme\/etl:\)[0-9.]*/\11.5.0/' \
    'The image tag of etl-nightly: the cluster is replaced'
logged 'event=settled cluster=etl-nightly'
shown

change clusters/init/setup.sh 's/checkpoints/checkpoints-2/' \
    'The content of a local init script: uploaded; streaming is edited in place, and restarts'
logged 'event=settled cluster=streaming'
shown

change clusters/streaming.yaml 's/max_workers: [0-9]*/max_workers: 9/' 'The worker count of streaming: resized without a restart'
logged 'event=settled cluster=streaming'
shown

say '4. Nothing is left to do'
kill $run
wait $run || fail 'the service did not end well'
show plan clusters --detailed-exitcode || fail 'the plan is not empty'
show status
say 'All of it happened.'
