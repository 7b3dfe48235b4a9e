# shellcheck shell=bash
# RabbitMQ servers for tests, to be sourced inside tests/brokers/run (which sets MQTK_TEST_DIR):
#
#   rabbitmq_start NAME [--tls] [--set 'KEY = VALUE']…    a line of rabbitmq.conf
#   rabbitmq_use NAME     sets RABBITMQ (host:port), RABBITMQ_MANAGEMENT (a URL),
#                         RABBITMQ_STREAM (the stream protocol's host:port), RABBITMQ_VERSION, and
#                         as asked RABBITMQ_TLS, RABBITMQ_CA
#   rabbitmq_stop NAME    rabbitmq_kill NAME    rabbitmq_again NAME
#   rabbitmq_write NAME   what was declared is on disk: before rabbitmq_kill. A queue that was declared
#                         a second before its node is killed may be gone with all that it confirmed
#   rabbitmq_api NAME METHOD PATH [JSON]        the management API as guest: prints the answer
#   rabbitmq_ctl NAME ARGUMENT…                 rabbitmqctl on that node
#
# The system's RabbitMQ with the management and the stream plugin, on 127.0.0.1, ports that were
# free, data in the run's folder, and an epmd of its own. Users: guest (password guest) may do
# everything in the virtual hosts / and other; alice (alice-secret) may enter / and do nothing there.
# Every server is run by tests/brokers/supervise, so none outlives the run.

# shellcheck source=tests/brokers/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# rabbitmq_program NAME: the path of a program of the server. Those in PATH may be wrappers that want
# a certain user.
rabbitmq_program() {
	local dir
	for dir in /usr/lib/rabbitmq/bin /usr/lib/rabbitmq/lib/*/sbin; do
		if [ -x "$dir/$1" ]; then
			echo "$dir/$1"
			return
		fi
	done
	command -v "$1" || {
		echo "rabbitmq.sh: there is no $1: scripts/deps.sh check" >&2
		return 1
	}
}

# Prints rabbitmq.conf. Reads rabbitmq_start's variables.
rabbitmq_conf() {
	cat <<CONF
listeners.tcp.1 = 127.0.0.1:${ports[0]}
management.tcp.ip = 127.0.0.1
management.tcp.port = ${ports[1]}
stream.listeners.tcp.1 = 127.0.0.1:${ports[2]}
loopback_users = none
load_definitions = $dir/definitions.json
log.console = true
log.console.level = info
log.file = false
CONF
	if [ -n "$tls" ]; then
		cat <<CONF
listeners.ssl.1 = 127.0.0.1:${ports[5]}
ssl_options.cacertfile = $tls/ca.pem
ssl_options.certfile = $tls/server.crt
ssl_options.keyfile = $tls/server.key
ssl_options.verify = verify_none
CONF
	fi
	[ ${#settings[@]} -eq 0 ] || printf '%s\n' "${settings[@]}"
}

# Users, virtual hosts and rights, read by the server while it starts.
rabbitmq_definitions() {
	cat <<'JSON'
{"users": [
  {"name": "guest", "password": "guest", "tags": "administrator"},
  {"name": "alice", "password": "alice-secret", "tags": ""}],
 "vhosts": [{"name": "/"}, {"name": "other"}],
 "permissions": [
  {"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"},
  {"user": "guest", "vhost": "other", "configure": ".*", "write": ".*", "read": ".*"},
  {"user": "alice", "vhost": "/", "configure": "^$", "write": "^$", "read": "^$"}]}
JSON
}

# Prints the environment of a node's programs, a NAME=VALUE line each. Reads rabbitmq_start's
# variables. With `detached` the start script becomes the server instead of waiting for it.
rabbitmq_environment() {
	cat <<ENVIRONMENT
HOME=$dir
RABBITMQ_NODENAME=$name-${ports[0]}@localhost
RABBITMQ_MNESIA_BASE=$dir/1/data
RABBITMQ_LOG_BASE=$dir/1/log.d
RABBITMQ_CONF_ENV_FILE=$dir/none
RABBITMQ_CONFIG_FILE=$dir/rabbitmq.conf
RABBITMQ_ADVANCED_CONFIG_FILE=$dir/advanced.config
RABBITMQ_ENABLED_PLUGINS_FILE=$dir/enabled_plugins
RABBITMQ_DIST_PORT=${ports[3]}
ERL_EPMD_PORT=${ports[4]}
ERL_EPMD_ADDRESS=127.0.0.1
RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}
detached=yes
ENVIRONMENT
}

# Runs a program of the server with the environment of the node in DIR: rabbitmq_run DIR COMMAND…
rabbitmq_run() {
	local dir=$1
	local -a environment
	shift
	mapfile -t environment <"$dir/environment"
	# No setting of the caller's for a server of his own.
	env -u NOTIFY_SOCKET -u RABBITMQ_HOME -u RABBITMQ_BASE "${environment[@]}" "$@"
}

# Starts the server of a folder that has everything.
rabbitmq_node() {
	local dir=$1
	local -a environment
	mapfile -t environment <"$dir/environment"
	rm -f "$dir/1/up"
	broker_node "$dir/1" env -u NOTIFY_SOCKET -u RABBITMQ_HOME -u RABBITMQ_BASE \
		"${environment[@]}" "$(rabbitmq_program rabbitmq-server)"
}

# rabbitmq_answers ENV-FILE: it takes logins and knows the definitions. Prints its version.
rabbitmq_answers() {
	"$broker_root/scripts/python.sh" - "$1" <<'PYTHON'
import base64, json, socket, sys, urllib.request
env = dict(line.rstrip("\n").split("=", 1) for line in open(sys.argv[1]))
def get(path):
    request = urllib.request.Request(env["RABBITMQ_MANAGEMENT"] + path)
    request.add_header("Authorization", "Basic " + base64.b64encode(b"guest:guest").decode())
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)
get("/api/vhosts/other/permissions")[0]
for name in ("RABBITMQ", "RABBITMQ_TLS", "RABBITMQ_STREAM"):
    if name in env:
        host, port = env[name].split(":")
        with socket.create_connection((host, int(port)), timeout=5) as s:
            if name == "RABBITMQ":
                s.sendall(b"AMQP\0\0\x09\x01")
                if s.recv(1) != b"\x01":
                    sys.exit(1)
print(get("/api/overview")["rabbitmq_version"])
PYTHON
}

rabbitmq_start() {
	local name=$1 tls="" dir try status=1
	local -a settings=() ports
	shift
	while [ $# -gt 0 ]; do
		case $1 in
		--tls) tls=$(broker_certificates) && shift || return ;;
		--set) settings+=("$2") && shift 2 ;;
		*) echo "rabbitmq_start: unknown $1" >&2 && return 2 ;;
		esac
	done
	rabbitmq_program rabbitmq-server >/dev/null || return
	dir=$MQTK_TEST_DIR/$name
	# Another process may take a port between the choice and the start: then once more.
	for try in 1 2 3; do
		broker_folder "$dir" "$dir/1" "$dir/1/data" "$dir/epmd" || return
		read -ra ports <<<"$(broker_ports 6)"
		rabbitmq_conf >"$dir/rabbitmq.conf"
		rabbitmq_definitions >"$dir/definitions.json"
		rabbitmq_environment >"$dir/environment"
		echo '[].' >"$dir/advanced.config"
		echo '[rabbitmq_management,rabbitmq_stream,rabbitmq_stream_management].' >"$dir/enabled_plugins"
		{
			echo "RABBITMQ=127.0.0.1:${ports[0]}"
			echo "RABBITMQ_MANAGEMENT=http://127.0.0.1:${ports[1]}"
			echo "RABBITMQ_STREAM=127.0.0.1:${ports[2]}"
			[ -z "$tls" ] || printf 'RABBITMQ_TLS=127.0.0.1:%s\nRABBITMQ_CA=%s\n' "${ports[5]}" "$tls/ca.pem"
		} >"$dir/env"
		echo "${ports[4]}" >"$dir/epmd/port"
		broker_node "$dir/epmd" epmd -port "${ports[4]}" -address 127.0.0.1 || return
		status=0
		broker_wait "$dir/epmd" 20 epmd -port "${ports[4]}" -names || status=$?
		if [ "$status" -eq 0 ]; then
			rabbitmq_node "$dir" || return
			broker_wait "$dir/1" 180 rabbitmq_answers "$dir/env" || status=$?
		fi
		[ "$status" -ne 0 ] || break
		! broker_over || return 1
		tail -n 15 "$dir"/*/log >&2
		echo "rabbitmq.sh: RabbitMQ did not start (try $try)" >&2
		rabbitmq_stop "$name"
		[ "$status" -eq 1 ] || return 1
	done
	[ "$status" -eq 0 ] || return 1
	: >"$dir/1/up"
	echo "RABBITMQ_VERSION=$(rabbitmq_answers "$dir/env")" >>"$dir/env"
	rabbitmq_use "$name"
}

rabbitmq_use() {
	unset RABBITMQ RABBITMQ_MANAGEMENT RABBITMQ_STREAM RABBITMQ_VERSION RABBITMQ_TLS RABBITMQ_CA
	# shellcheck source=/dev/null
	source "$MQTK_TEST_DIR/$1/env"
}

rabbitmq_stop() {
	broker_stop "$MQTK_TEST_DIR/$1/1" "$MQTK_TEST_DIR/$1/epmd"
}

# When all servers of the run are gone. A node that was killed while it began may leave behind the
# program that looks for epmd, and starts one for ever when there is none.
rabbitmq_clean_up() {
	local dir
	for dir in "$MQTK_TEST_DIR"/*/epmd; do
		if [ ! -e "$dir/port" ] || [ -e "$dir/../1/up" ]; then
			continue
		fi
		for _ in 1 2 3 4; do
			epmd -port "$(cat "$dir/port")" -kill
			sleep 0.5
		done
	done
}

rabbitmq_kill() {
	broker_kill "$MQTK_TEST_DIR/$1/1"
}

rabbitmq_again() {
	local dir=$MQTK_TEST_DIR/$1
	rabbitmq_node "$dir" && broker_wait "$dir/1" 180 rabbitmq_answers "$dir/env" && : >"$dir/1/up"
}

rabbitmq_write() {
	rabbitmq_ctl "$1" eval 'mnesia:sync_log().' >/dev/null
}

rabbitmq_api() {
	"$broker_root/scripts/python.sh" - "$MQTK_TEST_DIR/$1/env" "${@:2}" <<'PYTHON'
import base64, sys, urllib.error, urllib.request
env = dict(line.rstrip("\n").split("=", 1) for line in open(sys.argv[1]))
body = sys.argv[4].encode() if len(sys.argv) > 4 else None
request = urllib.request.Request(env["RABBITMQ_MANAGEMENT"] + sys.argv[3], data=body, method=sys.argv[2])
request.add_header("Authorization", "Basic " + base64.b64encode(b"guest:guest").decode())
request.add_header("Content-Type", "application/json")
try:
    with urllib.request.urlopen(request, timeout=20) as answer:
        sys.stdout.write(answer.read().decode())
except urllib.error.HTTPError as error:
    sys.exit("%d %s" % (error.code, error.read().decode()))
PYTHON
}

rabbitmq_ctl() {
	rabbitmq_run "$MQTK_TEST_DIR/$1" "$(rabbitmq_program rabbitmqctl)" "${@:2}"
}
