# shellcheck shell=bash
# A schema registry for tests (Apicurio, which speaks Confluent's protocol), to be sourced inside
# tests/brokers/run (which sets MQTK_TEST_DIR):
#
#   registry_start NAME [PROPERTY=VALUE]…    a variable of its environment
#   registry_use NAME        sets REGISTRY, the URL of the protocol
#   registry_stop NAME       registry_kill NAME       registry_again NAME
#
# On 127.0.0.1, at a port that was free; what is registered is in memory and ends with the server. The
# program is got once by Maven, into the cache that Kafka's jars are in. tests/brokers/supervise runs
# it, so that none outlives the run.

# shellcheck disable=SC2034 # for those who source this
APICURIO=3.0.9

# shellcheck source=tests/brokers/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# registry_program VERSION: makes sure that it is in the cache. Two runs may do so at once. Its parent
# POM is not published, so the file is got alone, which later versions of the plugin cannot.
registry_program() {
	local version=$1 cache dir new
	cache=$(broker_cache)
	dir=$cache/apicurio-$version
	[ -d "$dir" ] && return 0
	mkdir -p "$cache"
	new=$(mktemp -d "$cache/apicurio-$version.XXXXXX")
	echo "copying Apicurio Registry $version to $dir" >&2
	if ! mvn -B -q -Dstyle.color=never org.apache.maven.plugins:maven-dependency-plugin:2.8:get \
		"-Dartifact=io.apicurio:apicurio-registry-app:$version:tar.gz:all" -Dtransitive=false \
		"-Ddest=$new/app.tar.gz" </dev/null >"$new/maven.log" 2>&1 ||
		! tar -xzf "$new/app.tar.gz" -C "$new"; then
		cat "$new/maven.log" >&2
		rm -rf "$new"
		echo "registry.sh: Maven could not get Apicurio Registry $version" >&2
		return 1
	fi
	rm -f "$new/app.tar.gz"
	chmod 755 "$new"
	mv -T "$new" "$dir" 2>/dev/null || rm -rf "$new"
	[ -d "$dir" ]
}

registry_node() {
	local dir=$1
	local -a settings
	mapfile -t settings <"$dir/settings"
	broker_node "$dir/1" env "${settings[@]}" java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
		-jar "$(broker_cache)/apicurio-$APICURIO/apicurio-registry-app-$APICURIO-runner.jar"
}

# It answers, and not just its port.
registry_answers() {
	local line=
	(
		exec 5<>"/dev/tcp/127.0.0.1/$1" || exit
		printf 'GET /apis/ccompat/v7/subjects HTTP/1.0\r\n\r\n' >&5
		read -r -t 10 line <&5
		[[ $line == *' 200 '* ]]
	) 2>/dev/null
}

registry_wait() {
	broker_wait "$1/1" 120 registry_answers "$(sed -n 's/^QUARKUS_HTTP_PORT=//p' "$1/settings")"
}

registry_start() {
	local name=$1 dir=$MQTK_TEST_DIR/$1 port try status=1
	shift
	registry_program "$APICURIO" || return
	# Another process may take the port between the choice and the start: then once more.
	for try in 1 2 3; do
		broker_folder "$dir" "$dir/1" || return
		port=$(broker_ports 1)
		printf '%s\n' "QUARKUS_HTTP_PORT=$port" QUARKUS_HTTP_HOST=127.0.0.1 "$@" >"$dir/settings"
		echo "REGISTRY=http://127.0.0.1:$port/apis/ccompat/v7" >"$dir/env"
		registry_node "$dir" || return
		status=0
		registry_wait "$dir" || status=$?
		[ "$status" -eq 0 ] && break
		tail -n 20 "$dir/1/log" >&2
		echo "registry.sh: the registry did not start (try $try)" >&2
		registry_stop "$name"
		[ "$status" -eq 1 ] || return 1
	done
	[ "$status" -eq 0 ] && registry_use "$name"
}

registry_use() {
	unset REGISTRY
	# shellcheck source=/dev/null
	source "$MQTK_TEST_DIR/$1/env"
}

registry_stop() {
	broker_stop "$MQTK_TEST_DIR/$1/1"
}

registry_kill() {
	broker_kill "$MQTK_TEST_DIR/$1/1"
}

registry_again() {
	registry_node "$MQTK_TEST_DIR/$1" && registry_wait "$MQTK_TEST_DIR/$1"
}
