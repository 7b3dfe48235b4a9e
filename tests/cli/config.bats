#!/usr/bin/env bats
# shellcheck disable=SC2154 # the variables are set by tests/lib/helpers.bash
# mqtk config, and what the configuration does to every command.

load ../lib/helpers
load saying

user_file() {
	mkdir -p "$XDG_CONFIG_HOME/mqtk"
	cat >"$XDG_CONFIG_HOME/mqtk/config"
}

@test "without any file: the built-in local store is the default" {
	mq config
	expect_status 0
	is "$err" ""
	has "$out" "default broker"
	has "$out" "sqlite:$XDG_DATA_HOME/mqtk/local.db"
	mq config --profiles
	is "$out" local
}

@test "each value is shown with its file and line, secrets as asterisks" {
	user_file <<-'EOT'
		default = prod
		[profile prod]
		url = kafka://u:s3cret@h1:9092
		client.id = night
		sasl.password = s3cret
		registry = https://me:s3cret@registry
		readonly = true
	EOT
	MQTK_PASSWORD=s3cret mq config
	expect_status 0
	has_not "$out$err" s3cret
	has "$out" "kafka://u:********@h1:9092"
	has "$out" "profile prod ($XDG_CONFIG_HOME/mqtk/config:4)"
	has "$out" "$XDG_CONFIG_HOME/mqtk/config:1"
	MQTK_PASSWORD=s3cret mq config orders -X client.id=x -X api.token=s3cret
	expect_status 0
	has_not "$out$err" s3cret
	grep -Eq '^address +prod/orders ' <<<"$out"
	grep -Eq "^password +[*]{8} +[$]MQTK_PASSWORD$" <<<"$out"
	grep -Eq '^client.id +x +-X$' <<<"$out"
	grep -Eq '^readonly +true ' <<<"$out"
}

@test "-J is one object, without secrets" {
	user_file <<-'EOT'
		[profile prod]
		url = kafka://h1:9092?ssl.key.password=s3cret
		password-command = echo s3cret
	EOT
	mq config -J 'prod/orders?client.id=a'
	expect_status 0
	has_not "$out$err" s3cret
	is "$(wc -l <<<"$out")" 1
	is "$(jq -r '.target | [.address, .backend, .hosts, .stream, .password, .password_source] | join(" ")' <<<"$out")" \
		"prod/orders kafka h1:9092 orders ******** password-command"
	is "$(jq -c '[.profiles[] | [.name, .readonly, .password_command]]' <<<"$out")" \
		'[["prod",false,true],["local",false,false]]'
	is "$(jq -r '.target.settings[] | select(.name == "client.id") | .source' <<<"$out")" URL
	mq config -J
	is "$(jq -c .target <<<"$out")" null
}

@test "a file with an error stops every command, with file and line" {
	user_file <<<$'default = local\ncolour = never'
	for command in config ls "consume local/x"; do
		# shellcheck disable=SC2086 # words
		mq $command
		expect_status 2
		is "$out" ""
		has "$err" "mqtk/config:2: unknown key 'colour'"
		has "$err" "did you mean color?"
	done
	mq help
	expect_status 0
}

@test "a .mqtk file is found up to the repository's root, and cannot run programs" {
	mkdir -p repo/.git repo/sub
	echo 'default = sqlite:tree.db' >repo/.mqtk
	cd repo/sub
	mq config orders
	expect_status 0
	has "$out" "$BATS_TEST_TMPDIR/repo/tree.db"
	printf '[profile p]\nurl = kafka://h\npassword-command = touch ran\n' >../.mqtk
	mq config p/orders
	expect_status 2
	has "$err" ".mqtk:3: 'password-command' is honoured only in your own configuration file"
	[ ! -e ran ]
}

@test "a profile of a .mqtk file gets none of the user's secrets" {
	user_file <<<$'[profile prod]\nurl = kafka://mine\npassword = s3cret\nreadonly = true'
	mkdir -p repo/.git
	cd repo
	printf '[profile prod]\nurl = kafka://theirs\nreadonly = false\n' >.mqtk
	MQTK_PASSWORD=s3cret mq config -J prod/orders
	expect_status 0
	is "$(jq -c '.target | [.hosts, .password, .readonly]' <<<"$out")" '["theirs",null,true]'
}

@test "MQTK_CONFIG names the only file; MQTK_BROKER the default broker" {
	user_file <<<'default = kafka://user'
	echo 'default = kafka://named' >named
	MQTK_CONFIG=named mq config orders
	has "$out" kafka://named/orders
	MQTK_CONFIG=named MQTK_BROKER=local mq config orders
	has "$out" local/orders
	MQTK_CONFIG=missing mq config
	expect_status 2
	has "$err" "missing: No such file or directory"
}

@test "a failing password-command is exit 5 and does not show itself" {
	user_file <<<$'[profile p]\nurl = kafka://h\npassword-command = echo hush >&2; exit 7'
	mq config p/orders
	expect_status 5
	has "$err" "the password-command of profile p failed with exit status 7"
	has_not "$err" "exit 7"
}

@test "wrong use" {
	mq config a b
	expect_status 2
	has "$err" "unexpected operand: b"
	mq config --profiles a
	expect_status 2
	mq config --profiles -J
	expect_status 2
	mq config nosuch/x
	expect_status 2
	has "$err" "there is no profile 'nosuch'"
}
