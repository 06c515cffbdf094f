#!/bin/sh
# The secrets of a deployment with docker-compose: makes those that are missing, one file each. POSIX, for nginx's image too.
#
#   secrets.sh FOLDER         passwords, the addresses that hold them, the users of Redis, and the keys of tokens
#   secrets.sh FOLDER tls     an authority and certificates for Redis and PostgreSQL, too, and addresses that check them
#   secrets.sh FOLDER cluster the same for a Redis Cluster: its address, rights that its commands need, and passwords for
#                             its nodes and for whoever makes it
#
# What is there is kept. A file of yours takes the place of any: an address of another PostgreSQL, for instance. The users
# of Redis are written anew from deploy/redis/users.acl, so that a new version has the rights that it needs.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
folder=${1:?the folder of the secrets}
tls='' cluster=''
case ${2:-} in
    '') ;;
    tls) tls=tls ;;
    cluster) tls=tls cluster=cluster ;;
    *) printf 'secrets.sh: %s? tls, cluster, or nothing\n' "$2" >&2; exit 64 ;;
esac
# In containers the files are somewhere else.
mounted=/run/secrets

# Only the folder keeps others out: services that read a file run as users of their own.
[ -d "$folder" ] || mkdir -m 700 "$folder"
umask 022

# keep NAME: takes a file's text from standard input, unless it is there.
keep() {
    [ -s "$folder/$1" ] && return
    cat >"$folder/$1.new"
    mv "$folder/$1.new" "$folder/$1"
    printf 'secrets.sh: made %s\n' "$1" >&2
}

password() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# What tokens are signed with, and the key set that the services accept them by, as `SocialAPI make-keys` writes them.
token_keys() {
    if [ -s "$folder/auth-keys" ] || [ -s "$folder/auth-signing-key" ]; then
        [ -s "$folder/auth-keys" ] && [ -s "$folder/auth-signing-key" ] && return
        printf 'secrets.sh: of auth-keys and auth-signing-key one is missing: give both, or none\n' >&2
        exit 65
    fi
    openssl genpkey -algorithm ed25519 -outform DER -out "$folder/.key"
    # The last 32 bytes of either form are the key itself (RFC 8410).
    private=$(tail -c 32 "$folder/.key" | base64url)
    public=$(openssl pkey -in "$folder/.key" -inform DER -pubout -outform DER | tail -c 32 | base64url)
    rm "$folder/.key"
    common=$(printf '"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"%.12s","x":"%s"' "$public" "$public")
    printf '{%s,"d":"%s"}\n' "$common" "$private" | keep auth-signing-key
    printf '{"keys":[{%s,"use":"sig"}]}\n' "$common" | keep auth-keys
}

base64url() { base64 -w 0 | tr '+/' '-_' | tr -d '='; }

redis_users() {
    printf 'user default off\n'
    # For the container's health check.
    printf 'user health on nopass +ping\n'
    while read -r _ name rules; do
        hash=$(sed -n 's|^redis[a-z+]*://[^:]*:\([^@]*\)@.*|\1|p' "$folder/$name-redis-url" | tr -d '\n' | sha256sum)
        printf 'user %s on #%s %s\n' "$name" "${hash%% *}" "$(printf '%s\n' "$rules" | deployed_rules)"
    done <"$here/redis/users.acl"
    [ -n "$cluster" ] || return 0
    printf 'user admin on #%s +ping +info +role +cluster\n' "$(digest redis-admin-password)"
    printf 'user replication on #%s +ping +psync +replconf\n' "$(digest redis-replication-password)"
}

digest() { tr -d '\n' <"$folder/$1" | sha256sum | cut -d ' ' -f 1; }

# In a cluster a channel belongs to a node.
deployed_rules() {
    if [ -z "$cluster" ]; then cat; return; fi
    sed -e 's/+publish/+spublish/g; s/+subscribe/+ssubscribe/g; s/+unsubscribe/+sunsubscribe/g' \
        -e 's/+pubsub|channels/+pubsub|shardchannels/; s/+pubsub|numsub/+pubsub|shardnumsub/' \
        -e 's/^/+cluster|nodes +asking +wait /'
}

# certificate NAME: for the host of that name in the deployment's network.
certificate() {
    [ -s "$folder/$1-certificate" ] && [ -s "$folder/$1-key" ] && return
    printf 'subjectAltName=DNS:%s\n' "$1" >"$folder/.extensions"
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" \
        -keyout "$folder/$1-key" -out "$folder/.request" 2>/dev/null
    openssl x509 -req -in "$folder/.request" -days 825 -CA "$folder/authority" -CAkey "$folder/authority-key" \
        -CAcreateserial -CAserial "$folder/.serial" -extfile "$folder/.extensions" -out "$folder/$1-certificate" 2>/dev/null
    chmod 644 "$folder/$1-key"
    rm "$folder/.extensions" "$folder/.request" "$folder/.serial"
    printf 'secrets.sh: made %s-certificate, good for 825 days\n' "$1" >&2
}

command -v openssl >/dev/null || { printf 'secrets.sh: openssl is needed\n' >&2; exit 69; }
if [ -n "$tls" ]; then
    if [ ! -s "$folder/authority" ] || [ ! -s "$folder/authority-key" ]; then
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=chorus" \
            -keyout "$folder/authority-key" -out "$folder/authority" 2>/dev/null
        printf 'secrets.sh: made authority; authority-key belongs in a safe place\n' >&2
    fi
    certificate redis
    certificate postgres
fi

for name in comment-api like-api reader-api stats-api social-api; do
    printf 'redis%s%s://%s:%s@redis:6379\n' "${tls:+s}" "${cluster:++cluster}" "$name" "$(password)" |
        keep "$name-redis-url"
done
if [ -n "$cluster" ]; then
    password | keep redis-admin-password
    password | keep redis-replication-password
fi
password | keep postgres-password
printf 'postgresql://chorus:%s@postgres:5432/chorus%s\n' "$(cat "$folder/postgres-password")" \
    "${tls:+?sslmode=verify-full&sslrootcert=$mounted/authority}" | keep database-url
password | keep moderator-token
password | keep service-token
token_keys
redis_users >"$folder/redis-users.new"
mv "$folder/redis-users.new" "$folder/redis-users"
