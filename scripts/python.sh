#!/usr/bin/env bash
# Runs the Python that has the system's packages (jsonschema): the first python3 in PATH may be
# another one, which has not.
for python in python3 /usr/bin/python3; do
	if "$python" -c 'import jsonschema' 2>/dev/null; then
		exec "$python" "$@"
	fi
done
exec python3 "$@"
