#!/usr/bin/env bash
# The runbook, typed literally: what a team without a tool runs at night. Used only to be measured against.
# Needs: DIR (release folder), PROD_DB_URL, SSH (command to the host), TARGET (directory), HEALTH, SMOKE1, SMOKE2, WORK.
set -euo pipefail
cd "$WORK"
api=$(sed -n 's/.*"api": "\(.*\)".*/\1/p' "$DIR/release.json")
worker=$(sed -n 's/.*"worker": "\(.*\)".*/\1/p' "$DIR/release.json")
web=$(sed -n 's/.*"web": "\([^"]*\)".*/\1/p' "$DIR/release.json")
sha256sum "$DIR/migration.sql" >/dev/null
pg_dump --format=custom --file=backup.dump "$PROD_DB_URL"
pg_restore --list backup.dump >/dev/null
psql "$PROD_DB_URL" -q -v ON_ERROR_STOP=1 -f "$DIR/migration.sql"
$SSH "cd $TARGET/infra && sed -i -e '/^API_IMAGE=/d' -e '/^WORKER_IMAGE=/d' -e '/^WEB_IMAGE=/d' .env &&
  printf 'API_IMAGE=%s\nWORKER_IMAGE=%s\nWEB_IMAGE=%s\n' '$api' '$worker' '$web' >> .env &&
  docker compose -f docker-compose.prod.yml pull -q && docker compose -f docker-compose.prod.yml up -d" >/dev/null 2>&1
ok=
for _ in $(seq 12); do
  if curl -fsS -m 5 "$HEALTH" >/dev/null 2>&1; then ok=1; break; fi
  sleep 10
done
[ -n "$ok" ]
curl -fsS -m 5 "$SMOKE1" >/dev/null
curl -fsS -m 5 "$SMOKE2" >/dev/null
