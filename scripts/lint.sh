#!/usr/bin/env bash
# Everything that can be said about the tree without running it. `make lint` calls this; each step
# names itself and prints only what is wrong; all steps run, the exit status tells whether one failed.
#
# What clang-tidy found nothing in is remembered (MQTK_CACHE, usually ~/.cache/mqtk-tests): the same text,
# with all that it includes, the same rules, flags and tool are not analyzed again.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
failed=()
make=${MAKE:-make}
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null) || jobs=2

step() {
	local name=$1 log
	shift
	printf 'lint: %s\n' "$name"
	log=$("$@" 2>&1) || {
		printf '%s\n' "$log" >&2
		failed+=("$name")
	}
}

mapfile -t c_files < <(git ls-files --cached --others --exclude-standard '*.c' '*.h' | xargs -r ls -d 2>/dev/null)
mapfile -t sources < <(printf '%s\n' "${c_files[@]}" | grep '\.c$')
mapfile -t cxx_files < <(git ls-files --cached --others --exclude-standard '*.cc' | xargs -r ls -d 2>/dev/null)
mapfile -t scripts < <(git ls-files --cached --others --exclude-standard |
	while read -r file; do
		if [[ -f $file && $file != completions/* && $file != *.bats ]] &&
			head -n 1 "$file" | grep -qaE '^#!.*bash|^# shellcheck shell='; then
			echo "$file"
		fi
	done)
# Some are links to one list: each is checked once.
mapfile -t bats_files < <(git ls-files --cached --others --exclude-standard '*.bats' |
	xargs -r readlink -f | sort -u)

# In bats every test is a function that runs in a subshell, and helpers set variables for it.
check_bats() {
	[ ${#bats_files[@]} -eq 0 ] ||
		printf '%s\0' "${bats_files[@]}" | xargs -0 -n 8 -P "$jobs" \
			shellcheck -x -s bats -e SC2030,SC2031,SC2154,SC2034
}

compile_with() {
	"$make" --no-print-directory -s "-j$jobs" "CC=$1" WERROR=1 "${@:2}" compile
}

# tidy_one FILE: with the flags in $tidy_flags, one a line.
tidy_one() {
	local -a flags extra=()
	local flag seen
	mapfile -t flags <<<"$tidy_flags"
	for flag in "${flags[@]}"; do extra+=("--extra-arg=$flag"); done
	# With comments, macros and #include lines: clang-tidy reads them too.
	seen=$(set -o pipefail
		{ echo "$tidy_rules" && echo "$tidy_flags" && clang "${flags[@]}" -E -CC -dD -dI "$1" 2>/dev/null; } |
			sha256sum) && seen=$tidy_seen/${seen%% *} || seen=
	if [ -n "$seen" ] && [ -e "$seen" ]; then
		touch "$seen"
		return
	fi
	clang-tidy --quiet "${extra[@]}" "$1" 2>/dev/null || return
	[ -z "$seen" ] || : >"$seen"
}

tidy() {
	tidy_rules=$(clang-tidy --version && cat .clang-tidy) || return
	tidy_flags=$("$make" --no-print-directory -s print-cppflags) || return
	tidy_seen=${MQTK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mqtk-tests}/tidy
	mkdir -p "$tidy_seen" && find "$tidy_seen" -type f -mtime +30 -delete
	export -f tidy_one
	export tidy_rules tidy_flags tidy_seen
	# shellcheck disable=SC2016 # of the inner bash
	printf '%s\0' "${sources[@]}" | xargs -0 -n 1 -P "$jobs" bash -c 'tidy_one "$1"' tidy || return
	[[ $tidy_flags != *MQ_WITH_protobuf* ]] || {
		tidy_flags=${tidy_flags/-std=c11/-std=c++17}
		# shellcheck disable=SC2016
		printf '%s\0' "${cxx_files[@]}" | xargs -0 -n 1 bash -c 'tidy_one "$1"' tidy
	}
}

check_c() {
	# missingIncludeSystem: its own view of system headers is not needed for what it finds.
	# normalCheckLevelMaxBranches: only a note about its own limits.
	# unusedFunction and constParameter are not asked for: the contracts are wider than one file.
	cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 -j "$jobs" \
		--suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches \
		-Iinclude -Isrc -I. -D_GNU_SOURCE -DMQ_WITH_kafka -DMQ_WITH_sqlite '-DMQ_VERSION="0"' \
		-D__GNUC__ "${sources[@]}"
}

step 'clang-format' clang-format --dry-run -Werror "${c_files[@]}" "${cxx_files[@]}"
step 'rules of this project' scripts/lint-sources.sh
step 'shellcheck' shellcheck -x "${scripts[@]}"
step 'shellcheck of the tests' check_bats
# These objects are those of `make check`. What clang warns of does not depend on optimization.
step 'gcc' compile_with gcc
step 'clang' compile_with clang OPT=-O0 VARIANT_SUFFIX=-lint
step 'manual pages and completions' \
	"$make" --no-print-directory -s "-j$jobs" CC=gcc WERROR=1 docs-check
step 'clang-tidy' tidy
step 'cppcheck' check_c

if [ ${#failed[@]} -gt 0 ]; then
	printf 'lint: failed:'
	printf ' [%s]' "${failed[@]}"
	printf '\n'
	exit 1
fi >&2
echo 'lint: clean'
