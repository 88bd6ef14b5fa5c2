#!/bin/sh
# trips.sh WORDS COMMAND...: the command fails, and what it says has the words in it.
set -eu
words=$1
shift
if said=$("$@" 2>&1); then
    echo "did not trip: $*"
    exit 1
fi
echo "$said" | grep -qF -e "$words" && exit 0
echo "tripped over something else than '$words': $*"
echo "$said"
exit 1
