#!/bin/sh
# A node of the Redis Cluster.
#
#   node.sh start                 runs it
#   node.sh create NODES COPIES   waits for redis-0 to redis-<NODES-1>, and spreads the slots over them, each master with so many
#                                 replicas; does nothing when there is a whole cluster already, and makes what was interrupted
#                                 anew as long as nobody has written to it
#   node.sh handover              before a master stops: its replica takes over
set -eu

domain=redis.chorus.svc.cluster.local
secrets=/run/secrets

cli() {
    REDISCLI_AUTH=$(cat "$secrets/redis-admin-password") \
        redis-cli --no-auth-warning --tls --cacert "$secrets/authority" --user admin "$@"
}

# Where the others are now: when all pods start anew, no address is left that the nodes know each other by.
find_others() {
    [ -s nodes.conf ] || return 0
    for host in $(tr ' ,' '[\n*]' <nodes.conf | grep -F ".$domain" | sort -u); do
        address=$(getent hosts "$host" | cut -d ' ' -f 1 | head -n 1)
        [ -z "$address" ] || sed -i "s/ [^ ]*,$host/ $address:6379@16379,$host/" nodes.conf
    done
}

# The hostname is what clients are redirected to, and what outlives the pod's address.
start() {
    find_others
    exec redis-server --appendonly yes --aclfile "$secrets/redis-users" \
        --cluster-enabled yes --cluster-node-timeout 5000 --cluster-require-full-coverage no \
        --cluster-allow-replica-migration no --cluster-announce-ip "$POD_IP" \
        --cluster-announce-hostname "$POD_NAME.$domain" --cluster-preferred-endpoint-type hostname \
        --masteruser replication --masterauth "$(cat "$secrets/redis-replication-password")" \
        --port 0 --tls-port 6379 --tls-cluster yes --tls-replication yes --tls-auth-clients no \
        --tls-cert-file "$secrets/redis-certificate" --tls-key-file "$secrets/redis-key" \
        --tls-ca-cert-file "$secrets/authority"
}

# The same a moment later: nodes hear of each other by and by. New ones know nobody.
becomes_whole() {
    left=5
    while [ "$left" -gt 0 ]; do
        is_whole "$@" && return
        cli -h "redis-0.$domain" cluster info | grep -q '^cluster_known_nodes:1[^0-9]' && return 1
        sleep 1
        left=$((left - 1))
    done
    return 1
}

# Whether each node knows all, every slot has a master, and so many are replicas.
is_whole() {
    for host in $hosts; do
        cli -h "$host" cluster info | grep -q '^cluster_slots_assigned:16384' || return 1
        cli -h "$host" cluster nodes | awk -v nodes="$1" -v replicas="$2" \
            '$3 ~ /slave/ { found++ } END { exit NR < nodes || found < replicas }' || return 1
    done
}

create() {
    hosts='' nodes='' number=0
    while [ "$number" -lt "$1" ]; do
        host=redis-$number.$domain
        until [ "$(cli -h "$host" ping 2>/dev/null)" = PONG ]; do sleep 1; done
        # A node takes another's address only, no name.
        hosts="$hosts $host"
        nodes="$nodes $(getent hosts "$host" | cut -d ' ' -f 1 | head -n 1):6379"
        number=$((number + 1))
    done
    if becomes_whole "$1" "$(($1 * $2 / ($2 + 1)))"; then
        echo 'there is a cluster already'
        exit 0
    fi
    for host in $hosts; do
        [ "$(cli -h "$host" dbsize)" = 0 ] && continue
        echo "the cluster is not whole, and $host has keys: see redis-cli --cluster check" >&2
        exit 1
    done
    for host in $hosts; do cli -e -h "$host" cluster reset hard; done
    # shellcheck disable=SC2086
    cli --cluster create $nodes --cluster-replicas "$2" --cluster-yes
}

is_master() { [ "$(cli role | head -n 1)" = master ]; }

handover() {
    is_master || exit 0
    id=$(cli cluster myid)
    # <id> <address>:<port>@<port>,<hostname> <flags> <master> …
    replica=$(cli cluster nodes | awk -v id="$id" \
        '$4 == id && $3 !~ /fail/ && $8 == "connected" { split($2, place, ","); print place[2]; exit }')
    [ -n "$replica" ] || exit 0
    cli -h "$replica" cluster failover
    left=50
    while is_master && [ "$left" -gt 0 ]; do
        sleep 0.2
        left=$((left - 1))
    done
}

case ${1:-} in
    start) start ;;
    create) create "$2" "$3" ;;
    handover) handover ;;
    *) echo 'node.sh: start, create NODES COPIES, or handover' >&2; exit 64 ;;
esac
