# shellcheck shell=bash disable=SC2034 # the variables are for the tests
# For bats files: `load ../lib/helpers` and, when they have no setup of their own, nothing more;
# otherwise call common_setup first in setup().
#
# The program under test is $MQTK (default: ./mqtk of the tree). Every test has a home of its own
# in $BATS_TEST_TMPDIR and sees no MQTK_ variable of the caller's.
#
#   mq ARG…            runs the program: $status, and $out and $err, which are also the files
#                      $BATS_TEST_TMPDIR/out and …/err, byte for byte. Standard input is mq's.
#   expect_status N    fails when the status is another, and always at a crash
#   expect_signal N    the program ended by signal N as the test wanted (also as 128+N)
#   fits NAME [FILE]   each line of FILE (the output of mq) is one of schemas/NAME.json
#   wait_until SECONDS CMD…   until CMD succeeds; fails after the limit
#   pipe_is_empty FD   for wait_until: what was written to the pipe has been read
#   unique NAME        a stream name that no other test uses
#   requires_kafka     $KAFKA is host:port of a real server (and $KAFKA4, $KAFKA_SASL, $KAFKA_TLS,
#                      $KAFKA_CA: see tests/brokers/run); check-fast skips, check fails
#   requires_rabbitmq  the same: $RABBITMQ, $RABBITMQ_TLS, $RABBITMQ_MANAGEMENT, $RABBITMQ_VERSION
#   requires_redis     $REDIS, $REDIS_TLS, $REDIS_SOCKET, $REDIS_VERSION
#   requires_redis_cluster, requires_redis_sentinel    $REDIS_CLUSTER; $REDIS_SENTINEL
#   requires_registry  $REGISTRY, the URL of a real schema registry
#   requires_peer CMD  skips when the system has no such program
#   test_tool NAME     path of tests/{lib,brokers}/NAME as built; preload NAME sets LD_PRELOAD for mq

root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
MQTK=${MQTK:-$root/mqtk}
MQTK_TEST_BIN=${MQTK_TEST_BIN:-$root/build/gcc/tests}

common_setup() {
	local name
	for name in "${!MQTK_@}"; do
		case $name in
		MQTK_TEST_*) ;;
		*) unset "$name" ;;
		esac
	done
	MQTK=$program
	# Nor what the make that runs the tests was told.
	unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES SANITIZE WERROR WITHOUT BUILD OPT V
	export HOME=$BATS_TEST_TMPDIR/home
	export XDG_CONFIG_HOME=$HOME/.config XDG_DATA_HOME=$HOME/.local/share
	export XDG_STATE_HOME=$HOME/.local/state XDG_CACHE_HOME=$HOME/.cache
	export LC_ALL=C.UTF-8 NO_COLOR=1 TZ=UTC
	# Distinct from the program's own codes, so that a sanitizer's report is never expected.
	export ASAN_OPTIONS=exitcode=99:detect_leaks=1:abort_on_error=0
	export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:exitcode=99
	export LSAN_OPTIONS=exitcode=99
	mkdir -p "$XDG_CONFIG_HOME" "$XDG_DATA_HOME"
	cd "$BATS_TEST_TMPDIR" || return
}
program=$MQTK

setup() {
	common_setup
}

fail() {
	printf '%s\n' "$@" >&2
	return 1
}

mq() {
	status=0
	LD_PRELOAD=${mq_preload:-} "$MQTK" "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" ||
		status=$?
	mq_result
}

# For a program that was run in another way with out and err as its files, and $status set.
mq_result() {
	# NUL bytes cannot stand in variables, of which bash would warn; who needs them reads the file.
	{
		out=$(<"$BATS_TEST_TMPDIR/out")
		err=$(<"$BATS_TEST_TMPDIR/err")
	} 2>/dev/null
	case $err in
	*'ERROR: Address'* | *'ERROR: Leak'* | *'ERROR: Thread'* | *'ERROR: Undefined'* | *'runtime error:'*)
		fail "a sanitizer's report:" "$err"
		;;
	esac
}

expect_status() {
	if ((status >= 128 || status == 99)) && ((status != $1 || $1 == 134 || $1 == 139)); then
		fail "crashed or was killed: status $status" "stdout: $out" "stderr: $err"
	elif ((status != $1)); then
		fail "status $status, expected $1" "stdout: $out" "stderr: $err"
	fi
}

expect_signal() {
	((status == 128 + $1)) || fail "status $status, expected 128+$1" "stderr: $err"
}

fits() {
	"$root/scripts/python.sh" "$root/tests/lib/schema.py" "$root/schemas/$1.json" \
		"${2:-$BATS_TEST_TMPDIR/out}" >&2
}

wait_until() {
	local limit=$1 deadline
	shift
	deadline=$((SECONDS + limit))
	until "$@"; do
		if ((SECONDS >= deadline)); then
			fail "not so after $limit s: $*"
			return
		fi
		sleep 0.05
	done
}

# pipe_is_empty FD: whoever reads that pipe has taken everything.
pipe_is_empty() {
	python3 -c 'import array, fcntl, sys, termios
n = array.array("i", [0])
fcntl.ioctl(int(sys.argv[1]), termios.FIONREAD, n)
sys.exit(n[0] != 0)' "$1"
}

unique() {
	echo "$1-$$-$BATS_TEST_NUMBER-$RANDOM$RANDOM"
}

# requires_server SERVER ADDRESS: a server of tests/brokers/run, and what that says of it.
requires_server() {
	if [ -n "$2" ]; then
		return 0
	elif [ -n "${MQTK_TEST_FAST:-}" ]; then
		skip "needs a real server ($1): make check"
	elif [ -n "${MQTK_TEST_SERVERS:-}" ] && [[ ${MQTK_TEST_SERVERS} != *" $1 "* ]]; then
		skip "this run was started without $1"
	fi
	fail "there is no server $1: run by 'make check' or tests/brokers/run bats FILE"
}

requires_kafka() {
	KAFKA=${MQTK_TEST_KAFKA:-} KAFKA4=${MQTK_TEST_KAFKA4:-${MQTK_TEST_KAFKA:-}}
	KAFKA_SASL=${MQTK_TEST_KAFKA_SASL:-} KAFKA_TLS=${MQTK_TEST_KAFKA_TLS:-}
	KAFKA_CA=${MQTK_TEST_KAFKA_CA:-}
	requires_server kafka3 "$KAFKA"
}

requires_rabbitmq() {
	RABBITMQ=${MQTK_TEST_RABBITMQ:-} RABBITMQ_TLS=${MQTK_TEST_RABBITMQ_TLS:-}
	RABBITMQ_MANAGEMENT=${MQTK_TEST_RABBITMQ_MANAGEMENT:-}
	RABBITMQ_VERSION=${MQTK_TEST_RABBITMQ_VERSION:-}
	requires_server rabbitmq "$RABBITMQ"
}

requires_redis() {
	REDIS=${MQTK_TEST_REDIS:-} REDIS_TLS=${MQTK_TEST_REDIS_TLS:-}
	REDIS_SOCKET=${MQTK_TEST_REDIS_SOCKET:-} REDIS_VERSION=${MQTK_TEST_REDIS_VERSION:-}
	requires_server redis "$REDIS"
}

requires_registry() {
	REGISTRY=${MQTK_TEST_REGISTRY:-}
	requires_server registry "$REGISTRY"
}

requires_redis_cluster() {
	REDIS_CLUSTER=${MQTK_TEST_REDIS_CLUSTER:-}
	requires_server redis-cluster "$REDIS_CLUSTER"
}

requires_redis_sentinel() {
	REDIS_SENTINEL=${MQTK_TEST_REDIS_SENTINEL:-}
	requires_server redis-sentinel "$REDIS_SENTINEL"
}

requires_peer() {
	command -v "$1" >/dev/null || skip "$1 is not on this system"
}

test_tool() {
	local found
	for found in "$MQTK_TEST_BIN"/*/"$1"; do
		if [ -e "$found" ]; then
			echo "$found"
			return
		fi
	done
	fail "the test tool $1 is not built: make compile"
}

# The sanitizers' run-time library wants to be first, which a preloaded one is now.
preload() {
	mq_preload=$(test_tool "preload_$1.so")
	export ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0
}
