#!/bin/sh
# Every check of the code that is not a test of its behaviour: sh tests/checks.sh [NAME...]
# Each ends with a line, `ok NAME (what it did)` or `FAILED NAME`; its log is in build/checks/.
set -eu
. "$(dirname "$0")/setup.sh"

# In this order: what fails fast comes first.
all='includes purity cppcheck tidy analyzer valgrind coverage'
log_lines_shown=60

# run_check NAME: tests/checks/NAME.sh says on descriptor 3 what it did.
run_check() {
    log=build/checks/$1.log
    began=$(date +%s)
    if told=$(sh "tests/checks/$1.sh" 3>&1 >"$log" 2>&1); then
        echo "ok $1 ($(echo "$told" | sed 1q), $(($(date +%s) - began)) s)"
        echo "$told" | sed -n '2,$ s/^/   /p'
        return 0
    fi
    [ -z "$told" ] || echo "$told"
    tail -n "$log_lines_shown" "$log"
    echo "FAILED $1 (the whole log: $log)"
    return 1
}

# shellcheck disable=SC2086 # a list of words
[ $# -gt 0 ] || set -- $all
for name in "$@"; do
    case " $all " in
    *" $name "*) ;;
    *)
        echo "There is no check '$name'; there are: $all" >&2
        exit 2
        ;;
    esac
done

# shellcheck disable=SC2086 # a list of words
install_missing $build_packages python3 clang-tidy cppcheck valgrind gcovr binutils
mkdir -p build/checks
failed=0
for name in "$@"; do
    run_check "$name" || failed=$((failed + 1))
done
[ $failed = 0 ]
