# shellcheck shell=bash
# Redis servers for tests, to be sourced inside tests/brokers/run (which sets MQTK_TEST_DIR):
#
#   redis_start NAME [--tls] [--users] [--set 'NAME VALUE']…    a line of redis.conf
#   redis_cluster_start NAME [--users] [--set …]…     three masters
#   redis_sentinel_start NAME [--users] [--set …]…    a master (1, "mymaster"), a replica (2) and a
#                                                     sentinel (3) whose word alone is enough
#   redis_use NAME    sets REDIS (host:port), REDIS_SOCKET and REDIS_VERSION, and as asked REDIS_TLS
#                     and REDIS_CA; of a cluster REDIS_CLUSTER (h:p,h:p,h:p), of a sentinel
#                     REDIS_SENTINEL (host:port), REDIS_MASTER and REDIS_REPLICA
#   redis_stop NAME [NODE]    redis_kill NAME [NODE]    redis_again NAME [NODE]
#   redis_cli NAME [NODE] -- ARGUMENT…
#
# The system's Redis on 127.0.0.1, ports that were free, data in the run's folder; what was answered
# survives a kill -9. With --users there are besides the default user alice (alice-secret), who may
# do nothing but PING, and bob (bob-secret), who may do everything.
# Every server is run by tests/brokers/supervise, so none outlives the run.

# shellcheck source=tests/brokers/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# redis_conf NODE-DIR PORT: prints what every server's redis.conf has. Each command is in the file,
# in the kernel's hands, before it is answered: enough for a killed process. Reads the start
# functions' variables.
redis_conf() {
	cat <<CONF
bind 127.0.0.1
port $2
dir $1
unixsocket $1/socket
save ""
appendonly yes
appendfsync no
repl-diskless-sync-delay 0
CONF
	if [ -n "$users" ]; then
		echo 'user alice on >alice-secret -@all +ping'
		echo 'user bob on >bob-secret ~* &* +@all'
	fi
	[ ${#settings[@]} -eq 0 ] || printf '%s\n' "${settings[@]}"
}

redis_node() {
	local mode=()
	[ ! -e "$1/sentinel" ] || mode=(--sentinel)
	broker_node "$1" redis-server "$1/redis.conf" "${mode[@]}"
}

# redis_ask NODE-DIR ARGUMENT…
redis_ask() {
	redis-cli --no-auth-warning -h 127.0.0.1 -p "$(sed -n 's/^port //p' "$1/redis.conf")" "${@:2}"
}

# It has read its data and answers; and it is that server, none that took its port.
redis_answers() {
	[ "$(redis_ask "$1" PING)" = PONG ] &&
		redis_ask "$1" INFO server | tr -d '\r' | grep -qx "process_id:$(cat "$1/server.pid")"
}

# redis_nodes_wait NODE…: the result of broker_wait.
redis_nodes_wait() {
	local node
	for node in "$@"; do
		broker_wait "$node" 60 redis_answers "$node" || return
	done
}

# redis_attempt NAME MAKE: MAKE writes the files of $dir and starts them; once more when another
# process took a port meanwhile. 1 when nothing came of it.
redis_attempt() {
	local name=$1 make=$2 try status=1
	command -v redis-server >/dev/null || {
		echo "redis.sh: there is no redis-server: scripts/deps.sh check" >&2
		return 1
	}
	for try in 1 2 3; do
		broker_folder "$dir" || return
		status=0
		"$make" || status=$?
		[ "$status" -ne 0 ] || break
		! broker_over || return 1
		tail -n 5 "$dir"/[0-9]*/log >&2
		echo "redis.sh: $name did not start (try $try)" >&2
		redis_stop "$name"
		[ "$status" -eq 1 ] || return 1
	done
	[ "$status" -eq 0 ] || return 1
	echo "REDIS_VERSION=$(redis_ask "$dir/1" INFO server | tr -d '\r' | sed -n 's/^redis_version://p')" >>"$dir/env"
	redis_use "$name"
}

# Reads --tls, --users and --set into tls, users and settings.
redis_arguments() {
	while [ $# -gt 0 ]; do
		case $1 in
		--tls) tls=$(broker_certificates) && shift || return ;;
		--users) users=yes && shift ;;
		--set) settings+=("$2") && shift 2 ;;
		*) echo "redis.sh: unknown $1" >&2 && return 2 ;;
		esac
	done
}

redis_start() {
	local name=$1 dir=$MQTK_TEST_DIR/$1 tls="" users=""
	local -a settings=()
	redis_arguments "${@:2}" || return
	redis_attempt "$name" redis_make_single
}

redis_make_single() {
	local -a ports
	read -ra ports <<<"$(broker_ports 2)"
	mkdir "$dir/1"
	{
		redis_conf "$dir/1" "${ports[0]}"
		if [ -n "$tls" ]; then
			printf 'tls-port %s\ntls-ca-cert-file %s\n' "${ports[1]}" "$tls/ca.pem"
			printf 'tls-cert-file %s\ntls-key-file %s\ntls-auth-clients no\n' \
				"$tls/server.crt" "$tls/server.key"
		fi
	} >"$dir/1/redis.conf"
	{
		printf 'REDIS=127.0.0.1:%s\nREDIS_SOCKET=%s\n' "${ports[0]}" "$dir/1/socket"
		[ -z "$tls" ] || printf 'REDIS_TLS=127.0.0.1:%s\nREDIS_CA=%s\n' "${ports[1]}" "$tls/ca.pem"
	} >"$dir/env"
	redis_node "$dir/1" && redis_nodes_wait "$dir/1"
}

redis_cluster_start() {
	local name=$1 dir=$MQTK_TEST_DIR/$1 tls="" users=""
	local -a settings=()
	redis_arguments "${@:2}" || return
	redis_attempt "$name" redis_make_cluster
}

redis_make_cluster() {
	local -a ports
	local i all=""
	read -ra ports <<<"$(broker_ports 6)"
	for i in 1 2 3; do
		mkdir "$dir/$i"
		{
			redis_conf "$dir/$i" "${ports[i - 1]}"
			# By default it is the port + 10000, which may be in use or none.
			printf 'cluster-enabled yes\ncluster-port %s\ncluster-node-timeout 5000\n' "${ports[i + 2]}"
		} >"$dir/$i/redis.conf"
		all+=${all:+,}127.0.0.1:${ports[i - 1]}
		redis_node "$dir/$i" || return
	done
	printf 'REDIS=127.0.0.1:%s\nREDIS_CLUSTER=%s\n' "${ports[0]}" "$all" >"$dir/env"
	redis_nodes_wait "$dir"/[1-3] || return
	for i in 1 2 3; do
		redis_ask "$dir/$i" CLUSTER SET-CONFIG-EPOCH "$i" &&
			redis_ask "$dir/$i" CLUSTER ADDSLOTSRANGE $(((i - 1) * 5461)) $((i == 3 ? 16383 : i * 5461 - 1)) &&
			{ [ "$i" = 1 ] || redis_ask "$dir/1" CLUSTER MEET 127.0.0.1 "${ports[i - 1]}" "${ports[i + 2]}"; }
	done >"$dir/made" || return
	redis_cluster_wait "$dir"
}

# All of them know all slots.
redis_cluster_wait() {
	local i
	for i in 1 2 3; do
		broker_wait "$1/$i" 60 redis_cluster_ok "$1/$i" || return
	done
}
redis_cluster_ok() {
	local said
	said=$(redis_ask "$1" CLUSTER INFO | tr -d '\r') &&
		grep -qx cluster_state:ok <<<"$said" && grep -qx cluster_size:3 <<<"$said"
}

redis_sentinel_start() {
	local name=$1 dir=$MQTK_TEST_DIR/$1 tls="" users=""
	local -a settings=()
	redis_arguments "${@:2}" || return
	redis_attempt "$name" redis_make_sentinel
}

redis_make_sentinel() {
	local -a ports
	read -ra ports <<<"$(broker_ports 3)"
	mkdir "$dir/1" "$dir/2" "$dir/3"
	redis_conf "$dir/1" "${ports[0]}" >"$dir/1/redis.conf"
	{
		redis_conf "$dir/2" "${ports[1]}"
		echo "replicaof 127.0.0.1 ${ports[0]}"
	} >"$dir/2/redis.conf"
	: >"$dir/3/sentinel"
	cat >"$dir/3/redis.conf" <<CONF
bind 127.0.0.1
port ${ports[2]}
dir $dir/3
sentinel monitor mymaster 127.0.0.1 ${ports[0]} 1
sentinel down-after-milliseconds mymaster 1000
sentinel failover-timeout mymaster 3000
CONF
	printf 'REDIS=127.0.0.1:%s\nREDIS_MASTER=127.0.0.1:%s\nREDIS_REPLICA=127.0.0.1:%s\nREDIS_SENTINEL=127.0.0.1:%s\n' \
		"${ports[0]}" "${ports[0]}" "${ports[1]}" "${ports[2]}" >"$dir/env"
	redis_node "$dir/1" && redis_node "$dir/2" && redis_nodes_wait "$dir/1" "$dir/2" || return
	broker_wait "$dir/2" 60 redis_replica_ok "$dir/2" || return
	redis_node "$dir/3" && redis_nodes_wait "$dir/3" || return
	broker_wait "$dir/3" 60 redis_sentinel_ok "$dir/3" "${ports[1]}"
}
redis_replica_ok() {
	redis_ask "$1" INFO replication | grep -q 'master_link_status:up'
}
# It knows the replica, so that it could fail over.
redis_sentinel_ok() {
	redis_ask "$1" SENTINEL REPLICAS mymaster | grep -qx "127.0.0.1:$2"
}

redis_use() {
	unset REDIS REDIS_SOCKET REDIS_VERSION REDIS_TLS REDIS_CA REDIS_CLUSTER REDIS_SENTINEL \
		REDIS_MASTER REDIS_REPLICA
	# shellcheck source=/dev/null
	source "$MQTK_TEST_DIR/$1/env"
}

redis_stop() {
	if [ $# -gt 1 ]; then
		broker_stop "$MQTK_TEST_DIR/$1/$2"
	else
		broker_stop "$MQTK_TEST_DIR/$1"/[0-9]*
	fi
}

redis_kill() {
	broker_kill "$MQTK_TEST_DIR/$1/${2:-1}"
}

redis_again() {
	local node=$MQTK_TEST_DIR/$1/${2:-1}
	redis_node "$node" && redis_nodes_wait "$node" || return
	! grep -q '^cluster-enabled yes' "$node/redis.conf" || redis_cluster_wait "$(dirname "$node")"
}

redis_cli() {
	local node=$MQTK_TEST_DIR/$1/1
	shift
	if [ "${1-}" != -- ]; then
		node=${node%/*}/$1
		shift
	fi
	redis_ask "$node" "${@:2}"
}
