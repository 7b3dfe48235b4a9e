#!/usr/bin/env bash
# Runs fuzz targets, two at a time: fuzz.sh SECONDS FOLDER TARGET…
#
# A target fuzz_NAME begins with the inputs of tests/fuzz/corpus/NAME and those that earlier runs
# found (FOLDER/NAME). Prints a line for each: how many inputs were tried, in which time, from which
# seed. An input that breaks something is kept in FOLDER, its report is printed, and the exit status
# is 1.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

# fuzz.sh --one SECONDS FOLDER TARGET
if [ "${1-}" = --one ]; then
	seconds=$2 folder=$3 target=$4
	name=${target##*/fuzz_}
	seed=${FUZZ_SEED:-$((RANDOM * 32768 + RANDOM + 1))}
	log=$folder/$name.log
	mkdir -p "$folder/$name"
	arguments=("-max_total_time=$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096
		"-seed=$seed" -print_final_stats=1 "-artifact_prefix=$folder/$name-")
	[ ! -e "tests/fuzz/$name.dict" ] || arguments+=("-dict=tests/fuzz/$name.dict")
	seeds=()
	[ ! -d "tests/fuzz/corpus/$name" ] || seeds=("tests/fuzz/corpus/$name")
	status=0
	ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
		timeout $((seconds + 120)) "$target" "${arguments[@]}" "$folder/$name" "${seeds[@]}" \
		>"$log" 2>&1 </dev/null || status=$?
	tried=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	printf 'fuzz %s: %s inputs in %s s, seed %s: %s\n' "$name" "${tried:-?}" "$SECONDS" "$seed" \
		"$([ "$status" -eq 0 ] && echo ok || echo "FAILED (status $status)")"
	[ "$status" -eq 0 ] || {
		grep -vE '^(#[0-9]+|NEW_FUNC|INFO: seed)' "$log" | tail -n 60
		exit 1
	} >&2
	exit 0
fi

seconds=$1 folder=$2
shift 2
mkdir -p "$folder"
printf '%s\0' "$@" | xargs -0 -n 1 -P 2 "${BASH_SOURCE[0]}" --one "$seconds" "$folder" || {
	echo "fuzz: failed; the inputs are $folder/NAME-crash-*, to be tried by 'TARGET INPUT' and kept in tests/fuzz/corpus/NAME" >&2
	exit 1
}
