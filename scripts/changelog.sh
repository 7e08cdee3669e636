#!/usr/bin/env bash
# Writes CHANGELOG.md from the files in changes/: one folder for each version (v1.2.0, with its day in a file named
# date) and unreleased. A file begins with "Kind: title" and goes on, after a blank line, with what it means to a user.
# With --check it only tells whether the file is what it would write.
set -euo pipefail
cd "$(dirname "$0")/.."

entries() {
	local kind f
	for kind in Security Bugfix Change Enhancement; do
		for f in "$1"/*.md; do
			[ "$(head -n 1 "$f" | cut -d: -f1)" = "$kind" ] || continue
			awk 'NR == 1 { sub(/^[A-Z][a-z]+: /, ""); print "- **" toupper(substr($0, 1, 1)) substr($0, 2) ".**" }
				NR > 2 { print ($0 == "" ? "" : "  ") $0 }
				END { print "" }' "$f"
		done
	done
}

changelog() {
	local version
	echo "# Changelog"
	echo
	echo "What a user sees, by version, the newest first. Written by \`make changelog\` from the files in \`changes/\`."
	for version in changes/unreleased $(find changes -maxdepth 1 -name 'v*' | sort -rV); do
		local title=${version#changes/}
		[ -f "$version/date" ] && title="$title, $(cat "$version/date")"
		printf '\n## %s\n\n' "${title^}"
		entries "$version"
	done | sed '$d'
}

if [ "${1:-}" = --check ]; then
	diff -u CHANGELOG.md <(changelog) || { echo "changelog: run make changelog"; exit 1; }
	exit
fi
changelog >CHANGELOG.md
