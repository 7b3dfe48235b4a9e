#!/usr/bin/env bats
# The tests' own tools: a counter that counts, a proxy that cuts, a program that is not built.

load ../lib/helpers

# counted FILE…: runs tests/run; $last is its last line.
counted() {
	status=0
	# bats hands its own variables and folder down; an inner bats must not see them.
	env -i PATH="${PATH//*libexec\/bats-core:/}" HOME="$HOME" TMPDIR="$BATS_TEST_TMPDIR" MQTK_TEST_JOBS="${jobs-}" "$root/tests/run" "$@" >out 2>err </dev/null ||
		status=$?
	last=$(tail -n 1 out)
}

@test "the counter adds up passed, failed and skipped, and prints the reason of a skip" {
	printf '@test "a" { true; }\n@test "b" { skip "no moon"; }\n@test "c" { false; }\n' >some.bats
	counted "$PWD/some.bats"
	[ "$status" -eq 1 ]
	[ "$last" = "1 passed, 1 failed, 1 skipped" ]
	grep -qF 'skipped: "b": no moon' out
	printf '@test "a" { true; }\n' >good.bats
	counted "$PWD/good.bats"
	[ "$status" -eq 0 ]
	[ "$last" = "1 passed, 0 failed, 0 skipped" ]
}

@test "what takes longest begins" {
	printf '@test "a" { true; }\n' >a.bats
	cp a.bats b.bats
	printf '# run: first\n@test "c" { true; }\n' >c.bats
	jobs=1 counted "$PWD/a.bats" "$PWD/b.bats" "$PWD/c.bats"
	[ "$status" -eq 0 ]
	[ "$(grep -oE '[abc]\.bats' out | xargs)" = "c.bats a.bats b.bats" ]
}

@test "a bats file that does not load, a crash and an unfinished plan are failures" {
	printf '@test "a" {\n' >broken.bats
	counted "$PWD/broken.bats"
	[ "$status" -eq 1 ]
	[[ $last == "0 passed, "[1-9]*" failed, 0 skipped" ]]
	printf '#!/bin/sh\necho 1..3\necho "ok 1 - a"\nkill -SEGV $$\n' >crash
	printf '#!/bin/sh\necho 1..1\necho "ok 1 - a"\nexit 1\n' >late
	printf '#!/bin/sh\n' >nothing
	chmod +x crash late nothing
	counted "$PWD/crash" "$PWD/late" "$PWD/nothing"
	[ "$status" -eq 1 ]
	[ "$last" = "2 passed, 4 failed, 0 skipped" ]
}

@test "short writes and interruptions really happen, and are made again from the same seed" {
	preload short_writes
	printf '%s\n' {1..2000} >lines
	for seed in 1 1 2; do
		SHORT_WRITES_SEED=$seed LD_PRELOAD=$mq_preload python3 -c '
import os, sys
data = open("lines", "rb").read()
calls = 0
while data:
    calls += 1
    n = os.write(1, data)
    data = data[n:]
print(calls, file=sys.stderr)' >"copy.$seed" 2>>counted
		cmp lines "copy.$seed"
	done
	readarray -t calls <counted
	((calls[0] > 2 && calls[0] == calls[1] && calls[0] != calls[2]))
}

@test "the proxy passes, cuts after so many bytes, refuses, and ends with its input" {
	printf 'import socket\ns = socket.socket()\ns.bind(("127.0.0.1", 0))\ns.listen()\nprint(s.getsockname()[1], flush=True)\nwhile True:\n    c, _ = s.accept()\n    c.sendall(b"x" * 1000)\n    c.close()\n' >server.py
	python3 server.py >port 3>&- &
	server=$!
	wait_until 10 test -s port
	echo pass >rule
	mkfifo input
	"$(test_tool tcp_proxy)" "127.0.0.1:$(cat port)" rule <input >proxy.port 3>&- &
	proxy=$!
	exec 8>input
	wait_until 10 test -s proxy.port
	through() {
		python3 -c 'import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
n = 0
try:
    while True:
        d = s.recv(4096)
        if not d: break
        n += len(d)
    print(n)
except ConnectionResetError:
    print(n, "reset")' "$(cat proxy.port)"
	}
	[ "$(through)" = 1000 ]
	echo 'cut 300' >rule
	[[ $(through) == *reset ]]
	[ "$(through)" = 1000 ]
	echo refuse >rule
	wait_until 10 bash -c "[[ \$($(declare -f through); through) == '0 reset' ]]"
	exec 8>&-
	wait "$proxy"
	kill "$server"
}

@test "make names what is missing when there is no pkg-config or no inih" {
	cd "$root"
	status=0
	make BUILD="$BATS_TEST_TMPDIR/build" PKG_CONFIG=no-such-tool >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	[ "$status" -ne 0 ]
	grep -q 'pkg-config is needed.*make demo' "$BATS_TEST_TMPDIR/err"
	status=0
	make BUILD="$BATS_TEST_TMPDIR/build" PKG_CONFIG=false >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	[ "$status" -ne 0 ]
	grep -q 'inih, jansson and OpenSSL .* needed.*make demo' "$BATS_TEST_TMPDIR/err"
}
