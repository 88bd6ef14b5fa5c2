#!/bin/sh
# Memcheck over what talks to libraries that no sanitizer has looked into: the doors' unit tests,
# and the whole program in those end-to-end tests that bear its slowness.
set -eu
. tests/checks/tools.sh
units='test_client test_http test_http_ends test_loop test_watch test_notify test_replan test_memo
test_store test_cache test_yaml test_json test_secrets'
# Of e2e_day, Fleet counts on real seconds, which are longer in here, and Switches takes minutes.
scenarios='day Day Clouds
faults'
configure valgrind
# shellcheck disable=SC2086 # a list of words
cmake --build build/valgrind --target clusterkeeper workspace-sim $units

# The program under valgrind, as the tests start it.
wrapped=$PWD/build/valgrind/clusterkeeper-in-valgrind
printf '#!/bin/sh\nexec %s %s "$@"\n' "$valgrind_command" "$PWD/build/valgrind/clusterkeeper" \
    >"$wrapped"
chmod +x "$wrapped"

# shellcheck disable=SC2086
printf '%s\n' $units | xargs -P "$jobs" -I '{}' sh -c '
    program=$(find build/valgrind/tests -type f -name "$2")
    $1 "$program" || { echo "FAILED: $2"; exit 1; }
' sh "$valgrind_command" '{}'

export CLUSTERKEEPER="$wrapped" WORKSPACE_SIM="$PWD/build/valgrind/tests/workspace/workspace-sim"
export CLUSTERKEEPER_E2E_GIVES_UP=20s
echo "$scenarios" | xargs -P "$jobs" -L 1 sh -c '
    part=$1
    shift
    python3 -B "tests/e2e/e2e_$part.py" "$@"
' sh
# shellcheck disable=SC2086
tell "memcheck over $(echo $units | wc -w) unit tests, and over the program in e2e_day and e2e_faults"
