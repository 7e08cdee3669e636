#!/usr/bin/env bash
# Runs every test, in three parts:
#   what needs a Go toolchain only;
#   what needs a PostgreSQL server (build tag postgres): each package starts one of its own, several packages at once;
#   what needs a lab (build tag real): in one that lives as long as this run, a package at a time.
# Arguments go to the last two: -run NAME.
set -euo pipefail
cd "$(dirname "$0")/.."
times=$(mktemp)
trap 'rm -f "$times"' EXIT

step() { printf '\n== %s\n' "$*"; }

# tagged lists the packages that have tests of a build tag: those whose list of test files it changes.
tagged() {
	local files='{{.ImportPath}} {{.TestGoFiles}} {{.XTestGoFiles}}'
	comm -13 <(go list -f "$files" ./... | sort) <(go list -tags "$1" -f "$files" ./... | sort) | cut -d' ' -f1
}

step "build"
make --no-print-directory build

step "go vet, with and without the tests of the tags"
go vet ./...
go vet -tags 'postgres real' ./...

step "go test ./... (a Go toolchain is enough)"
go test -json ./... | bin/testlog -times "$times"

step "a sample of the mutants"
make --no-print-directory mutants MUTANTS=3 | grep -E '^ *--- |^(ok|FAIL)'

step "the reviewer on its labelled files"
go test -count=1 -v -run '^TestReview_(of_the_labelled|lets_no_unsafe)' ./internal/sqlreview/... |
	grep -E 'precision|blocked for want|^(ok|FAIL)' | grep -v 'no tests to run'

# What the tests mount is gone with this process.
private=()
[ "$(id -u)" = 0 ] && private=(unshare --mount)
packages=$(tagged postgres)
step "go test -tags postgres:" $packages
FAIRLEAD_BIN=$PWD/bin "${private[@]}" go test -tags postgres -count=1 -timeout 30m -json "$@" $packages |
	bin/testlog -v -times "$times"

packages=$(tagged real)
step "go test -tags real, in a lab:" $packages
FAIRLEAD_BIN=$PWD/bin bin/lab run -- go test -tags real -count=1 -p 1 -timeout 30m -exec "$PWD/bin/lab exec --" \
	-json "$@" $packages | bin/testlog -v -times "$times"

step "the slowest ten"
bin/testlog -slowest 10 -times "$times"
