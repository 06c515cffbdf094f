#!/usr/bin/env bash
# Installs what is missing to build, test and run Chorus on Debian 12. Says what it installs; silent when nothing is
# missing. The project starts private servers of its own: Debian's Redis, PostgreSQL, PgBouncer and nginx services are left
# stopped when this script installed them, and untouched when they were there before.
set -euo pipefail
# shellcheck source=scripts/apt.sh
source "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

# The oldest Swift that reads Package.swift.
readonly swift_needed=6.2

# Headers to build, servers for tests and the Orchestrator, what converts pictures, the dashboard's charts.
packages=(libhiredis-dev libpq-dev libsodium-dev pkg-config redis-server postgresql pgbouncer python3
    libjs-chart.js openssl libvips-tools util-linux)
# One of another origin is used as it is; it may be where only root looks.
[[ -x /usr/sbin/nginx ]] || command -v nginx >/dev/null || packages+=(nginx-light)
readonly packages

check_swift() {
    command -v swift >/dev/null || fail "Swift $swift_needed or newer is needed: https://www.swift.org/install/linux/"
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
    [[ $(printf '%s\n' "$swift_needed" "$version" | sort -V | head -n 1) == "$swift_needed" ]] ||
        fail "Swift ${version:-of unknown version} is too old: $swift_needed or newer is needed"
}

main() {
    check_swift
    command -v dpkg-query >/dev/null || fail "no Debian: install yourself what these packages hold: ${packages[*]}"
    local missing=() daemons=() package
    mapfile -t missing < <(missing_packages "${packages[@]}")
    ((${#missing[@]})) || return 0
    for package in "${missing[@]}"; do
        case $package in
            redis-server | postgresql | pgbouncer) daemons+=("$package") ;;
            nginx-light) daemons+=(nginx) ;;
        esac
    done
    install_packages "${missing[@]}"
    keep_off "${daemons[@]}"
}

main
