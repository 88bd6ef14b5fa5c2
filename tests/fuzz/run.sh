#!/bin/sh
# Fuzzing on libFuzzer: builds the targets with clang in build/fuzz, then runs each for a while.
#
#   run.sh [SECONDS] [TARGET...]    60 seconds, and all targets, if nothing is said
#   run.sh keep [TARGET...]         what was found since, made small, to corpus/
#
# Inputs are gathered in build/fuzz/grown/TARGET, findings in build/fuzz/findings: inputs that
# broke a promise, that took longer than a second, or more memory than 1500 MB. The exit status is
# 1 when a run ended in one.
set -eu
cd "$(dirname "$0")/../.."

all='manifest image_ref answers config plan'
fuzz=tests/fuzz
build=build/fuzz
input_max=4096

task=run
seconds=60
case ${1:-} in
    keep) task=keep; shift ;;
    [0-9]*) seconds=$1; shift ;;
esac
# shellcheck disable=SC2086 # a list of words
[ $# -gt 0 ] || set -- $all
targets=$*
for target in $targets; do
    case " $all " in
        *" $target "*) ;;
        *) echo "no target '$target'; there are: $all" >&2; exit 64 ;;
    esac
done

build_targets() {
    mkdir -p $build/findings
    cmake -S . -B $build -G Ninja -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug \
        -DCLUSTERKEEPER_SANITIZE=ON -DCLUSTERKEEPER_WERROR=ON -DCLUSTERKEEPER_FUZZ=ON \
        >$build/configure.log || { cat $build/configure.log >&2; exit 1; }
    programs=fuzz_seeds
    for target in $targets; do
        programs="$programs fuzz_$target"
    done
    # shellcheck disable=SC2086 # a list of words
    ninja -C $build $programs >$build/build.log || { cat $build/build.log >&2; exit 1; }
    $build/$fuzz/fuzz_seeds $build/seeds
}

# What people have written, as far as the target takes it.
add_golden() {
    case $1 in
        manifest) cp specs/examples/*.yaml $build/seeds/manifest/ ;;
        answers)
            for case in tests/golden/*/observed.json; do
                name=$(basename "$(dirname "$case")")
                { printf l; cat "$case"; } >"$build/seeds/answers/golden-$name"
            done ;;
    esac
}

# value LOG WORD: what the log's last line of state has behind "WORD:".
value() {
    grep '^#' "$1" | grep -o " $2: [0-9]*" | tail -n 1 | cut -d ' ' -f 3
}

# How many findings of a target there are since its run began.
count_findings() {
    find $build/findings -name "$1-*" -newer "$build/$1.began" | wc -l
}

# libFuzzer looks at the clock on the wall, which other work on the machine moves too: an input
# that takes less than a second of the processor's time, alone, was not slow.
drop_not_slow() {
    for input in "$build/findings/$1-slow-unit-"*; do
        [ -f "$input" ] || continue
        # shellcheck disable=SC3045 # dash, bash and busybox have it
        (ulimit -t 1 && exec "$build/$fuzz/fuzz_$1" "$input") >/dev/null 2>&1 && rm "$input"
    done
    return 0
}

run_target() {
    target=$1
    log=$build/$target.log
    mkdir -p "$build/grown/$target" "$build/seeds/$target"
    add_golden "$target"
    set -- -max_total_time="$seconds" -max_len=$input_max -timeout=10 -report_slow_units=1 \
        -rss_limit_mb=1500 -print_final_stats=1 -artifact_prefix="$build/findings/$target-"
    [ -f "$build/seeds/$target.dict" ] && set -- "$@" -dict="$build/seeds/$target.dict"
    # Its limits are numbers: how near a comparison came leads to them.
    [ "$target" = config ] && set -- "$@" -use_value_profile=1
    status=0
    : >"$build/$target.began"
    "$build/$fuzz/fuzz_$target" "$@" "$build/grown/$target" "$fuzz/corpus/$target" \
        "$build/seeds/$target" >"$log" 2>&1 || status=$?
    drop_not_slow "$target"
    found=$(count_findings "$target")
    printf '%-10s %9s executions   cov %-5s ft %-6s findings %s\n' "$target" \
        "$(grep -o 'number_of_executed_units: .*' "$log" | cut -d ' ' -f 2)" \
        "$(value "$log" cov)" "$(value "$log" ft)" "$found"
    [ $status -eq 0 ] && [ "$found" -eq 0 ] && return 0
    grep -E '^fuzz: |^SUMMARY|runtime error|Test unit written' "$log" || tail -n 20 "$log"
    return 1
}

build_targets
failed=0
for target in $targets; do
    if [ $task = run ]; then
        run_target "$target" || failed=1
    else
        python3 $fuzz/keep.py --max-len $input_max "$build/$fuzz/fuzz_$target" \
            "$fuzz/corpus/$target" "$build/grown/$target" || failed=1
    fi
done
exit $failed
