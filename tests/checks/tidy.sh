#!/bin/sh
# clang-tidy, as .clang-tidy has it, over every C file that is compiled.
set -eu
. tests/checks/tools.sh
configure tidy
python3 tests/checks/database.py build/tidy build/tidy/once >build/tidy/files
# One file in a process: the analyzer of clang 14 takes what it knows of va_list from one file into the
# next. GCC's own warnings are in the commands too.
xargs -P "$jobs" -n 1 sh -c '
    . tests/checks/tools.sh
    # A test that follows a null pointer fails by itself, and cmocka ends it behind the back of the
    # analyzer, which then sees paths that there are not.
    case $1 in tests/*) less=-clang-analyzer-* ;; *) less= ;; esac
    run_tidy -p build/tidy/once --checks="$less" --extra-arg=-Wno-unknown-warning-option "$1"
' sh <build/tidy/files 2>build/tidy/stderr || {
    grep -v ' generated\.$' build/tidy/stderr
    exit 1
}
tell "clang-tidy over $(wc -l <build/tidy/files) files"
