#!/usr/bin/env bash
# Installs what is missing for `make lint`: Python packages in .venv-lint. Silent when nothing is missing.
set -euo pipefail
# shellcheck source=scripts/apt.sh
source "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

main() {
    local missing=()
    mapfile -t missing < <(missing_packages python3-venv)
    if ((${#missing[@]})); then install_packages "${missing[@]}"; fi
    install_python_packages .venv-lint scripts/lint-requirements.txt
}

main
