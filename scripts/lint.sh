#!/usr/bin/env bash
# Everything that can be said about the tree without running it. `make lint` calls this; each step
# names itself and prints only what is wrong; all steps run, the exit status tells whether one failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
failed=()
make=${MAKE:-make}

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
		shellcheck -x -s bats -e SC2030,SC2031,SC2154,SC2034 "${bats_files[@]}"
}

compile_with() {
	"$make" --no-print-directory -s -j2 "CC=$1" WERROR=1 compile
}

tidy() {
	local flag
	local -a flags=() cxx_flags=(--extra-arg=-std=c++17)
	while read -r flag; do
		flags+=("--extra-arg=$flag")
		[ "$flag" = -std=c11 ] || cxx_flags+=("--extra-arg=$flag")
	done < <("$make" --no-print-directory -s print-cppflags)
	printf '%s\0' "${sources[@]}" | xargs -0 -n 4 -P 2 clang-tidy --quiet "${flags[@]}" 2>/dev/null ||
		return
	[[ ${flags[*]} != *MQ_WITH_protobuf* ]] ||
		clang-tidy --quiet "${cxx_flags[@]}" "${cxx_files[@]}" 2>/dev/null
}

check_c() {
	# missingIncludeSystem: its own view of system headers is not needed for what it finds.
	# normalCheckLevelMaxBranches: only a note about its own limits.
	# unusedFunction and constParameter are not asked for: the contracts are wider than one file.
	cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 -j 2 \
		--suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches \
		-Iinclude -Isrc -I. -D_GNU_SOURCE -DMQ_WITH_kafka -DMQ_WITH_sqlite '-DMQ_VERSION="0"' \
		-D__GNUC__ "${sources[@]}"
}

step 'clang-format' clang-format --dry-run -Werror "${c_files[@]}" "${cxx_files[@]}"
step 'rules of this project' scripts/lint-sources.sh
step 'shellcheck' shellcheck -x "${scripts[@]}"
step 'shellcheck of the tests' check_bats
step 'gcc' compile_with gcc
step 'clang' compile_with clang
step 'clang-tidy' tidy
step 'cppcheck' check_c
step 'manual pages and completions' "$make" --no-print-directory -s docs-check

if [ ${#failed[@]} -gt 0 ]; then
	printf 'lint: failed:'
	printf ' [%s]' "${failed[@]}"
	printf '\n'
	exit 1
fi >&2
echo 'lint: clean'
