#!/bin/sh
# What the tests execute, in lines and branches, for each folder; coverage.py knows the floors.
set -eu
. tests/checks/tools.sh
build=build/coverage
configure coverage -DCMAKE_C_FLAGS=--coverage
cmake --build $build
find $build -name '*.gcda' -delete
ctest --test-dir $build -j "$((2 * jobs))" --output-on-failure -L 'unit|golden|cli|e2e'
$build/tests/sim/sim --seeds 60
gcovr --root . --object-directory $build -j "$jobs" \
    --filter 'specs/' --filter 'state/' --filter 'reconciler/' --filter 'controller/' \
    --json-summary $build/coverage.json --txt $build/coverage.txt $build
python3 -B tests/checks/coverage.py $build/coverage.json >$build/coverage.folders ||
    { cat $build/coverage.folders; exit 1; }
tell "unit, golden, cli, e2e and 60 seeds of sim; by file: $build/coverage.txt"
cat $build/coverage.folders >&3
