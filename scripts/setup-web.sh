#!/usr/bin/env bash
# Installs what is missing for `make test-web`: Chromium, nginx, Node.js, Prometheus, and Python packages in .venv-web. Silent when nothing
# is missing.
set -euo pipefail
# shellcheck source=scripts/apt.sh
source "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly environment=$root/.venv-web
readonly requirements=$root/Tests/Browser/requirements.txt

# Python's own copy of the list says what was installed; a newer list, or a Python that is gone, makes it anew.
install_python_packages() {
    "$environment/bin/python" -c 'import axe_playwright_python, playwright, pytest' 2>/dev/null &&
        cmp -s "$requirements" "$environment/requirements.txt" && return
    say "installing with pip into .venv-web: $(tr '\n' ' ' <"$requirements")"
    # Another Python than the one of before would find nothing of what is in there.
    python3 -m venv --clear "$environment"
    "$environment/bin/pip" --quiet --disable-pip-version-check install -r "$requirements"
    cp "$requirements" "$environment/requirements.txt"
}

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
    install_python_packages
}

main
