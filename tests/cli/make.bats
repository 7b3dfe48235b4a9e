#!/usr/bin/env bats
# What the Makefile promises: install and uninstall, a backend left out, rebuilding what changed and
# nothing else, a quiet build.

load ../lib/helpers

setup_file() {
	# A tree of its own, which is built once; the tests follow each other in it.
	local root
	root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	mkdir "$BATS_FILE_TMPDIR/tree"
	cd "$root" || return
	cp -R Makefile VERSION mk scripts include src cmd man completions tests "$BATS_FILE_TMPDIR/tree"
}

setup() {
	common_setup
	cd "$BATS_FILE_TMPDIR/tree" || return
}

# made ARG…: runs make; $status, $out and $err.
made() {
	status=0
	make -j2 OPT=-O0 "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	mq_result
}

@test "a build says one line for each step, V=1 the commands, and a second one nothing" {
	made
	expect_status 0
	[ -x mqtk ]
	[ -z "$err" ]
	! grep -vE '^  (CC|CXX|EMBED|AR|LINK) +[^ ]+$' "$BATS_TEST_TMPDIR/out" || fail "more than that"
	grep -qE '^  CC +cmd/main.c$' "$BATS_TEST_TMPDIR/out"
	made
	expect_status 0
	[ -z "$out$err" ]
	touch cmd/main.c
	made V=1
	expect_status 0
	grep -q -- '-c -o build/.*/cmd/main.o cmd/main.c' "$BATS_TEST_TMPDIR/out"
	made
	[ -z "$out$err" ]
}

@test "a header that changes rebuilds who includes it, and nobody else" {
	made
	expect_status 0
	touch cmd/argv.h
	made
	expect_status 0
	grep -qE '^  CC +cmd/argv.c$' "$BATS_TEST_TMPDIR/out"
	grep -qE '^  LINK +build/.*/mqtk$' "$BATS_TEST_TMPDIR/out"
	! grep -qE '^  CC +src/' "$BATS_TEST_TMPDIR/out" || fail "the library does not include it"
	made
	[ -z "$out$err" ]
	touch src/opt/rows.h
	made
	expect_status 0
	grep -qE '^  CC +src/opt/rows.c$' "$BATS_TEST_TMPDIR/out"
	grep -qE '^  AR +build/.*/libmqtk.a$' "$BATS_TEST_TMPDIR/out"
	made
	[ -z "$out$err" ]
}

@test "other flags and a source that comes or goes are noticed" {
	made
	expect_status 0
	printf '/* nothing */\nint mq_nothing(void);\nint mq_nothing(void)\n{\n\treturn 0;\n}\n' >src/core/nothing.c
	made
	expect_status 0
	[ "$(grep -c '^  CC' "$BATS_TEST_TMPDIR/out")" -eq 1 ]
	grep -q 'LINK' "$BATS_TEST_TMPDIR/out"
	rm src/core/nothing.c
	made
	expect_status 0
	grep -q 'LINK' "$BATS_TEST_TMPDIR/out"
	# In a folder of its own: other flags are for all that is there.
	object=$(echo build/*/src/opt/nearest.o)
	object=flags/${object#build/}
	made BUILD=flags "$object"
	expect_status 0
	[ "$(grep -c '^  CC' "$BATS_TEST_TMPDIR/out")" -eq 1 ]
	made BUILD=flags "$object"
	[ -z "$out$err" ]
	made BUILD=flags CPPFLAGS=-DOTHER "$object"
	expect_status 0
	[ "$(grep -c '^  CC' "$BATS_TEST_TMPDIR/out")" -eq 1 ]
}

@test "install puts everything below DESTDIR and PREFIX, and uninstall takes all of it away" {
	made
	expect_status 0
	made install DESTDIR="$BATS_TEST_TMPDIR/stage" PREFIX=/opt/mq
	expect_status 0
	cd "$BATS_TEST_TMPDIR/stage"
	[ "$(opt/mq/bin/mqtk --version)" = "$("$MQTK" --version)" ]
	cmp "$root/man/mqtk.1" opt/mq/share/man/man1/mqtk.1
	[ "$(find opt/mq/share/man/man1 -name '*.1' | wc -l)" -eq "$(find "$root/man" -name '*.1' | wc -l)" ]
	cmp "$root/completions/mqtk.bash" opt/mq/share/bash-completion/completions/mqtk
	cmp "$root/completions/_mqtk" opt/mq/share/zsh/site-functions/_mqtk
	cmp "$root/completions/mqtk.fish" opt/mq/share/fish/vendor_completions.d/mqtk.fish
	[ ! -e opt/mq/bin/kcat ]
	[ -z "$(find . -path ./opt/mq -prune -o -type f -print)" ]
	# What others have put there stays.
	echo theirs >opt/mq/bin/other
	cd "$BATS_FILE_TMPDIR/tree" || return
	made uninstall DESTDIR="$BATS_TEST_TMPDIR/stage" PREFIX=/opt/mq
	expect_status 0
	[ "$(find "$BATS_TEST_TMPDIR/stage" -type f)" = "$BATS_TEST_TMPDIR/stage/opt/mq/bin/other" ]
	rm "$BATS_TEST_TMPDIR/stage/opt/mq/bin/other"
	made install DESTDIR="$BATS_TEST_TMPDIR/stage" PREFIX=/opt/mq
	made uninstall DESTDIR="$BATS_TEST_TMPDIR/stage" PREFIX=/opt/mq
	[ -z "$(find "$BATS_TEST_TMPDIR/stage" -type f -o -type l)" ]
}

@test "without a backend's library the build says so at its end, and help and an address say why" {
	made
	expect_status 0
	# What asks for backends is compiled again; the other objects are the same, so these flags count
	# as theirs.
	cp -Rp build without
	rm -rf without/*/src/backend/kafka without/*/mqtk without/*/libmqtk.a
	grep -rlE 'MQ_WITH|"(backend/)?table\.h"|rdkafka' --include='*.c' src cmd |
		while read -r file; do rm -f without/*/"${file%.c}.o"; done
	made BUILD=without WITHOUT=kafka FLAGS_TEXT="$(cat without/*/flags)"
	expect_status 0
	grep -qE '^  CC +src/backend/table.c$' "$BATS_TEST_TMPDIR/out"
	[ "$err" = 'note: built without the kafka backend, as WITHOUT="kafka" says' ]
	! grep -q 'backend/kafka' "$BATS_TEST_TMPDIR/out" || fail "it was built"
	built=$(echo "$PWD"/without/*/mqtk)
	! ldd "$built" | grep -q rdkafka || fail "it is linked"
	"$built" help backends | grep -i kafka | grep -iE 'not built|without|missing|not in'
	MQTK=$built mq ls kafka://127.0.0.1:1/
	expect_status 2
	[[ $err == *kafka* ]]
	echo one | "$built" produce -q "sqlite:$BATS_TEST_TMPDIR/s.db/t"
	[ "$("$built" consume -q -e "sqlite:$BATS_TEST_TMPDIR/s.db/t")" = one ]
}
