#!/usr/bin/env bash
# Runs a Python that has what is wanted: python.sh [--with MODULE] ARGUMENT… (jsonschema when not
# told). The first python3 in PATH may be another one than the system's, and have other modules.
module=jsonschema
if [ "${1-}" = --with ]; then
	module=$2
	shift 2
fi
for python in python3 /usr/bin/python3; do
	if "$python" -c "import $module" 2>/dev/null; then
		exec "$python" "$@"
	fi
done
exec python3 "$@"
