#!/usr/bin/env bash
# Installs what a job needs: deps.sh GROUP…
#
#   build  compile the program         fast   the tests without servers
#   check  all tests, with servers: fast, servers, and jars, which gets Kafka's and the registry's
#   lint   make lint                   bench  make bench
#   debian13  make check-debian13, which calls this again inside its folder
#
# Everything is looked for first, in whatever way it got here; when all is there nothing is run.
# What is missing is installed by apt-get on Debian and Ubuntu (with sudo when not root). On other
# systems the package names are printed and the exit status is 1. No service that comes with a package
# is started: the tests start servers of their own.
set -euo pipefail

# group; probe; packages for apt, dnf, brew, apk, pacman. A|B: the first that the system knows.
# A package that is only '-' does not exist there. A probe that begins with '?' may stay missing:
# what needs it is then skipped by name.
rows() {
	cat <<'ROWS'
build; compiler; gcc libc6-dev; gcc glibc-devel; gcc; build-base; gcc
build; cmd:make; make; make; make; make; make
build; cmd:pkg-config; pkgconf|pkg-config; pkgconf-pkg-config; pkgconf; pkgconf; pkgconf
build; lib:inih; libinih-dev; inih-devel; inih; inih-dev; libinih
build; lib:rdkafka; librdkafka-dev; librdkafka-devel; librdkafka; librdkafka-dev; librdkafka
build; lib:librabbitmq; librabbitmq-dev; librabbitmq-devel; rabbitmq-c; rabbitmq-c-dev; librabbitmq-c
build; lib:hiredis; libhiredis-dev; hiredis-devel; hiredis; hiredis-dev; hiredis
build; lib:libcurl; libcurl4-openssl-dev; libcurl-devel; curl; curl-dev; curl
build; lib:openssl; libssl-dev; openssl-devel; openssl@3; openssl-dev; openssl
build; lib:jansson; libjansson-dev; jansson-devel; jansson; jansson-dev; jansson
build; lib:libpcre2-8; libpcre2-dev; pcre2-devel; pcre2; pcre2-dev; pcre2
build; lib:libidn2; libidn2-dev; libidn2-devel; libidn2; libidn2-dev; libidn2
build; ?lib:zlib; zlib1g-dev; zlib-devel; zlib; zlib-dev; zlib
build; ?lib:snappy; libsnappy-dev; snappy-devel; snappy; snappy-dev; snappy
build; ?lib:libzstd; libzstd-dev; libzstd-devel; zstd; zstd-dev; zstd
build; ?lib:liblzma; liblzma-dev; xz-devel; xz; xz-dev; xz
build; ?header:bzlib.h; libbz2-dev; bzip2-devel; bzip2; bzip2-dev; bzip2
build; ?protobuf; g++ libprotobuf-dev libprotoc-dev; gcc-c++ protobuf-devel; -; -; -
build; lib:sqlite3; libsqlite3-dev; sqlite-devel; sqlite; sqlite-dev; sqlite
fast; cmd:bats; bats; bats; bats-core; bats; bats
fast; ?python:pip; python3-pip; python3-pip; -; py3-pip; python-pip
fast; lib:cmocka; libcmocka-dev; libcmocka-devel; cmocka; cmocka-dev; cmocka
fast; cmd:jq; jq; jq; jq; jq; jq
fast; cmd:sqlite3; sqlite3; sqlite; sqlite; sqlite; sqlite
fast; python:jsonschema; python3-jsonschema; python3-jsonschema; python-jsonschema; py3-jsonschema; python-jsonschema
fast; python:prometheus_client; python3-prometheus-client; python3-prometheus_client; -; py3-prometheus-client; python-prometheus_client
fast; ?cmd:protoc; protobuf-compiler; protobuf-compiler; -; protoc; -
fast; ?python:google.protobuf; python3-protobuf; python3-protobuf; -; py3-protobuf; python-protobuf
fast; ?cmd:kcat; kcat|kafkacat; -; kcat; kcat; -
servers; java:17; default-jre-headless|openjdk-17-jre-headless; java-17-openjdk-headless; openjdk@17; openjdk17-jre-headless; jre17-openjdk-headless
jars; cmd:mvn; maven; maven; maven; maven; maven
servers; cmd:openssl; openssl; openssl; openssl; openssl; openssl
servers; rabbitmq; rabbitmq-server; rabbitmq-server; rabbitmq; rabbitmq-server; rabbitmq
servers; cmd:redis-server; redis-server|valkey-redis-compat; redis; redis; redis; redis|valkey
servers; cmd:redis-cli; redis-tools; redis; redis; redis; redis|valkey
servers; ?cmd:amqp-publish; amqp-tools; librabbitmq-tools; rabbitmq-c; rabbitmq-c-utils; librabbitmq-c
servers; python:ensurepip; python3-venv; -; -; py3-pip; python-pip
servers; ?python:pika; python3-pika; python3-pika; -; py3-pika; python-pika
servers; ?python:redis; python3-redis; python3-redis; -; py3-redis; python-redis
debian13; sbin:debootstrap; debootstrap; debootstrap; -; debootstrap; debootstrap
lint; cmd:clang; clang; clang; llvm; clang; clang
lint; cmd:clang-format; clang-format; clang-tools-extra; clang-format; clang-extra-tools; clang
lint; cmd:clang-tidy; clang-tidy; clang-tools-extra; llvm; clang-extra-tools; clang
lint; cmd:cppcheck; cppcheck; cppcheck; cppcheck; cppcheck; cppcheck
lint; cmd:shellcheck; shellcheck; ShellCheck; shellcheck; shellcheck; shellcheck
lint; cmd:mandoc; mandoc; mandoc; mandoc; mandoc; mandoc
lint; cmd:groff; groff; groff; groff; groff; groff
lint; cmd:zsh; zsh; zsh; zsh; zsh; zsh
lint; cmd:fish; fish; fish; fish; fish; fish
bench; cmd:valgrind; valgrind; valgrind; -; valgrind; valgrind
ROWS
}

have_probe() {
	local what=${1#\?}
	case $what in
	compiler) echo '#include <stdio.h>' | ${CC:-cc} -E -x c - >/dev/null 2>&1 ;;
	header:*) echo "#include <${what#header:}>" | ${CC:-cc} -E -x c - >/dev/null 2>&1 ;;
	protobuf) echo '#include <google/protobuf/compiler/importer.h>' | ${CXX:-c++} -E -x c++ - >/dev/null 2>&1 ;;
	cmd:*) command -v "${what#cmd:}" >/dev/null ;;
	lib:*) pkg-config --exists "${what#lib:}" 2>/dev/null ;;
	python:*) "$here/python.sh" --with "${what#python:}" -c "import ${what#python:}" 2>/dev/null ;;
	# Outside the PATH of users who are not root.
	sbin:*) command -v "${what#sbin:}" >/dev/null || [ -x "/usr/sbin/${what#sbin:}" ] ;;
	rabbitmq) [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || have_probe sbin:rabbitmq-server ;;
	java:*) [ "$(java_version)" -ge "${what#java:}" ] ;;
	*) echo "deps.sh: unknown probe $what" >&2 && exit 70 ;;
	esac
}

java_version() {
	local version
	version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p') || true
	echo "${version:-0}"
}

# Prints the rows of the wanted groups whose probe fails.
missing_rows() {
	local group probe rest
	while IFS=';' read -r group probe rest; do
		probe=${probe# }
		case " $groups " in *" $group "*) ;; *) continue ;; esac
		have_probe "$probe" </dev/null || echo "$group; $probe;$rest"
	done < <(rows)
}

apt_knows() {
	[ -n "$(apt-cache madison "$1" 2>/dev/null)" ]
}

# Prints the first of A|B that apt can install; nothing and status 1 when there is none.
apt_choice() {
	local name
	local -a names
	IFS='|' read -ra names <<<"$1"
	for name in "${names[@]}"; do
		if apt_knows "$name"; then
			echo "$name"
			return
		fi
	done
	return 1
}

# Run as root. What asks before a service is started is told no, unless the machine has its own say.
# shellcheck disable=SC2016 # for that shell
apt_install='
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap "rm -f $policy" EXIT
	trap "exit 130" INT
	trap "exit 143" TERM
	printf "#!/bin/sh\nexit 101\n" >$policy
	chmod 755 $policy
fi
apt-get -qq install -y --no-install-recommends "$@"'

install_with_apt() {
	local group probe apt rest item name log
	local -a packages=() words as_root=()
	if [ "$(id -u)" -ne 0 ]; then
		if ! command -v sudo >/dev/null; then
			echo "deps.sh: not root and there is no sudo; as root: apt-get install $(names_for apt)" >&2
			return 1
		fi
		as_root=(sudo)
	fi
	"${as_root[@]}" apt-get -qq update >&2 || {
		echo "deps.sh: 'apt-get update' failed" >&2
		return 1
	}
	while IFS=';' read -r group probe apt rest; do
		read -ra words <<<"$apt"
		for item in "${words[@]}"; do
			if name=$(apt_choice "$item"); then
				packages+=("$name")
			elif [[ $probe == *'?'* ]]; then
				echo "note: this system has no package $item; what compares with it is skipped" >&2
			else
				echo "deps.sh: this system has no package $item" >&2
				return 1
			fi
		done
	done <<<"$missing"
	[ ${#packages[@]} -gt 0 ] || return 0
	echo "installing: ${packages[*]}" >&2
	# Hundreds of lines that matter only when it fails.
	log=$("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
		sh -c "$apt_install" sh "${packages[@]}" </dev/null 2>&1) || {
		printf '%s\n' "$log" >&2
		return 1
	}
}

# Prints the package names of what is missing for one package manager.
names_for() {
	local column
	case $1 in
	apt) column=3 ;; dnf) column=4 ;; brew) column=5 ;; apk) column=6 ;; pacman) column=7 ;;
	esac
	cut -d';' -f"$column" <<<"$missing" | sed 's/|[^ ]*//g' | tr -s ' ' '\n' | grep -vx -- '-' |
		awk 'NF && !seen[$0]++' | paste -sd' ' -
}

print_names() {
	echo "Some packages are missing, and only Debian and Ubuntu are set up by this script. Install:"
	echo "  dnf install $(names_for dnf)"
	echo "  brew install $(names_for brew)"
	echo "  apk add $(names_for apk)"
	echo "  pacman -S $(names_for pacman)"
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
groups=" "
for group in "$@"; do
	case $group in
	build | fast | servers | jars | lint | debian13) groups+="$group " ;;
	check) groups+="fast servers jars " ;;
	bench) groups+="fast servers jars bench " ;;
	*)
		echo "usage: deps.sh build|fast|servers|jars|check|lint|bench|debian13…" >&2
		exit 2
		;;
	esac
done
[ "$groups" != " " ] || {
	echo "usage: deps.sh build|fast|servers|jars|check|lint|bench|debian13…" >&2
	exit 2
}

missing=$(missing_rows)
[ -n "$missing" ] || exit 0
if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
	install_with_apt
elif grep -qv ' ?' <<<"$missing"; then
	print_names >&2
	exit 1
fi
missing=$(missing_rows | grep -v '; ?' || true)
if [ -n "$missing" ]; then
	echo "deps.sh: still missing: $(cut -d';' -f2 <<<"$missing" | tr -d '\n')" >&2
	exit 1
fi
