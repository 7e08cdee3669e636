#!/usr/bin/env bash
# Runs every test: what needs only a Go toolchain, then what needs real parts,
# inside one lab that lives as long as this run. Arguments go to the second
# go test: -run NAME, -v.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

step "build"
make --no-print-directory build

step "go vet, with and without the real tests"
go vet ./...
go vet -tags real ./...

step "go test ./... (a Go toolchain is enough)"
go test ./...

step "the reviewer on its labelled files"
go test -count=1 -v -run '^TestReview_(of_the_labelled|lets_no_unsafe)' ./internal/sqlreview | grep -E 'precision|blocked for want|^(ok|FAIL)'

# A real test stands in a file that begins with the build tag real. Only those
# tests run in the lab; the others of their packages have just been run.
files=$(grep -rl '^//go:build real$' --include='*_test.go' .)
packages=$(dirname $files | sort -u)
names=$(sed -n 's/^func \(Test[A-Za-z0-9_]*\)(t \*testing.T).*/\1/p' $files | sort -u | paste -sd '|')

step "go test -tags real, in a lab: $(grep -c . <<<"${names//|/$'\n'}") tests of" $packages
export FAIRLEAD_BIN=$PWD/bin
bin/lab run -- go test -tags real -count=1 -p 1 -timeout 30m -v \
	-exec "$PWD/bin/lab exec --" -run "^($names)\$" "$@" $packages | grep -Ev '^=== (RUN|PAUSE|CONT|NAME)'
