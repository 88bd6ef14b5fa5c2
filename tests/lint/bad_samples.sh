#!/bin/sh
# Each check is tried on a sample that is bad: a check that cannot fail is worse than none.
set -eu
cc=$1
status=0

# trips WORD COMMAND...: the command fails, and what it says has WORD in it.
trips() {
    word=$1
    shift
    if said=$("$@" 2>&1); then
        echo "did not trip: $*"
        status=1
    elif ! echo "$said" | grep -q "$word"; then
        echo "tripped over something else than '$word': $*"
        echo "$said"
        status=1
    fi
}

bad=tests/lint/bad
trips 'calls time' sh tests/lint/pure.sh "$cc" $bad/impure_clock.c
trips 'writable data' sh tests/lint/pure.sh "$cc" $bad/impure_state.c
trips 'sqlite3' sh tests/lint/includes.sh $bad
trips 'climbs out' sh tests/lint/includes.sh $bad
trips 'banned' sh tests/lint/text.sh $bad
trips '// comment' sh tests/lint/text.sh $bad
trips 'left open' sh tests/lint/text.sh $bad
trips 'typedef' sh tests/lint/text.sh $bad
trips 'clang-format' sh tests/lint/format.sh $bad
# The compiler itself: an include in the wrong direction does not compile.
trips 'store.h' "$cc" -fsyntax-only -Ireconciler -Ispecs -Ispecs/base -include store.h -x c /dev/null
trips 'decide.h' "$cc" -fsyntax-only -Istate -Ispecs/base -include decide.h -x c /dev/null
exit $status
