#!/bin/sh
# A check that cannot fail is worse than none: can_fail.sh TOOL gives the tool its bad sample, which
# it must find. Exit status 77: the tool is not there.
set -eu
. tests/checks/tools.sh
bad=tests/checks/bad
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# needs PROGRAM
needs() {
    command -v "$1" >/dev/null && return
    echo "skipped: $1 is not installed"
    exit 77
}

# finds WORD COMMAND...: the command fails, and what it says has WORD in it.
finds() {
    word=$1
    shift
    if said=$("$@" 2>&1); then
        echo "found nothing: $*"
        exit 1
    fi
    echo "$said" | grep -q -e "$word" && return
    echo "found something else than '$word': $*"
    echo "$said"
    exit 1
}

case $1 in
tidy)
    needs clang-tidy
    finds 'misc-redundant-expression' run_tidy $bad/tidy.c -- -std=c11
    ;;
analyzer)
    needs gcc
    finds 'analyzer-double-free' gcc -std=c11 -fanalyzer -Werror -c $bad/analyzer.c -o "$work/o"
    ;;
cppcheck)
    needs cppcheck
    finds 'arrayIndexOutOfBounds' run_cppcheck $bad/cppcheck.c
    ;;
valgrind)
    needs valgrind
    gcc -std=c11 -g -O0 $bad/valgrind.c -o "$work/leaks"
    # shellcheck disable=SC2086 # a list of words
    finds 'definitely lost' $valgrind_command "$work/leaks"
    ;;
coverage)
    needs python3
    finds 'state/: 94.9 %' python3 -B tests/checks/coverage.py $bad/coverage.json
    ;;
*)
    echo "no such tool: $1"
    exit 1
    ;;
esac
