#!/bin/sh
# Every C file is as .clang-format wants it. format.sh [ROOT]
set -eu
. tests/lint/sources.sh
if ! command -v clang-format >/dev/null; then
    echo "clang-format is not installed" >&2
    exit 1
fi
sources "${1:-.}" | grep -v '\.def$' | grep -v '^\./tests/lint/bad/' | xargs clang-format --style=file:.clang-format --dry-run --Werror
