# shellcheck shell=bash
# Sourced by the set-up scripts: install Debian packages that are missing, without starting the daemons they bring, and
# Python packages in a folder of the checkout.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 69; }

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# The names among the arguments that are not installed, one a line.
missing_packages() {
    local package
    for package in "$@"; do is_installed "$package" || printf '%s\n' "$package"; done
}

# as_root COMMAND...: runs it as root, through sudo when this user is not.
as_root() {
    if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

readonly policy=/usr/sbin/policy-rc.d
policy_made=

# Debian starts a daemon as soon as it is installed, unless this file forbids it (invoke-rc.d(8)). One that is there
# already was put there by somebody else and stays as it is.
forbid_daemon_starts() {
    [[ -e $policy ]] && return
    policy_made=yes
    trap allow_daemon_starts EXIT
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
}

allow_daemon_starts() {
    [[ -n $policy_made ]] || return 0
    as_root rm -f "$policy"
    policy_made=
}

# keep_off SERVICE...: services that were just installed neither run now nor start at the next boot.
keep_off() {
    local service
    for service in "$@"; do
        if [[ -d /run/systemd/system ]]; then
            as_root systemctl disable --quiet --now "$service" || say "could not disable $service"
        elif as_root service "$service" status >/dev/null 2>&1; then
            as_root service "$service" stop >/dev/null
        fi
    done
}

# install_packages PACKAGE...: installs them and says so; removes nothing to make room. Fails when apt does.
install_packages() {
    ((EUID == 0)) || command -v sudo >/dev/null || fail "not root, and there is no sudo; run as root: apt-get install $*"
    say "installing with apt: $*"
    forbid_daemon_starts
    local result=0
    as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends --no-remove "$@" >/dev/null || result=$?
    allow_daemon_starts
    return "$result"
}

# install_python_packages FOLDER LIST: into a virtual environment of the checkout, unless it was made from the same list.
# Another list, or a Python that is gone, makes it anew.
install_python_packages() {
    local environment=$root/$1 requirements=$root/$2
    "$environment/bin/python" -c '' 2>/dev/null && cmp -s "$requirements" "$environment/requirements.txt" && return
    say "installing with pip into $1: $(grep -v '^#' "$requirements" | tr '\n' ' ')"
    python3 -m venv --clear "$environment"
    "$environment/bin/pip" --quiet --disable-pip-version-check install -r "$requirements"
    # Last: an installation that was interrupted is none.
    cp "$requirements" "$environment/requirements.txt"
}
