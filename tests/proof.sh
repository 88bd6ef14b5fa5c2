#!/bin/sh
# The large sizes of everything that takes a size, one after the other; hours. Modest sizes of the
# same run in tests/run.sh. sh tests/proof.sh [SEEDS [CUTS [FUZZ_SECONDS]]]
# Ends with 0 only if all of it was clean; each part can be run alone, as its README says.
set -eu
. "$(dirname "$0")/setup.sh"
seeds=${1:-1000000} cuts=${2:-10000} fuzz_seconds=${3:-600}

# shellcheck disable=SC2086 # a list of words
install_missing $build_packages clang llvm libclang-rt-14-dev python3
cmake --preset release
cmake --build --preset release
tests=$PWD/build/release/tests

"$tests/sim/sim" --seeds "$seeds" --from 1 --all-marks
"$tests/sim/sim" --seeds $((seeds / 100 + 1)) --from 1 --size large
"$tests/crash/power_cuts" --cuts "$cuts"
"$tests/crash/fault_points"
sh tests/fuzz/run.sh "$fuzz_seconds"
python3 tests/mutation/mutate.py --jobs 2
python3 tests/promises/promises.py --jobs 2
