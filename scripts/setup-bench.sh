#!/usr/bin/env bash
# Installs what is missing for the peers of `make bench`: nginx with nchan, Node.js with Express, node-redis and ws, wrk, a C
# compiler, and python-socketio in .venv-bench. A Node.js that is there already, of whatever origin, is used as it is.
set -euo pipefail
# shellcheck source=scripts/apt.sh
source "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

here=$(dirname "${BASH_SOURCE[0]}")
readonly node_modules=/usr/share/nodejs

# Whether Node.js finds the modules, in Debian's folder or in the peer's own.
node_peer_is_ready() {
    local peers=$here/../Benchmarks/peers
    (cd "$peers/node" && NODE_PATH=$node_modules node -e 'require("express"); require("redis")') 2>/dev/null &&
        (cd "$peers/node-ws" && NODE_PATH=$node_modules node -e 'require("redis"); require("ws")') 2>/dev/null
}

install_node_peer() {
    command -v node >/dev/null || install_packages nodejs
    node_peer_is_ready && return
    local missing
    mapfile -t missing < <(missing_packages node-express node-redis node-ws)
    # Debian's modules need a Node.js that they accept; where apt would have to replace the one that is there, it stops.
    if ((${#missing[@]} == 0)) || ! install_packages "${missing[@]}" || ! node_peer_is_ready; then
        fail "Debian's node-express, node-redis and node-ws do not go with this Node.js ($(node --version)):" \
            "run 'npm install' in Benchmarks/peers/node and node-ws, or leave the peer out: make bench PEERS=chorus,nchan,floor"
    fi
}

main() {
    local missing=() wanted=(nginx-light libnginx-mod-nchan wrk python3-venv)
    command -v cc >/dev/null || wanted+=(gcc libc6-dev)
    mapfile -t missing < <(missing_packages "${wanted[@]}")
    if ((${#missing[@]})); then
        install_packages "${missing[@]}"
        if [[ " ${missing[*]} " == *" nginx-light "* ]]; then keep_off nginx; fi
    fi
    install_node_peer
    install_python_packages .venv-bench Benchmarks/peers/python-socketio/requirements.txt
}

main
