#!/usr/bin/env bash
# Python packages for tests and benchmarks, pinned by hash: pypi.sh packages|source LIST
#
# LIST is a requirements file in which each package has its hashes. `packages` installs them into a
# folder of their own in the tests' cache and prints it, for PYTHONPATH; `source` unpacks the source
# archive of the one package and prints that folder. What is in the cache is not fetched again. Status
# 1, and the reason on standard error, when they cannot be had.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
what=${1-} list=${2-}
if [ $# -ne 2 ] || [[ $what != packages && $what != source ]] || [ ! -r "$list" ]; then
	echo "usage: pypi.sh packages|source LIST" >&2
	exit 2
fi

cache=${MQTK_TEST_CACHE:-${MQTK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mqtk-tests}}
name=$(basename "$list" .txt)
python() { "$here/python.sh" --with pip "$@"; }
for_version=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])') || exit 1
dir=$cache/pypi-$name-$what-$for_version-$(sha256sum <"$list" | cut -c1-12)
if [ ! -d "$dir" ]; then
	python -c 'import pip' 2>/dev/null || {
		echo "pypi.sh: there is no pip ('scripts/deps.sh fast' installs it)" >&2
		exit 1
	}
	mkdir -p "$cache"
	new=$(mktemp -d "$dir.XXXXXX")
	trap 'rm -rf "$new"' EXIT
	arguments=(--quiet --disable-pip-version-check --retries 1 --no-deps --require-hashes -r "$list")
	if [ "$what" = packages ]; then
		log=$(python -m pip install --only-binary :all: --target "$new/out" "${arguments[@]}" 2>&1 </dev/null)
	else
		log=$(python -m pip download --no-binary :all: -d "$new" "${arguments[@]}" 2>&1 </dev/null) &&
			mkdir "$new/out" && tar -xzf "$new"/*.tar.gz -C "$new/out" --strip-components=1
	fi || {
		echo "pypi.sh: $name cannot be had: $(tail -n 1 <<<"$log")" >&2
		exit 1
	}
	# Two runs may do so at once: the first stays.
	mv -T "$new/out" "$dir" 2>/dev/null || [ -d "$dir" ] || exit 1
fi
echo "$dir"
