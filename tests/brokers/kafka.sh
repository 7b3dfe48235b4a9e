# shellcheck shell=bash
# Kafka servers for tests, to be sourced inside tests/brokers/run (which sets MQTK_TEST_DIR):
#
#   kafka_start NAME VERSION [--nodes N] [--sasl] [--tls] [--brief] [--set PROPERTY=VALUE]…
#                         brief: it lives for one test, and is compiled quickly rather than well
#   kafka_use NAME        sets KAFKA, and as asked KAFKA_SASL, KAFKA_TLS, KAFKA_CA
#   kafka_stop NAME [NODE]    kafka_kill NAME NODE    kafka_again NAME NODE
#   kafka_tool NAME CLASS ARGUMENT…
#
# KRaft without ZooKeeper, combined roles, 127.0.0.1 only, ports that were free, data in the run's
# folder. The jars are copied once by Maven to ${MQTK_CACHE:-${XDG_CACHE_HOME:-~/.cache}/mqtk-tests}.
# Every node is run by tests/brokers/supervise, so none outlives the run.

# The versions of the servers kafka3 and kafka4 of tests/brokers/run.
# shellcheck disable=SC2034 # for those who source this
KAFKA_3=3.9.1 KAFKA_4=4.1.0

# shellcheck source=tests/brokers/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# kafka_jars VERSION: makes sure that the jars are in the cache. Two runs may do so at once.
kafka_jars() {
	local version=$1 cache dir new
	cache=$(broker_cache)
	dir=$cache/kafka-$version
	[ -d "$dir" ] && return 0
	mkdir -p "$cache"
	new=$(mktemp -d "$cache/kafka-$version.XXXXXX")
	echo "copying the jars of Kafka $version to $dir" >&2
	if ! mvn -B -q -Dstyle.color=never -f "$broker_here/kafka/pom.xml" "-Dkafka.version=$version" \
		dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$new" \
		</dev/null >"$new/maven.log" 2>&1; then
		cat "$new/maven.log" >&2
		rm -rf "$new"
		echo "kafka.sh: Maven could not get the jars of Kafka $version" >&2
		return 1
	fi
	mv -T "$new" "$dir" 2>/dev/null || rm -rf "$new"
	[ -d "$dir" ]
}

# Writes the properties of one node. Reads kafka_start's variables.
kafka_properties() {
	local id=$1 base=$((($1 - 1) * 4)) i voters="" listeners replicas=$((nodes < 3 ? nodes : 3))
	for ((i = 1; i <= nodes; i++)); do
		voters+="${voters:+,}$i@127.0.0.1:${ports[(i - 1) * 4 + 1]}"
	done
	listeners="PLAINTEXT://127.0.0.1:${ports[base]},CONTROLLER://127.0.0.1:${ports[base + 1]}"
	[ -z "$sasl" ] || listeners+=",SASL://127.0.0.1:${ports[base + 2]}"
	[ -z "$tls" ] || listeners+=",TLS://127.0.0.1:${ports[base + 3]}"
	cat <<PROPERTIES
process.roles=broker,controller
node.id=$id
controller.quorum.voters=$voters
listeners=$listeners
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$dir/$id/data
offsets.topic.replication.factor=$replicas
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=$replicas
transaction.state.log.num.partitions=4
transaction.state.log.min.isr=1
default.replication.factor=$replicas
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.retention.ms=-1
socket.request.max.bytes=220000000
PROPERTIES
	if [ -n "$sasl" ]; then
		cat <<'PROPERTIES'
sasl.enabled.mechanisms=SCRAM-SHA-256
listener.name.sasl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:admin
PROPERTIES
	fi
	if [ -n "$tls" ]; then
		cat <<PROPERTIES
listener.name.tls.ssl.keystore.type=PEM
listener.name.tls.ssl.keystore.location=$tls/server.pem
listener.name.tls.ssl.client.auth=none
PROPERTIES
	fi
	[ ${#settings[@]} -eq 0 ] || printf '%s\n' "${settings[@]}"
}

# kafka_archive VERSION: prints the file with what Java makes of Kafka's classes when it starts, which
# is then a third of the work. It lies beside the jars, and comes from a server that only starts and
# stops. An empty one: there is none, and everything works without.
kafka_archive() {
	local archive new i pid dir nodes=1 sasl="" tls=""
	local -a ports settings=()
	archive=$(broker_cache)/kafka-$1.$(java -version 2>&1 | cksum | cut -d ' ' -f 1).jsa
	if [ ! -e "$archive" ] && new=$(mktemp -d "$archive.XXXXXX"); then
		dir=$new
		mkdir "$dir/1"
		echo "$1" >"$dir/version"
		: >"$dir/archive"
		read -ra ports <<<"$(broker_ports 4)"
		kafka_properties 1 >"$dir/properties"
		if kafka_java "$dir" kafka.tools.StorageTool format -t abcdefghijklmnopqrstuA \
			-c "$dir/properties" >"$dir/log" 2>&1 </dev/null; then
			timeout 60 java -Xmx512m -XX:+UseSerialGC "-XX:ArchiveClassesAtExit=$dir/new" \
				-cp "$(broker_cache)/kafka-$1/*" kafka.Kafka "$dir/properties" \
				>"$dir/log" 2>&1 </dev/null 3>&- 4>&- &
			pid=$!
			for ((i = 0; i < 600; i++)); do
				! grep -q 'Kafka Server started' "$dir/log" || break
				sleep 0.1
			done
			kill "$pid" 2>/dev/null || true
			wait "$pid" || true
		fi
		[ -e "$dir/new" ] || : >"$dir/new"
		mv -f "$dir/new" "$archive"
		rm -rf "$dir"
	fi
	echo "$archive"
}

# kafka_vm DIR: sets vm, what Java is told for the cluster in DIR.
kafka_vm() {
	local archive
	archive=$(<"$1/archive")
	vm=(-Xmx512m -XX:+UseSerialGC -Xlog:disable -Xlog:all=warning:stderr
		-Dorg.slf4j.simpleLogger.showDateTime=true -cp "$(broker_cache)/kafka-$(<"$1/version")/*")
	[ ! -s "$archive" ] || vm+=(-Xshare:auto "-XX:SharedArchiveFile=$archive")
}

# kafka_java DIR ARGUMENT…: Java with the jars of the cluster in DIR, for something short.
kafka_java() {
	local -a vm
	kafka_vm "$1"
	java "${vm[@]}" -XX:TieredStopAtLevel=1 "${@:2}"
}

# Starts a node whose properties are there.
kafka_node() {
	local dir=$1 id=$2
	local -a vm
	kafka_vm "$dir"
	[ ! -e "$dir/brief" ] || vm+=(-XX:TieredStopAtLevel=1)
	broker_node "$dir/$id" java "${vm[@]}" kafka.Kafka "$dir/$id/properties"
}

# kafka_wait DIR NODES: until that many nodes answer; 1 when a node ended, 2 after 120 s.
kafka_wait() {
	local dir=$1 wanted=$2 id deadline=$((SECONDS + 120))
	local ready=${MQTK_TEST_BIN:-$broker_root/build/gcc/tests}/brokers/kafka_ready
	[ -x "$ready" ] || {
		echo "kafka.sh: there is no $ready: make compile" >&2
		return 2
	}
	until broker_over || "$ready" "$(sed -n 's/^KAFKA=//p' "$dir/env")" "$wanted" 1000 2>/dev/null; do
		for id in "$dir"/[0-9]*; do
			if grep -qE 'Exiting Kafka due to fatal|BindException' "$id/log" 2>/dev/null; then
				return 1
			fi
		done
		if ((SECONDS > deadline)); then
			return 2
		fi
	done
}

kafka_start() {
	local name=$1 version=$2 nodes=1 sasl="" tls="" brief="" archive dir uuid i try status=1
	local -a settings=() ports scram=()
	shift 2
	while [ $# -gt 0 ]; do
		case $1 in
		--nodes) nodes=$2 && shift 2 ;;
		--sasl) sasl=yes && shift ;;
		--tls) tls=$(broker_certificates) && shift || return ;;
		--brief) brief=yes && shift ;;
		--set) settings+=("$2") && shift 2 ;;
		*) echo "kafka_start: unknown $1" >&2 && return 2 ;;
		esac
	done
	kafka_jars "$version" || return
	archive=$(kafka_archive "$version") || return
	dir=$MQTK_TEST_DIR/$name
	uuid=$(head -c 16 /dev/urandom | base64 | tr '+/' 'ab' | cut -c1-22)
	if [ -n "$sasl" ]; then
		for i in admin alice; do
			scram+=(--add-scram "SCRAM-SHA-256=[name=$i,password=$i-secret]")
		done
	fi
	# Another process may take a port between the choice and the start: then once more.
	for try in 1 2 3; do
		broker_folder "$dir" || return
		echo "$version" >"$dir/version"
		echo "$archive" >"$dir/archive"
		[ -z "$brief" ] || : >"$dir/brief"
		read -ra ports <<<"$(broker_ports $((nodes * 4)))"
		kafka_env >"$dir/env"
		for ((i = 1; i <= nodes; i++)); do
			mkdir "$dir/$i" || return
			kafka_properties "$i" >"$dir/$i/properties"
			kafka_java "$dir" kafka.tools.StorageTool format -t "$uuid" -c "$dir/$i/properties" \
				"${scram[@]}" >"$dir/$i/log" 2>&1 </dev/null || {
				cat "$dir/$i/log" >&2
				return 1
			}
			kafka_node "$dir" "$i" || return
		done
		status=0
		kafka_wait "$dir" "$nodes" || status=$?
		[ "$status" -eq 0 ] && break
		for ((i = 1; i <= nodes; i++)); do
			tail -n 5 "$dir/$i/log" >&2
		done
		echo "kafka.sh: Kafka $version did not start (try $try)" >&2
		kafka_stop "$name"
		[ "$status" -eq 1 ] || return 1
	done
	[ "$status" -eq 0 ] || return 1
	kafka_use "$name"
}

# Prints what kafka_use reads. Reads kafka_start's variables.
kafka_env() {
	local i plain="" with_sasl="" with_tls=""
	for ((i = 0; i < nodes * 4; i += 4)); do
		plain+="${plain:+,}127.0.0.1:${ports[i]}"
		with_sasl+="${with_sasl:+,}127.0.0.1:${ports[i + 2]}"
		with_tls+="${with_tls:+,}127.0.0.1:${ports[i + 3]}"
	done
	echo "KAFKA=$plain"
	[ -z "$sasl" ] || echo "KAFKA_SASL=$with_sasl"
	[ -z "$tls" ] || printf 'KAFKA_TLS=%s\nKAFKA_CA=%s\n' "$with_tls" "$tls/ca.pem"
}

kafka_use() {
	unset KAFKA KAFKA_SASL KAFKA_TLS KAFKA_CA
	# shellcheck source=/dev/null
	source "$MQTK_TEST_DIR/$1/env"
}

kafka_stop() {
	if [ $# -gt 1 ]; then
		broker_stop "$MQTK_TEST_DIR/$1/$2"
	else
		broker_stop "$MQTK_TEST_DIR/$1"/[0-9]*
	fi
}

kafka_kill() {
	broker_kill "$MQTK_TEST_DIR/$1/$2"
}

kafka_again() {
	local dir=$MQTK_TEST_DIR/$1
	kafka_node "$dir" "$2"
	kafka_wait "$dir" "$(find "$dir" -maxdepth 1 -name '[0-9]*' | wc -l)"
}

kafka_tool() {
	local name=$1
	shift
	kafka_java "$MQTK_TEST_DIR/$name" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn "$@"
}
