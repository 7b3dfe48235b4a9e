# shellcheck shell=bash
# shellcheck disable=SC2154 # root is set by the helpers
# Confluent's own Python client for tests, in the cache of the servers, in the versions of confluent.txt.
#
#   confluent_python   sets CONFLUENT_PYTHON; for setup_file. Two runs may do so at once.

confluent_python() {
	local list=$root/tests/lib/confluent.txt dir new
	# shellcheck source=tests/brokers/common.sh
	dir=$(source "$root/tests/brokers/common.sh" && broker_cache)/confluent-python-$(
		cksum <"$list" | tr -d ' '
	)
	export CONFLUENT_PYTHON=$dir/bin/python
	[ -d "$dir" ] && return 0
	mkdir -p "${dir%/*}"
	exec {lock}>"$dir.lock"
	flock "$lock"
	[ -d "$dir" ] && return 0
	new=$dir.new
	rm -rf "$new"
	# The folder's name is in the scripts of a venv, but not in what is run here: bin/python.
	if ! "$root/scripts/python.sh" --with ensurepip -m venv "$new" >&2 ||
		! "$new/bin/python" -m pip install -q --no-deps --only-binary :all: -r "$list" >&2; then
		rm -rf "$new"
		echo "pip could not install Confluent's Python client" >&2
		return 1
	fi
	mv "$new" "$dir"
	exec {lock}>&-
}
