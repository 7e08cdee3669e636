#!/usr/bin/env bash
# Prints where the code has grown: the five largest folders by files and by lines, types by methods, files by lines.
# Tests are not counted, nor what only tests and measurements use. As a guide: beyond 30 files or 2,500 lines of a
# folder, 40 methods of a type or 400 lines of a file, look for a wall.
set -euo pipefail
cd "$(dirname "$0")/.."

production=$(git ls-files 'cmd/*.go' 'internal/*.go' |
	grep -Ev '_test\.go$|/testdata/|^internal/(world|lab|floors|compat)/|/fake/|test/[^/]*\.go$')

largest() {
	printf '\n%s\n' "$1"
	sort -rn | head -n 5
}

# shellcheck disable=SC2086
lines=$(wc -l $production)
awk '$2 == "total" { printf "%d production lines in %d files\n", $1, n; next } { n++ }' <<<"$lines"
xargs -n1 dirname <<<"$production" | sort | uniq -c | largest "folders by files"
awk '$2 != "total" { sub("/[^/]*$", "", $2); n[$2] += $1 } END { for (d in n) printf "%7d %s\n", n[d], d }' <<<"$lines" |
	largest "folders by lines"
# shellcheck disable=SC2086
sed -nE 's/^func \(([a-z]+ )?\*?([A-Za-z]+)[])[].*/\2/;T;F;p' $production | paste - - |
	awk '{ sub("/[^/]*$", "", $1); n[$1 "." $2]++ } END { for (t in n) printf "%7d %s\n", n[t], t }' |
	largest "types by methods"
grep -v ' total$' <<<"$lines" | largest "files by lines"
