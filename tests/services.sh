#!/usr/bin/env bash
# What the tests marked `node` need: Debian's rabbitmq-server and postgresql, whose programs the tests start privately, each run with
# ports and folders of its own, and from the npm registry the packages of the lists in tests/npm, in the project's own environment (`VENV`).
# Installs them where that is allowed without asking (Debian's as root, with apt-get), and says what to install everywhere else.
# It must never leave a service running, nor a database: Debian would make and start them as it installs.
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }

rabbitmq_here() { [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ]; }

postgresql_here() { command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

venv=${VENV:-.venv}
if ! command -v npm >/dev/null; then
    say "There is no npm: the tests with the packages of tests/npm are skipped, or fail where CI=true."
else
    "$venv/bin/python" tests/npm_packages.py "$venv"
fi

missing=()
rabbitmq_here || missing+=(rabbitmq-server)
postgresql_here || missing+=(postgresql)
if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    say "Not installed: ${missing[*]}. The tests on a real broker and a real database are skipped, or fail where CI=true."
    say "On Debian and Ubuntu: sudo apt-get install --no-install-recommends ${missing[*]}"
    exit 0
fi

log=$(mktemp)
clean() {
    rm -f "$log"
    [ -z "${policy:-}" ] || rm -f "$policy"
    [ -z "${kept:-}" ] || mv "$kept" "$clusters"
}
trap clean EXIT
export DEBIAN_FRONTEND=noninteractive

get() { apt-get install -q -y --no-install-recommends "$@" >>"$log" 2>&1; }

# Debian asks this file before it starts a service; 101 is "no". One that is there already is somebody's own and stays as it is.
if [ ! -e /usr/sbin/policy-rc.d ]; then
    policy=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

# Debian asks this one whether to make a database cluster; it is there once postgresql-common is, and is put back as it was.
without_cluster() {
    clusters=/etc/postgresql-common/createcluster.conf
    get postgresql-common && [ -e "$clusters" ] || return 1
    cp -p "$clusters" "$clusters.kept"
    kept=$clusters.kept
    printf 'create_main_cluster = false\n' >>"$clusters"
    get postgresql
}

apt-get update -q >>"$log" 2>&1 || true
for package in "${missing[@]}"; do
    say "Installing Debian's $package for the tests."
    case $package in
        rabbitmq-server) get rabbitmq-server && rabbitmq_here ;;
        postgresql) without_cluster && postgresql_here ;;
    esac || {
        tail -n 20 "$log" >&2
        say "$package could not be installed: the tests that need it are skipped, or fail where CI=true."
    }
done
