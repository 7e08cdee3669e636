#!/usr/bin/env bash
# Installs what the lab, the demo and the real tests need and this machine lacks.
# As root on a Debian-like machine it uses apt; elsewhere it says what is missing.
# It starts no service, leaves a Docker engine or PostgreSQL that is already here
# alone, and takes a moment when everything is there.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
policy=/usr/sbin/policy-rc.d
mark="# written by fairlead scripts/install.sh, removed when it ends"
cluster=/etc/postgresql-common/createcluster.conf
saved=$cluster.fairlead-saved

say() { printf 'install: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }
first() { for f in "$@"; do [ -x "$f" ] && { echo "$f"; return; }; done; return 1; }

PATH=$PATH:/usr/sbin:/sbin:/usr/local/go/bin

# missing prints one apt package per line for each program that is not here.
missing() {
	have gcc || echo gcc libc6-dev
	have git || echo git
	have make || echo make
	have dockerd || echo docker.io
	have docker || echo docker.io
	have iptables || echo iptables
	have sshd || echo openssh-server
	have ssh || echo openssh-client
	have ip || echo iproute2
	first /usr/lib/postgresql/*/bin/initdb >/dev/null || echo postgresql
	have pg_dump || echo postgresql-client
	have pgbouncer || echo pgbouncer
	return 0
}

# tidy puts back what apt was given for the time of the installation.
tidy() {
	if [ -f "$policy" ] && grep -qF "$mark" "$policy"; then rm -f "$policy"; fi
	if [ -f "$saved" ]; then mv -f "$saved" "$cluster"; fi
}

# keep_services_down makes apt start nothing; a policy of the machine's own stays.
keep_services_down() {
	[ -e "$policy" ] && return
	printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
	chmod 755 "$policy"
}

# no_cluster keeps the PostgreSQL package from creating a cluster of its own.
no_cluster() {
	apt_install postgresql-common
	[ -f "$cluster" ] || return 0
	cp -p "$cluster" "$saved"
	sed -ri 's/^#?(create_main_cluster) .*$/\1 = false/' "$cluster"
}

apt_install() {
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
		-o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1 || {
		tail -n 20 "$log" >&2
		say "apt-get could not install: $*"
		return 1
	}
}

install_packages() {
	log=$(mktemp)
	trap 'tidy; rm -f "$log"' EXIT
	say "installing with apt: $*"
	apt-get update -q >>"$log" 2>&1 || say "apt-get update answered with an error; going on with the lists that are here"
	keep_services_down
	case " $* " in *" postgresql "*) no_cluster ;; esac
	apt_install "$@"
	tidy
	rm -f "$log"
	trap - EXIT
	# On a machine with systemd the packages enable their services for the next
	# boot. What this script brought stays off.
	if [ -d /run/systemd/system ]; then
		for p in "$@"; do
			case $p in
			docker.io) systemctl disable --quiet docker.service docker.socket containerd.service 2>/dev/null || true ;;
			openssh-server) systemctl disable --quiet ssh.service ssh.socket 2>/dev/null || true ;;
			postgresql) systemctl disable --quiet postgresql.service 2>/dev/null || true ;;
			pgbouncer) systemctl disable --quiet pgbouncer.service 2>/dev/null || true ;;
			esac
		done
	fi
}

# packages brings the programs, or says which ones are missing and how to get them.
packages() {
	tidy
	local need
	need=$(missing | tr ' ' '\n' | sort -u | tr '\n' ' ')
	[ -z "${need// /}" ] && return
	if [ "$(id -u)" != 0 ] || ! have apt-get; then
		say "missing here: $need"
		say "get it with:  sudo apt-get install --no-install-recommends $need"
		say "(this script does that itself when it runs as root on a Debian-like machine)"
		exit 1
	fi
	# shellcheck disable=SC2086
	install_packages $need
	need=$(missing | tr '\n' ' ')
	[ -z "${need// /}" ] && return
	say "still missing after apt: $need"
	exit 1
}

# tool builds a program from a module of tools/NAME, once per version: what it
# is called, NAME, the module, the package, the program, how long, linker flags.
tool() {
	local version dir out
	version=$(sed -n "s|^\s*$3 \(v[^ ]*\).*|\1|p" "$here/tools/$2/go.mod")
	dir=${FAIRLEAD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fairlead}/$2/$version
	out=$dir/$5
	[ -x "$out" ] && return
	say "building $1 $version ($6, once)"
	mkdir -p "$dir"
	(cd "$here/tools/$2" && CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -trimpath \
		-ldflags "-s -w ${7//VERSION/$version}" -o "$out.$$" "$4") || {
		rm -f "$out.$$"
		say "$1 could not be built; its module is $3 $version"
		exit 1
	}
	mv -f "$out.$$" "$out"
}

if ! have go; then
	say "missing here: go 1.26 or newer (https://go.dev/dl, or a Debian package golang-1.26)"
	exit 1
fi
packages
tool "the compose plugin" compose github.com/docker/compose/v2 github.com/docker/compose/v2/cmd docker-compose \
	"two to three minutes" "-X github.com/docker/compose/v2/internal.Version=VERSION"
tool "an S3 server for tests" s3 github.com/versity/versitygw github.com/versity/versitygw/cmd/versitygw versitygw \
	"a minute or two" ""
