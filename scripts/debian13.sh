#!/usr/bin/env bash
# Builds and tests the working tree a second time, with the libraries and servers of Debian 13:
#
#   debian13.sh --can            exit 0 when that is possible here; otherwise prints why not, in a line
#   debian13.sh COMMAND…         runs the command in the copy of the tree, in the Debian 13 folder
#
# The folder is made by debootstrap in the cache of the tests, from this machine's own package sources
# with the suite's name replaced, and used again; packages are installed in it by scripts/deps.sh. The
# tree is copied anew each time, without what git ignores; the jars of Kafka and of the registry come
# from the cache.
# Mounts and processes live in namespaces of their own, so none is left however this ends.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/brokers/kafka.sh
source tests/brokers/kafka.sh
# shellcheck source=tests/brokers/registry.sh
source tests/brokers/registry.sh

suite=trixie
folder=$(broker_cache)/debian13

why_not() {
	local id="" codename=""
	if [ "$(id -u)" -ne 0 ]; then
		echo "only root can change into another root folder"
	elif ! codename=$(host_codename) || [ -z "$codename" ]; then
		echo "this is no Debian, whose package sources could be used"
	elif ! scripts/deps.sh debian13 >/dev/null 2>&1; then
		echo "there is no debootstrap, and it could not be installed"
	elif ! unshare --mount --pid --fork true 2>/dev/null; then
		echo "mounts and processes of its own are not allowed here"
	elif [ -z "$(sources)" ]; then
		echo "apt has no package source of Debian $codename"
	else
		return 1
	fi
}

host_codename() {
	# shellcheck source=/dev/null
	[ "$(. /etc/os-release && echo "$ID")" = debian ] && . /etc/os-release && echo "$VERSION_CODENAME"
}

# Prints this machine's package sources, those of Debian itself, for the other suite.
sources() {
	local codename uri release component
	codename=$(host_codename)
	# shellcheck disable=SC2016 # apt's own
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' |
		sort -u | while read -r uri release component; do
		if [[ $release == "$codename" || $release == "$codename"-* ]]; then
			echo "deb $uri $suite${release#"$codename"} $component"
		fi
	done
}

# What this machine needs to reach its sources: proxies, their certificates, passwords.
apt_access() {
	apt-config dump --format '%F "%v";%n' | grep -iE '^Acquire::(https?|ftp)::|^Acquire::Check-' || true
}

make_folder() {
	local new mirror
	new=$(mktemp -d "$folder.XXXXXX")
	mirror=$(sources | awk -v suite="$suite" '$3 == suite { print $2; exit }')
	echo "making a folder with Debian 13 from $mirror: $folder" >&2
	debootstrap --variant=minbase "$suite" "$new" "$mirror" >"$folder.log" 2>&1 || {
		tail -n 20 "$folder.log" >&2
		rm -rf --one-file-system "$new"
		echo "debian13.sh: debootstrap failed" >&2
		return 1
	}
	chmod 755 "$new"
	sources >"$new/etc/apt/sources.list"
	apt_access >"$new/etc/apt/apt.conf.d/90host"
	cp -r /etc/apt/auth.conf.d/. "$new/etc/apt/auth.conf.d/"
	# No deb files are kept, and no service is started in it.
	printf 'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb"; };\n' >"$new/etc/apt/apt.conf.d/80small"
	printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"
	chmod 755 "$new/usr/sbin/policy-rc.d"
	mkdir "$new/jars" "$new/work"
	mv -T "$new" "$folder"
}

# What a run leaves in it: the tree, and what was not removed from /tmp when it was killed.
clear_folder() {
	rm -rf --one-file-system "$folder/work"
	find "$folder/tmp" "$folder/var/tmp" -xdev -mindepth 1 -delete
}

# The tree as it is here, without what git ignores.
copy_tree() {
	clear_folder
	mkdir "$folder/work"
	git ls-files -z --cached --others --exclude-standard |
		while IFS= read -r -d '' file; do
			[ ! -e "$file" ] && [ ! -L "$file" ] || printf '%s\0' "$file"
		done | tar --null -T - -cf - | tar -x --no-same-owner -C "$folder/work"
	cp -L /etc/resolv.conf /etc/hosts "$folder/etc/" 2>/dev/null || true
	# Whom pip trusts here, as it reaches its index in the same way from there.
	local trusted=${PIP_CERT:-${SSL_CERT_FILE-}}
	[ ! -r "$trusted" ] || cp -L "$trusted" "$folder/etc/host-trusts.crt"
	[ ! -r /etc/pip.conf ] || cp -L /etc/pip.conf "$folder/etc/"
}

# Inside the namespaces, as their first process: mounts what is needed and changes into the folder.
if [ "${1-}" = --inside ]; then
	shift
	mount --rbind /dev "$folder/dev"
	mount -t proc proc "$folder/proc"
	for jars in "$(broker_cache)"/kafka-[0-9]*.[0-9] "$(broker_cache)"/apicurio-[0-9]*.[0-9]; do
		mkdir -p "$folder/jars/${jars##*/}"
		mount --bind "$jars" "$folder/jars/${jars##*/}"
	done
	pip=()
	[ ! -e "$folder/etc/host-trusts.crt" ] || pip+=(PIP_CERT=/etc/host-trusts.crt)
	for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL; do
		[ -z "${!name-}" ] || pip+=("$name=${!name}")
	done
	# Not through exec: the first process of a namespace gets the signals of others only when it
	# has a handler for them, and its end is the end of all.
	chroot "$folder" /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		LC_ALL=C.UTF-8 MQTK_CACHE=/jars "${pip[@]}" ${http_proxy:+"http_proxy=$http_proxy"} \
		${https_proxy:+"https_proxy=$https_proxy"} ${no_proxy:+"no_proxy=$no_proxy"} \
		sh -c 'cd /work && exec "$@"' sh "$@"
	exit
fi

if reason=$(why_not); then
	echo "make check-debian13 cannot run: $reason" >&"$([ "${1-}" = --can ] && echo 1 || echo 2)"
	exit 1
fi
[ "${1-}" != --can ] || exit 0
[ $# -gt 0 ] || {
	echo "usage: debian13.sh --can | COMMAND…" >&2
	exit 2
}

mkdir -p "$(broker_cache)"
exec 9>"$folder.lock"
flock -n 9 || {
	echo "waiting for another run of make check-debian13" >&2
	flock 9
}
[ -d "$folder" ] || make_folder
kafka_jars "$KAFKA_3"
registry_program "$APICURIO"
copy_tree
# In the background, so that a signal is seen at once: the kill ends everything inside.
unshare --mount --pid --fork --kill-child "$PWD/scripts/debian13.sh" --inside "$@" 9>&- <&0 &
inside=$!
# shellcheck disable=SC2317 # called by traps
interrupted() {
	trap '' INT TERM HUP
	kill -KILL "$inside"
	wait "$inside" 2>/dev/null || true
	clear_folder
	exit "$1"
}
trap 'interrupted 130' INT
trap 'interrupted 143' TERM
trap 'interrupted 129' HUP
status=0
wait "$inside" || status=$?
clear_folder
exit "$status"
