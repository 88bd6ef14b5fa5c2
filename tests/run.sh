#!/bin/sh
# Does all set-up and runs every test: installs what is missing, builds with sanitizers and with
# warnings as errors, runs ctest. Words behind are given to ctest: sh tests/run.sh -L unit
# MORE_PACKAGES names packages to install beside: a real registry (docker-registry apache2-utils),
# which starts a service on some machines, is only used where it is there.
set -eu
. "$(dirname "$0")/setup.sh"

# shellcheck disable=SC2086
install_missing $build_packages clang-format clang-tidy mandoc python3 python3-venv \
    yamllint shellcheck jq systemd ${MORE_PACKAGES:-}
cmake --preset dev
cmake --build --preset dev
exec ctest --preset dev "$@"
