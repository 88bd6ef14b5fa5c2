#!/bin/sh
# The decision core is pure: what it needs from outside are functions of their arguments (no
# clock, file, socket, environment, random number, output), and it holds no writable data.
# pure.sh CC [FILE...]; without files, those of reconciler/.
set -eu
cc=$1
shift
[ $# -gt 0 ] || set -- reconciler/*.c
status=0
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT

for file in "$@"; do
    "$cc" -std=c11 -D_POSIX_C_SOURCE=200809L -O1 -Ireconciler -Ispecs -Ispecs/base -c "$file" \
        -o "$objects/$(basename "$file" .c).o"
done

# Functions of the C library that are functions of their arguments.
pure='memcpy|memmove|memset|memcmp|memchr|strlen|strnlen|strcmp|strncmp|strchr|strrchr|strstr|strspn|strcspn|qsort|bsearch|abort|__assert_fail|__stack_chk_fail'
# The ground floor and the specs, which the core stands on.
ours='arena_.*|buf_.*|err_.*|value_.*|json_.*|digest_.*|hasher_.*|text_.*|field_.*|change_class_name|phase_name|step_name|strategy_name|prune_name|xmalloc|xcalloc|xrealloc|xfree|arr_grow|_GLOBAL_OFFSET_TABLE_'

defined=$(nm --defined-only "$objects"/*.o | awk 'NF == 3 { print $3 }' | sort -u)
for symbol in $(nm --undefined-only "$objects"/*.o | awk '$1 == "U" { print $2 }' | sort -u); do
    echo "$symbol" | grep -qxE "$pure|$ours" && continue
    echo "$defined" | grep -qxF "$symbol" && continue
    echo "the core calls $symbol, which is not a function of its arguments"
    status=1
done

# Tables of pointers lie in .data.rel.ro, which is read-only once the process runs.
writable=$(size -A "$objects"/*.o | awk '
    / :$/ { file = $1 }
    ($1 == ".data" || $1 == ".bss" || $1 == ".tdata" || $1 == ".tbss") && $2 > 0 {
        print "  " file ": " $2 " bytes in " $1
    }')
if [ -n "$writable" ]; then
    echo "the core has writable data:"
    echo "$writable"
    status=1
fi
exit $status
