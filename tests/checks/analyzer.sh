#!/bin/sh
# GCC's -fanalyzer over the product; analyzer.cmake holds what it has got wrong, and why.
set -eu
. tests/checks/tools.sh
configure analyzer -DCLUSTERKEEPER_TESTS=OFF -DCLUSTERKEEPER_WERROR=ON \
    -DCMAKE_PROJECT_INCLUDE="$PWD/tests/checks/analyzer.cmake"
cmake --build build/analyzer -- -k 0
tell "gcc -fanalyzer over $(find specs state reconciler controller -name '*.c' | wc -l) files"
