#!/usr/bin/env bash
# Installs from Debian what the tests need and this machine lacks; says what could not be had. Changes nothing else.
set -u
lacking=()
for need in setpriv:util-linux tmux:tmux; do
  command -v "${need%%:*}" >/dev/null 2>&1 || lacking+=("${need##*:}")
done
if [ ${#lacking[@]} -eq 0 ]; then
  echo "test needs: everything is here"
  exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "test needs: NOT INSTALLED: ${lacking[*]} (needs root and apt-get). Tests that want them will say that they were skipped." >&2
  exit 0
fi
echo "test needs: installing ${lacking[*]}"
{ apt-get update -qq && apt-get install -y -qq --no-install-recommends "${lacking[@]}"; } >/dev/null 2>&1 ||
  echo "test needs: COULD NOT INSTALL ${lacking[*]}. Tests that want them will say that they were skipped." >&2
