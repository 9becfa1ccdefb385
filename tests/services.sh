#!/usr/bin/env bash
# What the tests marked `node` need: Debian's rabbitmq-server, whose programs the tests start privately, each run with ports and folders
# of its own, and Prism, a mock server for OpenAPI from the npm registry, in the project's own environment (`VENV`).
# Installs them where that is allowed without asking (Debian's as root, with apt-get), and says what to install everywhere else.
# It must never leave a service running: Debian would start one as it installs.
set -euo pipefail

here() { [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ]; }

say() { printf '%s\n' "$*" >&2; }

prism=${VENV:-.venv}/node
if [ ! -x "$prism/node_modules/.bin/prism" ]; then
    if command -v npm >/dev/null; then
        say "Installing Prism for the tests against a mock server that is not ours."
        npm install --silent --no-save --no-package-lock --no-audit --no-fund --prefix "$prism" @stoplight/prism-cli@5.16.0 >/dev/null 2>&1 \
            || say "Prism could not be installed: its tests are skipped, or fail where CI=true."
    else
        say "There is no npm: the tests against Prism are skipped, or fail where CI=true."
    fi
fi

if here; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    say "RabbitMQ is not installed: the tests on a real broker are skipped, or fail where CI=true."
    say "On Debian and Ubuntu: sudo apt-get install --no-install-recommends rabbitmq-server"
    exit 0
fi

# Debian asks this file before it starts a service; 101 is "no". One that is there already is somebody's own and stays as it is.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

say "Installing Debian's rabbitmq-server for the tests on a real broker."
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update -q && apt-get install -q -y --no-install-recommends rabbitmq-server; } >"$log" 2>&1 || ! here; then
    tail -n 20 "$log" >&2
    say "rabbitmq-server could not be installed: the tests on a real broker are skipped, or fail where CI=true."
fi
rm -f "$log"
