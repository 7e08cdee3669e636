#!/usr/bin/env bash
# Looks at the code without a lab: format, modules, vet, staticcheck, vulnerabilities, races, and how large it is.
# Nothing needs to be installed; the tools are built from the modules in tools/.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }
tool() { go tool -modfile="tools/$1/go.mod" "$@"; }

step "gofmt"
unformatted=$(git ls-files '*.go' | xargs gofmt -l)
[ -z "$unformatted" ] || { printf 'not formatted:\n%s\n' "$unformatted"; exit 1; }

step "120 columns (a tab counts as four)"
git ls-files '*.go' | xargs perl -CSD -ne '
	s/\t/    /g; chomp;
	if (length > 120) { print "$ARGV:$.: ", length, " columns\n"; $wide++ }
	close ARGV if eof;
	END { print "$wide lines are too wide\n" if $wide; $? = 1 if $wide }'

step "go mod tidy"
go mod tidy -diff

step "changelog"
scripts/changelog.sh --check

step "go vet, with and without the tests of the tags"
go vet ./...
go vet -tags 'postgres real' ./...

step "staticcheck"
tool staticcheck -tags 'postgres real' ./...

step "govulncheck"
if ! found=$(tool govulncheck ./cmd/... 2>&1); then
	grep -q 'fetching vulnerabilities' <<<"$found" || { printf '%s\n' "$found"; exit 1; }
	echo "passed over: its database cannot be had from here"
fi

step "go test -race (a thousand stories instead of ten thousand)"
go test -race -short ./...

step "how large it is"
scripts/sizes.sh
