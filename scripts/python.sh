#!/usr/bin/env bash
# Runs a Python that has what is wanted: python.sh [--with MODULE] ARGUMENT… (jsonschema when not
# told). The first python3 in PATH may be another one than the system's, and have other modules.
module=jsonschema
if [ "${1-}" = --with ]; then
	module=$2
	shift 2
fi
# Within one run of bats the answer is kept: looking costs as much as many of the checks.
known=${BATS_RUN_TMPDIR:+$BATS_RUN_TMPDIR/python-$module}
if [ -n "$known" ] && [ -s "$known" ]; then
	read -r found <"$known"
	exec "$found" "$@"
fi
for python in python3 /usr/bin/python3; do
	if found=$("$python" -c "import sys, $module; print(sys.executable)" 2>/dev/null); then
		[ -z "$known" ] || {
			printf '%s\n' "$found" >"$known.$$" && mv -f "$known.$$" "$known"
		}
		exec "$found" "$@"
	fi
done
exec python3 "$@"
