#!/usr/bin/env bash
# Packages of node for benchmarks, pinned by hash: npm.sh FOLDER
#
# FOLDER has a package.json and its package-lock.json. Installs them into a folder of their own in the
# tests' cache and prints it, for NODE_PATH. What is in the cache is not fetched again. Status 1, and
# the reason on standard error, when they cannot be had.
set -uo pipefail
folder=${1-}
if [ $# -ne 1 ] || [ ! -r "$folder/package-lock.json" ]; then
	echo "usage: npm.sh FOLDER" >&2
	exit 2
fi

name=$(basename "$folder")
for tool in node npm; do
	command -v "$tool" >/dev/null || {
		echo "npm.sh: $name cannot be had: there is no $tool" >&2
		exit 1
	}
done
cache=${MQTK_TEST_CACHE:-${MQTK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mqtk-tests}}
dir=$cache/npm-$name-$(sha256sum <"$folder/package-lock.json" | cut -c1-12)
if [ ! -d "$dir" ]; then
	mkdir -p "$cache"
	new=$(mktemp -d "$dir.XXXXXX")
	trap 'rm -rf "$new"' EXIT
	cp "$folder/package.json" "$folder/package-lock.json" "$new"
	log=$(npm ci --prefix "$new" --ignore-scripts --no-audit --no-fund 2>&1 </dev/null) || {
		echo "npm.sh: $name cannot be had: $(grep -m 1 'npm error' <<<"$log")" >&2
		exit 1
	}
	# Two runs may do so at once: the first stays.
	mv -T "$new" "$dir" 2>/dev/null || [ -d "$dir" ] || exit 1
fi
echo "$dir/node_modules"
