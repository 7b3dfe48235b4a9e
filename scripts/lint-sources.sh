#!/usr/bin/env bash
# The rules of this project that no other tool knows: lint-sources.sh, in the root of the tree.
# Prints every violation and ends with 1 when there was one.
set -uo pipefail
# complain stands at the end of pipes, and what it sets has to stay.
shopt -s lastpipe
status=0

# complain TEXT: standard input is what was found; nothing there is well.
complain() {
	local found
	found=$(cat)
	[ -n "$found" ] || return 0
	printf '%s:\n%s\n' "$1" "$found" | sed '2,$s/^/  /' >&2
	status=1
}

files() {
	git ls-files --cached --others --exclude-standard -- "$@" | while read -r file; do
		[ ! -e "$file" ] || echo "$file"
	done
}

# Code without comments and strings, as FILE:LINE:TEXT, so that words in them do not count.
code() {
	files "$@" | while read -r file; do
		awk -v file="$file" '{
			line = $0
			if (inside) {
				if (!match(line, /\*\//)) next
				line = substr(line, RSTART + 2)
				inside = 0
			}
			gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
			gsub(/\/\*([^*]|\*[^\/])*\*\//, "", line)
			sub(/\/\/.*/, "", line)
			if (match(line, /\/\*/)) { line = substr(line, 1, RSTART - 1); inside = 1 }
			if (line ~ /[^ \t]/) print file ":" NR ":" line
		}' "$file"
	done
}

code 'src/*.c' 'src/*.h' 'include/*.h' |
	grep -E '[^a-zA-Z0-9_](printf|puts|putchar|perror|exit|_exit|abort|vprintf)\(|(fprintf|fputs|fputc|fwrite|vfprintf)\([^;]*(stdout|stderr)' |
	complain 'only cmd/ prints and exits'

code '*.c' '*.h' | grep -E '[^a-zA-Z0-9_](sprintf|vsprintf|strcpy|strcat|stpcpy|atoi|atol|atof|strtok|gets|tmpnam|mktemp)\(' |
	complain 'forbidden functions (no bounds, or no errors)'

code 'src/*.c' 'cmd/*.c' | grep -E '[^a-zA-Z0-9_](sleep|usleep)\(' |
	complain 'sleeping is no synchronisation'

# What is in completions/ is generated, a part for each command.
files '*.c' '*.h' '*.sh' '*.bash' '*.bats' '*.list' ':!completions' | xargs -r wc -l |
	awk '$2 != "total" && $1 > 800 { print $2 ": " $1 " lines" }' |
	complain 'files over 800 lines'

files 'src/*.c' 'src/*.h' 'cmd/*.c' 'cmd/*.h' 'include/*.h' 'tests/*.c' | while read -r file; do
	head -n 1 "$file" | grep -q '^/\*' || echo "$file"
done | complain 'files without a head comment'

# What a file of tests loads is loaded after its own functions are made, and takes their place.
files 'tests/*.bats' | while read -r file; do
	functions() { sed -nE '/^(setup|teardown)(_file)?\(/d; s/^([a-z_0-9]+)\(\) *[{(].*/\1/p' "$@" | sort; }
	mapfile -t loaded < <(sed -nE "s,^\s*load ([a-z_./]+)\$,${file%/*}/\1.bash,p" "$file")
	[ ${#loaded[@]} -eq 0 ] ||
		comm -12 <(functions "$file") <(functions "${loaded[@]}" | uniq) | sed "s,^,$file: ,"
done | complain 'functions of a test that a loaded file replaces'

code 'include/*.h' 'cmd/*.c' 'cmd/*.h' | grep -E '#include <(librdkafka|sqlite3|amqp|hiredis)' |
	complain 'only src/backend knows the brokers'"'"' libraries'

files | grep -vE '^(LICENSE|scripts/lint-sources.sh)$' |
	xargs -r grep -nIE '\b(TODO|FIXME|XXX)\b' |
	complain 'unfinished business'

"$(dirname "${BASH_SOURCE[0]}")/python.sh" - <<'PYTHON' || status=1
import glob, json, sys
from jsonschema import validators
bad = False
for path in sorted(glob.glob("schemas/*.json")):
    try:
        with open(path, encoding="utf-8") as file:
            schema = json.load(file)
        validators.validator_for(schema).check_schema(schema)
    except Exception as error:
        print(f"{path}: no valid JSON Schema: {error}", file=sys.stderr)
        bad = True
sys.exit(bad)
PYTHON
exit "$status"
