# The varieties of brokers that the lists of behaviours are run on. A variety says how to reach it, how
# to make a stream and what it can do; nothing else of it is known to the tests.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2016 # the tests read what is set here

# The links are called VARIETY.LIST.bats.
VARIETY=${BATS_TEST_FILENAME##*/}
VARIETY=${VARIETY%%.*}
# The files here that are about several of them.
case "$VARIETY" in
pairs | replay) VARIETY=local ;;
esac

# What a variety can do:
#   log          what was read stays, and every reader begins where it likes
#   offsets ids  positions are numbers; are ids
#   time         a record's own timestamp is a position
#   groups       they remember how far they read
#   settle       reading can be gone on with: by a group, or by taking (SETTLE has the words)
#   take         messages can be taken out one by one, and the others stay where they are
#   follow       reading can wait for what comes (FOLLOW has the words)
#   partitions transactions auto-create        as it says
#   network      it can be out of reach       auth    it asks who is there
#   admin        streams can be made, listed, described and deleted
#   trim-length trim-all                       kinds of trim      alter    (ALTER has the words)
# variety_caps VARIETY: prints them.
variety_caps() {
	case "$1" in
	local) echo "log offsets time groups settle follow partitions transactions auto-create admin trim-length trim-all alter" ;;
	kafka3) echo "log offsets time groups settle follow partitions transactions network auth admin trim-length trim-all alter" ;;
	kafka4) echo "log offsets time groups settle follow partitions transactions network admin trim-length trim-all alter" ;;
	# The mock cluster of librdkafka: no CreateTopics, no look-up by time; a member that left its
	# group is kept until its session ends, so that the next one waits for 45 s.
	mock) echo "log offsets follow partitions network" ;;
	rabbit-classic | rabbit-quorum) echo "settle take follow network auth admin trim-all" ;;
	rabbit-stream) echo "log offsets follow network auth admin" ;;
	redis | redis-cluster) echo "log ids groups settle take follow network auth admin trim-length trim-all" ;;
	*)
		echo "no such variety: $1" >&2
		return 1
		;;
	esac
}
CAPS=$(variety_caps "$VARIETY") || exit 1

has_cap() { [[ " $CAPS " == *" $1 "* ]]; }
requires_cap() {
	local lack="no $1"
	has_cap "$1" && return
	case "$1" in
	log) lack="no positions to begin at: what is read is put back or gone" ;;
	offsets) lack="no positions that are numbers" ;;
	ids) lack="no positions that are ids" ;;
	time) lack="no positions by the records' own times" ;;
	groups) lack="no groups that remember a position" ;;
	settle) lack="nothing that remembers how far was read" ;;
	take) lack="no messages that can be taken out: they stay until the broker removes them" ;;
	follow) lack="no way to wait for what comes" ;;
	network) lack="no network between" ;;
	auth) lack="no users" ;;
	admin) lack="no commands that make and describe streams" ;;
	esac
	skip "$VARIETY has $lack"
}

# How reading is gone on with, how it is made to wait for more, and what changes a stream.
# FINALLY: how the last of several readers ends, when others before it were killed: their messages may
# come back a moment after a queue looks empty.
SETTLE=(--group "g-$BATS_TEST_NUMBER-$$") # a static member of an earlier test's group is still in it
FOLLOW=()
FINALLY=(-e)
ALTER=(--partitions 4)
case "$VARIETY" in
rabbit-classic | rabbit-quorum)
	SETTLE=(--ack)
	FOLLOW=(--ack)
	FINALLY=(--idle-timeout 3s)
	;;
esac

# So that the member that comes after one that was killed goes on at once. Kafka misses a member only
# after its session's time-out, but lets the same static member in again; Redis keeps what a consumer
# holds for that name.
MEMBER=()
case "$VARIETY" in
kafka* | mock)
	MEMBER=(-X session.timeout.ms=6000 -X heartbeat.interval.ms=1000 -X group.instance.id=one)
	;;
redis*) MEMBER=(--consumer one) ;;
esac
# The same for dlq, which is a member of a group of its own.
MEMBER_OF_DLQ=()
case "$VARIETY" in
kafka*) MEMBER_OF_DLQ=("${MEMBER[@]}") ;;
esac

# The mock cluster runs beside the tests of a file and takes its commands from a pipe.
mock_start() {
	mkfifo "$BATS_FILE_TMPDIR/mock.commands"
	# No descriptor of bats's may stay open in them, or it waits for their end.
	"$(test_tool mockd)" 1 <"$BATS_FILE_TMPDIR/mock.commands" >"$BATS_FILE_TMPDIR/mock.says" \
		2>"$BATS_FILE_TMPDIR/mock.log" 3>&- 4>&- &
	echo $! >"$BATS_FILE_TMPDIR/mock.pid"
	# Held open until the end: the mock ends with its input.
	sleep infinity >"$BATS_FILE_TMPDIR/mock.commands" 2>/dev/null 3>&- 4>&- &
	echo $! >"$BATS_FILE_TMPDIR/mock.holder"
	wait_until 10 test -s "$BATS_FILE_TMPDIR/mock.says"
	head -n 1 "$BATS_FILE_TMPDIR/mock.says" >"$BATS_FILE_TMPDIR/mock.address"
}
mock_stop() { kill "$(cat "$BATS_FILE_TMPDIR/mock.holder")" "$(cat "$BATS_FILE_TMPDIR/mock.pid")"; }
# mock_command WORDS: until it was obeyed.
mock_command() {
	local mark
	mark=$(unique mark)
	printf '%s\nsay %s\n' "$1" "$mark" >"$BATS_FILE_TMPDIR/mock.commands"
	wait_until 10 grep -qx "$mark" "$BATS_FILE_TMPDIR/mock.says"
}

variety_start() {
	case "$VARIETY" in
	mock) mock_start ;;
	esac
}

variety_stop() {
	case "$VARIETY" in
	mock) mock_stop ;;
	esac
}

# What these tests need beyond tests/lib/helpers.bash.
variety_setup() {
	common_setup
	# Here and not in variety_start: bats cannot skip a whole file.
	variety_requires "$VARIETY"
	OUT="$BATS_TEST_TMPDIR/out"
	ERR="$BATS_TEST_TMPDIR/err"
}

variety_requires() {
	case "$1" in
	kafka3) requires_kafka ;;
	# Whichever runs.
	kafka) requires_kafka ;;
	kafka4) requires_server kafka4 "${MQTK_TEST_KAFKA4:-}" ;;
	rabbit-*) requires_rabbitmq ;;
	redis) requires_redis ;;
	redis-cluster) requires_redis_cluster ;;
	esac
}

# mq_limited SECONDS ARG…: as mq, for what must end by itself. 124 when it does not.
mq_limited() {
	local limit=$1
	shift
	status=0
	timeout -k 5 "$limit" "$MQTK" "$@" >"$OUT" 2>"$ERR" || status=$?
	mq_result
}

# file_has FILE BYTES: the file has grown to that size.
file_has() { [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -ge "$2" ]; }

# variety_address VARIETY NAME [USER:PASSWORD]: the address of a stream; of the broker alone for ''.
variety_address() {
	local who=${3:+$3@}
	case "$1" in
	local) echo "sqlite:$BATS_TEST_TMPDIR/store.db/$2" ;;
	kafka3) [ -z "$who" ] && echo "kafka://$MQTK_TEST_KAFKA/$2" ||
		echo "kafka://$who$MQTK_TEST_KAFKA_SASL/$2?security.protocol=sasl_plaintext&sasl.mechanism=SCRAM-SHA-256" ;;
	kafka) echo "kafka://$KAFKA4/$2" ;;
	kafka4) echo "kafka://$MQTK_TEST_KAFKA4/$2" ;;
	mock) echo "kafka://$(cat "$BATS_FILE_TMPDIR/mock.address")/$2" ;;
	rabbit-*)
		# The URL of the management API, as a value in a URL.
		local management=${MQTK_TEST_RABBITMQ_MANAGEMENT//:/%3A}
		echo "amqp://${who:-guest:guest@}$MQTK_TEST_RABBITMQ/$2?management=${management//\//%2F}"
		;;
	redis) echo "redis://$who$MQTK_TEST_REDIS/$2" ;;
	redis-cluster) echo "redis://$who$MQTK_TEST_REDIS_CLUSTER/$2" ;;
	esac
}
address() { variety_address "$VARIETY" "$@"; }

# name_of ADDRESS: the stream's name alone.
name_of() {
	local name=${1%%\?*}
	echo "${name##*/}"
}

# address_of_none VARIABLE: sets it to the address of a stream that is not there.
address_of_none() {
	local name
	name=$(unique no-such-stream)
	case "$VARIETY" in
	# It makes every topic that it is asked for, unless it is told that there is none.
	mock) mock_command "topic-error $name 3" ;;
	esac
	printf -v "$1" '%s' "$(address "$name")"
}

# variety_create VARIETY PARTITIONS: prints the words of `create` that make such a stream, one a line.
variety_create() {
	case "$1" in
	rabbit-*) printf '%s\n' --type "${1#rabbit-}" ;;
	redis*) ;;
	*) printf '%s\n' --partitions "$2" ;;
	esac
}

# stream_of VARIABLE VARIETY: makes a stream with one partition there.
stream_of() {
	local name
	local -a words
	name=$(unique "$1")
	mapfile -t words < <(variety_create "$2" 1)
	"$MQTK" create -q "${words[@]}" "$(variety_address "$2" "$name")"
	printf -v "$1" '%s' "$(variety_address "$2" "$name")"
}

# fresh VARIABLE [PARTITIONS [CONFIG]]: makes a stream of its own and sets VARIABLE to its address.
# Where streams have no partitions it has none.
fresh() {
	local name
	local -a words
	name="$(unique "$1")"
	case "$VARIETY" in
	mock) mock_command "create $name ${2:-2} 1" ;;
	*)
		mapfile -t words < <(variety_create "$VARIETY" "${2:-2}")
		"$MQTK" create -q "${words[@]}" ${3:+--config "$3"} "$(address "$name")"
		;;
	esac
	printf -v "$1" '%s' "$(address "$name")"
}

# The largest message that the variety is asked to take, in bytes.
variety_large() {
	case "$VARIETY" in
	local) echo 100000000 ;;
	kafka* | redis*) echo 20000000 ;;
	# RabbitMQ 4 takes no more than 16 MiB.
	rabbit-*) echo 16000000 ;;
	mock) echo 900000 ;;
	esac
}
variety_large_config() {
	case "$VARIETY" in
	kafka*) echo max.message.bytes=30000000 ;;
	esac
}

unreachable_address() {
	case "$VARIETY" in
	rabbit-*) echo "amqp://guest:guest@127.0.0.1:1/t?management=http%3A%2F%2F127.0.0.1%3A1" ;;
	redis*) echo "redis://127.0.0.1:1/t" ;;
	*) echo "kafka://127.0.0.1:1/t" ;;
	esac
}
