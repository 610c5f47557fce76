#!/usr/bin/env bash
# Installs from Debian what the tests need and this machine lacks; says what could not be had. Changes nothing else.
set -u
lacking=()
for need in setpriv:util-linux tmux:tmux zsh:zsh fish:fish; do
  command -v "${need%%:*}" >/dev/null 2>&1 || lacking+=("${need##*:}")
done
# Programs alone: these packages make and start no server.
command -v mariadbd >/dev/null 2>&1 || lacking+=(mariadb-server-core)
command -v mariadb-binlog >/dev/null 2>&1 || lacking+=(mariadb-client)
command -v mariabackup >/dev/null 2>&1 || lacking+=(mariadb-backup)
# The npm packages of PostgreSQL have contrib alone: this extension comes with Debian's own 15.
[ -e /usr/share/postgresql/15/extension/pg_dirtyread.control ] || lacking+=(postgresql-15-dirtyread)
if [ ${#lacking[@]} -eq 0 ]; then
  echo "test needs: everything is here"
  exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "test needs: NOT INSTALLED: ${lacking[*]} (needs root and apt-get). Tests that want them will say that they were skipped." >&2
  exit 0
fi
# Only its programs are wanted: where Debian's PostgreSQL comes with it, it must not make and start a server of its own.
if [ ! -e /etc/postgresql-common ] && [[ " ${lacking[*]} " == *dirtyread* ]]; then
  mkdir -p /etc/postgresql-common && echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
fi
echo "test needs: installing ${lacking[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >/dev/null 2>&1
for package in "${lacking[@]}"; do # one by one: one that this Debian does not have must not keep the others away
  apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>&1 ||
    echo "test needs: COULD NOT INSTALL $package. Tests that want it will say that they were skipped." >&2
done
