# shellcheck shell=bash
# What kafka.sh, rabbitmq.sh and redis.sh share; they source it. MQTK_TEST_DIR is the run's folder.
#
# A node is a folder with what one server needs; broker_node has tests/brokers/supervise run it, so
# that none outlives the run.

broker_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
broker_root=$(cd "$broker_here/../.." && pwd)

# Where downloads are kept from run to run.
broker_cache() {
	echo "${MQTK_TEST_CACHE:-${MQTK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mqtk-tests}}"
}

# broker_ports N: N different ports that are free, and that no other server of this run was given. Not
# of those that the system gives to connections, where it would be a matter of luck.
broker_ports() {
	(cd "$MQTK_TEST_DIR" && mkdir -p ports) || return
	"$broker_root/scripts/python.sh" -c '
import os, random, socket, sys
try:
    low = int(open("/proc/sys/net/ipv4/ip_local_port_range").read().split()[0])
except OSError:
    low = 32768
first, found = 10000, []
if low < first + 5000:
    first, low = 1024, 65536
for port in random.sample(range(first, low), low - first):
    if len(found) == int(sys.argv[1]):
        break
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
            os.close(os.open("%s/%d" % (sys.argv[2], port), os.O_CREAT | os.O_EXCL))
            found.append(port)
        except OSError:
            pass
print(*found)' "$1" "$MQTK_TEST_DIR/ports"
}

# broker_certificates: prints the folder of the run's CA (ca.pem) and its certificate for localhost
# and 127.0.0.1 (server.key, server.crt, both in server.pem), which are good for one day. Made by
# whoever asks first; two may ask at once.
broker_certificates() {
	local dir=$MQTK_TEST_DIR/tls new
	if [ ! -d "$dir" ]; then
		new=$(mktemp -d "$MQTK_TEST_DIR/tls.XXXXXX") || return
		{
			openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj "/CN=mqtk test CA" \
				-keyout "$new/ca.key" -out "$new/ca.pem" &&
				openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" \
					-keyout "$new/server.key" -out "$new/server.csr" &&
				printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >"$new/san" &&
				openssl x509 -req -days 1 -in "$new/server.csr" -CA "$new/ca.pem" \
					-CAkey "$new/ca.key" -CAcreateserial -extfile "$new/san" \
					-out "$new/server.crt" &&
				cat "$new/server.key" "$new/server.crt" >"$new/server.pem"
		} >"$new/openssl.log" 2>&1 || {
			cat "$new/openssl.log" >&2
			return 1
		}
		mv -T "$new" "$dir" 2>/dev/null || rm -rf "$new"
	fi
	echo "$dir"
}

# broker_over: the run has ended, or is about to: nothing is to be started any more.
broker_over() {
	[ -e "$MQTK_TEST_DIR/ending" ] || [ ! -d "$MQTK_TEST_DIR" ]
}

# broker_folder DIR…: empty folders for servers, in the run's folder, each in one that is there: when
# the run is over and its folder gone, it stays gone.
broker_folder() {
	rm -rf "$@"
	mkdir "$@"
}

# broker_node NODE COMMAND…: starts a server. In a process of its own, which lives as long; and in a
# session of its own: `timeout` kills its whole process group, and supervisors are what ends servers.
broker_node() {
	! broker_over || return 1
	rm -f "$1/ended"
	setsid "$broker_here/supervise" "$@" </dev/null >/dev/null 2>&1 3>&- 4>&- 7>&- 9>&- &
	disown $!
}

# broker_wait NODE SECONDS COMMAND…: until COMMAND succeeds; 1 when the node's server ended
# meanwhile, 2 after the limit.
broker_wait() {
	local node=$1 deadline=$((SECONDS + $2))
	shift 2
	until "$@" >/dev/null 2>&1; do
		if [ -e "$node/ended" ] || broker_over; then
			return 1
		fi
		((SECONDS <= deadline)) || return 2
		sleep 0.05
	done
}

# broker_gone NODE: until the supervisor has removed its files, which it does when the server is gone.
broker_gone() {
	local deadline=$((SECONDS + 30))
	while [ -e "$1/supervisor.pid" ]; do
		if ((SECONDS > deadline)); then
			echo "the server in $1 does not end" >&2
			return 1
		fi
		sleep 0.05
	done
}

# broker_stop NODE…: as their owner would. All at once, then each is waited for.
broker_stop() {
	local node
	for node in "$@"; do
		if [ -e "$node/supervisor.pid" ]; then
			kill -TERM "$(cat "$node/supervisor.pid")" 2>/dev/null
		fi
	done
	for node in "$@"; do
		broker_gone "$node"
	done
}

# broker_kill NODE: as a crash.
broker_kill() {
	kill -KILL "$(cat "$1/server.pid")" && broker_gone "$1"
}
