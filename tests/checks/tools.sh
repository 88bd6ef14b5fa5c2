# shellcheck shell=sh disable=SC2034
# Sourced, at the top of the project: how each tool is called, on the code and on its bad sample.
jobs=$(nproc)

# The rest of the options is in .clang-tidy.
run_tidy() {
    clang-tidy --quiet --config-file=.clang-tidy "$@"
}

# It reads no headers of the system: what uthash's macros do to a variable it must be shown.
run_cppcheck() {
    cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability --std=c11 \
        --suppressions-list=tests/checks/cppcheck.txt --include=/usr/include/uthash.h \
        --template='{file}:{line}: {id}: {message}' "$@"
}

# Findings end the program with the status that the end-to-end tests take for a finding.
valgrind_status=99
valgrind_command="valgrind --quiet --error-exitcode=$valgrind_status --leak-check=full \
--show-leak-kinds=definite,indirect,possible --errors-for-leak-kinds=definite,indirect,possible \
--track-fds=no --suppressions=$PWD/tests/checks/valgrind.supp"

# A build directory of its own for each check. configure NAME [OPTION...]
configure() {
    name=$1
    shift
    cmake -S . -B "build/$name" -G Ninja -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Debug "$@"
}

# Tells what the check did.
tell() {
    echo "$*" >&3
}
