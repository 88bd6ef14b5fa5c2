#!/bin/sh
# What the project does not want to see in its C files. text.sh [ROOT]
set -eu
. tests/lint/sources.sh
root=${1:-.}
status=0

# forbid PATTERN WHY [FILTER]: no line matches, apart from those that FILTER takes out.
forbid() {
    found=$(sources "$root" | grep -vE '^\./tests/lint/bad/' | xargs grep -nE "$1" | grep -vE "${3:-^$}" || true)
    [ -z "$found" ] && return
    echo "$2:"
    echo "$found"
    status=1
}

forbid '\b(strcpy|strcat|sprintf|vsprintf|strncpy|strtok|atoi|atol|gmtime|localtime|ctime|rand|alloca|sleep|usleep)\(' \
    'A function that is banned'
forbid '(^|[^_a-z])(malloc|calloc|realloc|strdup)\(' 'Memory that can run out quietly' '/specs/base/mem\.c:|/tests/'
forbid '^[^"]*(^|[^:"])//[^"]*$' 'A // comment' 'https?://'
forbid '\b(TODO|FIXME|XXX|HACK)\b' 'Something left open' "'XXX|XXXXXX"
forbid 'typedef struct( [a-z_]+)? *([a-z_]+;|\{)' 'A typedef of a struct'

long=$(sources "$root" | grep -v '\.def$' | xargs wc -l | awk '$2 != "total" && $1 > 500 { print "  " $2 ": " $1 " lines" }')
if [ -n "$long" ]; then
    echo "Files over 500 lines:"
    echo "$long"
    status=1
fi
exit $status
