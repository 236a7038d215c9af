#!/bin/sh
# Prints one line "MAJOR DIRECTORY" for every PostgreSQL server program on this machine that Patron can use, newest first, and
# fails if there is none. The only search list: `make` runs this file before the build, the program carries it inside.
# PATRON_PG_BINDIR, if set, is the only directory looked at.
minimum=14 # the oldest release with every statement that Patron uses

candidates() {
  if [ -n "${PATRON_PG_BINDIR:-}" ]; then
    printf '%s\n' "$PATRON_PG_BINDIR"
    return
  fi
  for dir in /usr/lib/postgresql/*/bin /usr/lib/postgresql*/bin /usr/libexec/postgresql* /usr/pgsql-*/bin /usr/lib64/pgsql/bin \
    /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin /usr/local/pgsql/bin /Library/PostgreSQL/*/bin \
    /Applications/Postgres.app/Contents/Versions/*/bin; do
    printf '%s\n' "$dir"
  done
  pg_config --bindir 2>/dev/null
  printf '%s' "$PATH" | tr ':' '\n'
  echo
}

found=$(candidates | while IFS= read -r dir; do
  [ -x "$dir/postgres" ] && [ -x "$dir/initdb" ] || continue
  # "postgres (PostgreSQL) 15.18 (Debian ...)"; running it also proves that its libraries are here.
  version=$("$dir/postgres" --version 2>/dev/null) || continue
  version=${version#*") "}
  major=${version%%[!0-9]*}
  [ "${major:-0}" -ge "$minimum" ] && printf '%s %s\n' "$major" "$dir"
done | sort -rnu)
[ -n "$found" ] && printf '%s\n' "$found"
