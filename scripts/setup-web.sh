#!/usr/bin/env bash
# Installs what is missing for `make test-web`: Chromium, nginx, Node.js, Prometheus, and Python packages in .venv-web. Silent when nothing
# is missing.
set -euo pipefail
# shellcheck source=scripts/apt.sh
source "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

main() {
    local missing=() wanted=(python3-venv redis-server postgresql openssl)
    # One of another origin is used as it is.
    command -v chromium >/dev/null || wanted+=(chromium)
    command -v nginx >/dev/null || wanted+=(nginx-light)
    command -v node >/dev/null || wanted+=(nodejs)
    command -v promtool >/dev/null || wanted+=(prometheus)
    mapfile -t missing < <(missing_packages "${wanted[@]}")
    if ((${#missing[@]})); then
        install_packages "${missing[@]}"
        if [[ " ${missing[*]} " == *" nginx-light "* ]]; then keep_off nginx; fi
        if [[ " ${missing[*]} " == *" redis-server "* ]]; then keep_off redis-server; fi
        if [[ " ${missing[*]} " == *" postgresql "* ]]; then keep_off postgresql; fi
        if [[ " ${missing[*]} " == *" prometheus "* ]]; then keep_off prometheus; fi
    fi
    install_python_packages .venv-web Tests/Browser/requirements.txt
    # Its wheel has the JavaScript client of Socket.IO. Nothing else of it is used, so nothing that it needs is installed.
    local wheel=nicegui==3.18.0
    compgen -G "$root/.venv-web/lib/python*/site-packages/nicegui-${wheel#*==}.dist-info" >/dev/null ||
        "$root/.venv-web/bin/pip" --quiet --disable-pip-version-check install --no-deps "$wheel"
}

main
