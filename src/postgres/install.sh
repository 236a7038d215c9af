#!/bin/sh
# Sees to it that a PostgreSQL server program is on this machine: `make` runs it before the build. It does nothing if one is found
# or DATABASE_URL names a server, installs the distribution's package on Debian and Ubuntu, and elsewhere prints the command.
set -eu
here=$(dirname "$0")
[ -z "${DATABASE_URL:-}" ] || exit 0
if sh "$here/servers.sh" >/dev/null; then exit 0; fi

if [ -n "${PATRON_PG_BINDIR:-}" ]; then
  echo "error: no PostgreSQL server of version 14 or newer in PATRON_PG_BINDIR ($PATRON_PG_BINDIR)" >&2
  echo "hint: unset it to search the usual places, or set DATABASE_URL" >&2
  exit 1
fi
if ! command -v apt-get >/dev/null; then
  echo "error: no PostgreSQL server of version 14 or newer found on this machine" >&2
  if   command -v brew   >/dev/null; then cure="brew install postgresql@17"
  elif command -v dnf    >/dev/null; then cure="sudo dnf install -y postgresql-server"
  elif command -v apk    >/dev/null; then cure="sudo apk add postgresql"
  elif command -v pacman >/dev/null; then cure="sudo pacman -S postgresql"
  elif command -v zypper >/dev/null; then cure="sudo zypper install -y postgresql-server"
  else cure="your package manager's PostgreSQL server package"; fi
  echo "hint: install it with: $cure" >&2
  echo "hint: or set DATABASE_URL to the URL of a server" >&2
  exit 1
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "error: no PostgreSQL server found, and there is no sudo to install one with" >&2
    echo "hint: as root: apt-get install -y --no-install-recommends postgresql" >&2
    exit 1
  }
  as_root=sudo
fi
cat <<'TEXT'
patron: no PostgreSQL server found on this machine, so the distribution's package "postgresql" is being installed (apt-get).
patron: No database of the system's is created or started: Patron runs the programs on a private directory of its own.
patron: To use another server instead, stop this and set DATABASE_URL.
TEXT
# Debian makes and starts a "main" cluster at installation unless this setting says no; it is taken away again afterwards.
settings=/etc/postgresql-common/createcluster.d
forget() { $as_root rm -f "$settings/patron.conf" && { $as_root rmdir "$settings" 2>/dev/null || :; }; }
trap forget EXIT
trap 'exit 130' INT TERM
$as_root mkdir -p "$settings"
echo "create_main_cluster = false" | $as_root tee "$settings/patron.conf" >/dev/null
$as_root apt-get update -q
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends postgresql </dev/null
sh "$here/servers.sh" >/dev/null || {
  echo "error: the package was installed, but it holds no server of version 14 or newer" >&2
  echo "hint: install a newer release (https://www.postgresql.org/download/), or set DATABASE_URL" >&2
  exit 1
}
