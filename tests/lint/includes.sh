#!/bin/sh
# A header of somebody else's library is included in the one file that knows the library, and
# nobody reaches into another folder by a path. (Who may include whom among our own folders is
# enforced by the include paths of CMakeLists.txt.) includes.sh [ROOT]
set -eu
root=${1:-.}
status=0

# only HEADER FILE...: HEADER is included by the FILEs alone (tests aside).
only() {
    header=$1
    shift
    found=$(cd "$root" && grep -rlE "#include <$header>" controller reconciler specs state 2>/dev/null | sort || true)
    for file in $found; do
        allowed=no
        for name in "$@"; do
            case $file in $name) allowed=yes ;; esac
        done
        [ $allowed = yes ] && continue
        echo "$file includes <$header>, which belongs to: $*"
        status=1
    done
}

only 'yaml\.h' specs/yaml_tree.c
only '(cjson/)?cJSON\.h' specs/json.c
only 'sqlite3\.h' 'state/*'
only 'curl/.*\.h' controller/http.c controller/http_transfer.c controller/http_transfer.h
only 'openssl/.*\.h' specs/base/digest.c
only 'uthash\.h' specs/base/hash.h
only 'uv\.h' controller/http.h controller/loop.h controller/source/watch.h 'controller/http*' \
    'controller/loop*' 'controller/source/*'

reached=$(cd "$root" && grep -rnE '#include "\.\./' controller reconciler specs state 2>/dev/null || true)
if [ -n "$reached" ]; then
    echo "An include that climbs out of its folder:"
    echo "$reached"
    status=1
fi
exit $status
