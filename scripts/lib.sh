# SPDX-License-Identifier: AGPL-3.0-or-later
# shellcheck shell=bash
# Shared by the programs in this folder, which source it: set-up that can be run again, and plain words.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools="$root/bin/tools" # Go tools, built here
buf_home="$root/scripts/tools/node_modules"
case $(uname -m) in # as npm names them
aarch64 | arm64) buf_platform=linux-aarch64 ;;
*) buf_platform=linux-x64 ;;
esac
export PATH="$tools:$buf_home/@bufbuild/buf-$buf_platform/bin:$PATH"

say() { printf '==> %s\n' "$*"; }

die() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# version_at_least HAVE WANTED
version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

need_go() {
	have go || die "Go is not installed: get 1.26 or newer from https://go.dev/dl/ and put it on the PATH"
	local version
	version=$(cd "$root" && go env GOVERSION 2>&1) || die "Go does not accept go.work: $version"
	version_at_least "${version#go}" 1.26 || die "Go is $version, 1.26 or newer is needed: https://go.dev/dl/"
	say "Go: $version"
}

need_node() {
	if ! have node || ! have npm; then
		die "Node with npm is not installed: 18 or newer is needed (apt-get install nodejs npm)"
	fi
	local version
	version=$(node --version)
	version_at_least "${version#v}" 18 || die "Node is $version, 18 or newer is needed"
	say "Node: $version"
}

# need_package PROGRAM PACKAGE...: installs with apt what brings PROGRAM, unless it is there.
need_package() {
	local program=$1
	shift
	if have "$program"; then
		return
	fi
	have apt-get || die "$program is not installed, and there is no apt-get here: install $* and start again"
	local -a as_root=()
	if [ "$(id -u)" -ne 0 ]; then
		have sudo || die "$program is not installed: as root, run: apt-get install $*"
		as_root=(sudo)
	fi
	say "installing from apt: $*"
	"${as_root[@]}" apt-get update -qq
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
	have "$program" || die "$program is still missing after apt-get install $*"
}

# need_go_tools builds what scripts/tools/go.mod pins. The first time takes minutes, later a second.
need_go_tools() {
	say "Go tools pinned in scripts/tools/go.mod (the first time takes a few minutes)"
	(cd "$root/scripts/tools" && GOWORK=off GOBIN="$tools" go install tool ./testcount)
}

# need_protoc_gen_go builds only what generation needs: seconds instead of minutes.
need_protoc_gen_go() {
	(cd "$root/scripts/tools" && GOWORK=off GOBIN="$tools" go install google.golang.org/protobuf/cmd/protoc-gen-go)
}

# need_testcount builds what counts the tests' results.
need_testcount() {
	(cd "$root/scripts/tools" && GOWORK=off GOBIN="$tools" go install ./testcount)
}

# need_buf brings buf from npm, as locked: 2 seconds, where compiling the Go module takes 80.
need_buf() {
	local lock="$root/scripts/tools/package-lock.json" stamp="$buf_home/.palinsesto-lock"
	if cmp -s "$lock" "$stamp"; then
		return
	fi
	say "buf from npm, as locked in scripts/tools/package-lock.json"
	# Nothing of what is installed needs to run a script of its own for it.
	(cd "$root/scripts/tools" && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null)
	cp "$lock" "$stamp"
	have buf || die "npm brought no buf for this machine ($(uname -sm)): Linux on x86-64 or arm64 is needed"
}
