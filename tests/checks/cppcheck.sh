#!/bin/sh
# cppcheck over every C file that is compiled; cppcheck.txt holds what it has got wrong, and why.
set -eu
. tests/checks/tools.sh
configure cppcheck
python3 tests/checks/database.py build/cppcheck build/cppcheck/once >build/cppcheck/files
mkdir -p build/cppcheck/known
run_cppcheck -j "$jobs" --cppcheck-build-dir=build/cppcheck/known \
    --project=build/cppcheck/once/compile_commands.json
tell "cppcheck over $(wc -l <build/cppcheck/files) files"
