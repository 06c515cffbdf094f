#!/bin/sh
# The gateway: fills in gateway.conf.template and runs nginx with it. POSIX, for nginx's images too.
#
#   gateway.sh render    the http part on standard output, for the conf.d of an nginx of one's own
#   gateway.sh run       nginx in the foreground, until SIGTERM (at once) or SIGQUIT (streams may end first)
#   gateway.sh reload    after the settings changed: fills in again and tells the nginx of the same GATEWAY_FOLDER
#   gateway.sh stop      tells it to end
#
# Settings are environment variables: docs/OPERATIONS.md, "Gateway". Lists are separated by spaces.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

: "${GATEWAY_FOLDER:=$PWD/.chorus/gateway}"
: "${GATEWAY_HOST:=0.0.0.0}"
: "${GATEWAY_PORT:=8080}"
: "${GATEWAY_COMMENT_APIS:=127.0.0.1:3000}"
: "${GATEWAY_LIKE_APIS:=127.0.0.1:3001}"
: "${GATEWAY_STATS_APIS:=127.0.0.1:5000}"
: "${GATEWAY_SOCIAL_APIS:=}"
: "${GATEWAY_AUTH:=off}"
: "${GATEWAY_READERS:=127.0.0.1:4000}"
: "${GATEWAY_RESOLVER:=}"
: "${GATEWAY_TRUSTED_PROXIES:=}"
: "${GATEWAY_TLS:=off}"
: "${GATEWAY_TLS_PORT:=8443}"
: "${GATEWAY_TLS_NAME:=localhost}"
: "${GATEWAY_CERTIFICATE:=$GATEWAY_FOLDER/certificate.pem}"
: "${GATEWAY_CERTIFICATE_KEY:=$GATEWAY_FOLDER/key.pem}"
: "${GATEWAY_STREAM_SECONDS:=60}"
: "${GATEWAY_STOP_SECONDS:=20}"
: "${GATEWAY_CONNECTIONS_MAX:=16384}"
: "${GATEWAY_CONNECTIONS_PER_ADDRESS:=1000}"
: "${GATEWAY_ACCESS_LOG:=off}"
: "${GATEWAY_MEDIA:=off}"
if [ -d "$here/../../web/app" ]; then
    : "${GATEWAY_APP:=$(CDPATH='' cd -- "$here/../../web/app" && pwd)}"
else
    : "${GATEWAY_APP:=off}"
fi

fail() {
    printf 'gateway: %s\n' "$*" >&2
    exit 64
}

# check NAME VALUE PATTERN WHAT: the value goes into nginx's configuration, so it must be what it says.
check() {
    case $2 in *"
"*) fail "$1 has a line break" ;; esac
    printf '%s\n' "$2" | grep -Eqx -- "$3" || fail "$1 is \"$2\"; expected $4"
}

address='([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}'
network='[0-9A-Fa-f.:]+(/[0-9]{1,3})?'
url='https?://[A-Za-z0-9._~:/%[-]+(]:[0-9]{1,5})?'

check_settings() {
    value=
    if [ "$GATEWAY_RESOLVER" = system ]; then
        GATEWAY_RESOLVER=$(awk '$1 == "nameserver" { print $2 ~ /:/ ? "[" $2 "]" : $2; exit }' /etc/resolv.conf)
        [ -n "$GATEWAY_RESOLVER" ] || fail "GATEWAY_RESOLVER is \"system\", and /etc/resolv.conf names no server"
    fi
    for name in GATEWAY_COMMENT_APIS GATEWAY_LIKE_APIS GATEWAY_STATS_APIS; do
        eval "value=\$$name"
        check "$name" "$value" "$address( $address)*" "addresses: host:port host:port"
    done
    check GATEWAY_SOCIAL_APIS "$GATEWAY_SOCIAL_APIS" "($address( $address)*)?" "addresses: host:port host:port, or nothing"
    check GATEWAY_READERS "$GATEWAY_READERS" "$address(=$url)?( $address(=$url)?)*" \
        "addresses, each with the Reader's READER_PUBLIC_URL when that is another one: host:port=http://host:port"
    check GATEWAY_HOST "$GATEWAY_HOST" '[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]' "an address"
    check GATEWAY_RESOLVER "$GATEWAY_RESOLVER" '([0-9A-Fa-f.:]+|\[[0-9A-Fa-f:.]+\](:[0-9]+)?)?' \
        "an address of a name server, system, or nothing"
    check GATEWAY_TRUSTED_PROXIES "$GATEWAY_TRUSTED_PROXIES" "($network( $network)*)?" \
        "addresses or networks: 10.0.0.0/8 192.168.1.2"
    check GATEWAY_TLS "$GATEWAY_TLS" 'off|made|given' "off, made or given"
    check GATEWAY_AUTH "$GATEWAY_AUTH" 'off|optional|required' "off, optional or required, as AUTH of the services"
    [ "$GATEWAY_AUTH" = off ] || [ -n "$GATEWAY_SOCIAL_APIS" ] ||
        fail "GATEWAY_AUTH is $GATEWAY_AUTH, and GATEWAY_SOCIAL_APIS names nobody who could sign people in"
    check GATEWAY_TLS_NAME "$GATEWAY_TLS_NAME" '[A-Za-z0-9.*-]+' "a host name"
    check GATEWAY_ACCESS_LOG "$GATEWAY_ACCESS_LOG" 'off|/[A-Za-z0-9._/-]+' "off, or the path of a file"
    check GATEWAY_APP "$GATEWAY_APP" 'off|/[A-Za-z0-9._/-]+' "off, or the path of a folder"
    [ "$GATEWAY_APP" = off ] || [ -r "$GATEWAY_APP/index.html" ] || fail "GATEWAY_APP: $GATEWAY_APP/index.html cannot be read"
    check GATEWAY_MEDIA "$GATEWAY_MEDIA" 'off|/[A-Za-z0-9._/-]+' "off, or the path of a folder"
    [ "$GATEWAY_MEDIA" = off ] || [ -d "$GATEWAY_MEDIA" ] || fail "GATEWAY_MEDIA: there is no folder $GATEWAY_MEDIA"
    for name in GATEWAY_FOLDER GATEWAY_CERTIFICATE GATEWAY_CERTIFICATE_KEY; do
        eval "value=\$$name"
        check "$name" "$value" '/[A-Za-z0-9._/-]+' "the path of a file or folder, from / on"
    done
    for name in GATEWAY_PORT GATEWAY_TLS_PORT GATEWAY_STREAM_SECONDS GATEWAY_STOP_SECONDS \
        GATEWAY_CONNECTIONS_MAX GATEWAY_CONNECTIONS_PER_ADDRESS; do
        eval "value=\$$name"
        check "$name" "$value" '[1-9][0-9]{0,4}' "a whole number of 1 to 65535"
        [ "$value" -le 65535 ] || fail "$name is $value; expected a whole number of 1 to 65535"
    done
}

# nginx_is_at_least MAJOR MINOR PATCH
nginx_is_at_least() {
    nginx -v 2>&1 | sed -n 's|.*nginx/\([0-9.]*\).*|\1|p' | awk -F. -v a="$1" -v b="$2" -v c="$3" \
        '{ exit !($1 * 1000000 + $2 * 1000 + $3 >= a * 1000000 + b * 1000 + c) }'
}

# Whether names are looked up again while nginx runs. Older ones look them up when they read their configuration.
names_are_followed() { [ -n "$GATEWAY_RESOLVER" ] && nginx_is_at_least 1 27 3; }

# servers ADDRESSES PARAMETERS
servers() {
    if names_are_followed; then
        printf '    resolver %s valid=5s;\n' "$GATEWAY_RESOLVER"
        set -- "$1" "$2 resolve"
    fi
    for entry in $1; do printf '    server %s %s;\n' "${entry%%=*}" "$2"; done
}

reader_upstreams() {
    number=0
    for entry in $GATEWAY_READERS; do
        number=$((number + 1))
        printf 'upstream chorus_reader_%s {\n    zone chorus_reader_%s 64k;\n%s\n}\n' \
            "$number" "$number" "$(servers "$entry" max_fails=0)"
    done
}

# A public URL may be one that only viewers reach; the gateway goes to the address that stands beside it.
reader_locations() {
    number=0
    for entry in $GATEWAY_READERS; do
        number=$((number + 1))
        case $entry in *=*) public=${entry#*=} ;; *) public=http://$entry ;; esac
        # shellcheck disable=SC2016 # $chorus_path is nginx's.
        printf \
            '    "~^\\Q%s\\E(?<chorus_path>/connect\\?[!-~]*)$" "chorus_reader_%s$chorus_path";\n' \
            "${public%/}" "$number"
    done
}

# The Reader that the beginning of a session's sid names: `<host>~<port>.`, with `-` for what no id may have.
reader_sessions() {
    number=0
    for entry in $GATEWAY_READERS; do
        number=$((number + 1))
        case $entry in *=*) public=${entry#*=} ;; *) public=http://$entry ;; esac
        name=${public#*://}
        name=${name%%/*}
        port=$(printf '%s\n' "$name" | sed -n 's/.*:\([0-9][0-9]*\)$/\1/p')
        name=${name%":$port"}
        [ -n "$port" ] || case $public in https:*) port=443 ;; *) port=80 ;; esac
        host=$(printf '%s' "$name" | tr -d '[]' | tr -c 'A-Za-z0-9._~-' -)
        printf '    "~^\\Q%s~%s.\\E" chorus_reader_%s;\n' "$host" "$port" "$number"
    done
}

# Who of these connects says by X-Forwarded-For whom it speaks for; the last address that is none of these is the client's.
trusted_proxies() {
    [ -n "$GATEWAY_TRUSTED_PROXIES" ] || return 0
    for entry in $GATEWAY_TRUSTED_PROXIES; do printf 'set_real_ip_from %s;\n' "$entry"; done
    printf 'real_ip_header X-Forwarded-For;\nreal_ip_recursive on;\n'
}

tls_lines() {
    if nginx_is_at_least 1 25 1; then
        printf '    listen %s:%s ssl;\n    http2 on;\n' "$GATEWAY_HOST" "$GATEWAY_TLS_PORT"
    else
        printf '    listen %s:%s ssl http2;\n' "$GATEWAY_HOST" "$GATEWAY_TLS_PORT"
    fi
    printf '    ssl_certificate %s;\n    ssl_certificate_key %s;\n' "$GATEWAY_CERTIFICATE" "$GATEWAY_CERTIFICATE_KEY"
    printf '    ssl_protocols TLSv1.2 TLSv1.3;\n'
    printf '    ssl_session_cache shared:chorus_tls:2m;\n    ssl_session_tickets off;\n'
}

# With TLS, the plain port knows only the way to the other one.
plain_server() {
    cat <<SERVER
server {
    listen $GATEWAY_HOST:$GATEWAY_PORT;
    access_log off;
    server_tokens off;
    location = /health { default_type application/json; return 200 '{"status":"ok","service":"gateway"}'; }
    location / { return 308 https://\$host:$GATEWAY_TLS_PORT\$request_uri; }
}
SERVER
}

certificate() {
    case $GATEWAY_TLS in
    given)
        for file in "$GATEWAY_CERTIFICATE" "$GATEWAY_CERTIFICATE_KEY"; do
            [ -r "$file" ] || fail "GATEWAY_TLS=given, and $file cannot be read"
        done
        ;;
    made)
        [ -s "$GATEWAY_CERTIFICATE" ] && [ -s "$GATEWAY_CERTIFICATE_KEY" ] && return
        command -v openssl >/dev/null || fail "GATEWAY_TLS=made needs openssl"
        (
            umask 077
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -sha256 \
                -subj "/CN=$GATEWAY_TLS_NAME" -addext "subjectAltName=DNS:$GATEWAY_TLS_NAME,IP:127.0.0.1" \
                -keyout "$GATEWAY_CERTIFICATE_KEY" -out "$GATEWAY_CERTIFICATE" 2>/dev/null
        ) || fail "openssl could not make $GATEWAY_CERTIFICATE"
        printf 'gateway: made %s, signed by itself: browsers will warn\n' "$GATEWAY_CERTIFICATE" >&2
        ;;
    esac
}

# Without addresses there is no SocialAPI, and its paths are not found.
social_upstream() {
    [ -n "$GATEWAY_SOCIAL_APIS" ] || return 0
    printf 'upstream chorus_social_api {\n    zone chorus_social_api 128k;\n    least_conn;\n%s\n    keepalive 16;\n}\n' \
        "$(servers "$GATEWAY_SOCIAL_APIS" "max_fails=3 fail_timeout=2s")"
}

social_location() {
    [ -n "$GATEWAY_SOCIAL_APIS" ] || return 0
    printf '    # --- SocialAPI\n\n    location ~ ^/api/ { proxy_pass http://chorus_social_api; }\n'
    # Pictures are larger than other bodies, and passed on as they come.
    printf '    location = /api/media {\n        client_max_body_size 10m;\n        proxy_request_buffering off;\n'
    printf '        proxy_pass http://chorus_social_api;\n    }\n'
}

# The app's files from its folder on, in one order everywhere; the licences of its fonts are for people.
app_files() { (cd "$GATEWAY_APP" && find . -type f ! -name '*.txt' | LC_ALL=C sort | cut -c 3-); }

app() {
    [ "$GATEWAY_APP" != off ] || return 0
    app_files | grep -Evq '^[A-Za-z0-9._/-]+$' && fail "GATEWAY_APP: a file's name has other than letters, digits, . _ - /"
    APP_FOLDER=$GATEWAY_APP
    APP_FILES=$(app_files | sed 's|.*|"/app/&"|' | paste -s -d , -)
    APP_VERSION=$( (app_files | (cd "$GATEWAY_APP" && xargs cat) && printf '%s' "$GATEWAY_AUTH") | sha256sum | cut -c 1-12)
    APP_AUTH=$GATEWAY_AUTH
    export APP_FOLDER APP_FILES APP_VERSION APP_AUTH
    fill_in "$here/app.conf.template"
}

# What people uploaded, under names that never mean other content: nothing in it may run, whatever it is.
media_location() {
    [ "$GATEWAY_MEDIA" != off ] || return 0
    cat <<LOCATION
    # --- Media: files of $GATEWAY_MEDIA

    location ^~ /media/ {
        if (\$request_method !~ "^(GET|HEAD)\$") { return 405; }
        alias $GATEWAY_MEDIA/;
        types { image/webp webp; image/jpeg jpg jpeg; image/png png; }
        default_type application/octet-stream;
        add_header Cache-Control "public, max-age=31536000, immutable";
        add_header Content-Security-Policy "default-src 'none'; sandbox" always;
        add_header Cross-Origin-Resource-Policy same-origin always;
        add_header X-Content-Type-Options nosniff always;
        add_header X-Request-ID \$chorus_request_id always;
    }
LOCATION
}

# fill_in TEMPLATE: what stands between two @ is a variable.
fill_in() {
    awk '{
        rest = $0; line = ""
        while (match(rest, /@[A-Z_]+@/)) {
            name = substr(rest, RSTART + 1, RLENGTH - 2)
            if (!(name in ENVIRON)) { print "gateway: nobody fills in " name >"/dev/stderr"; exit 70 }
            line = line substr(rest, 1, RSTART - 1) ENVIRON[name]
            rest = substr(rest, RSTART + RLENGTH)
        }
        print line rest
    }' "$1"
}

render() {
    COMMENT_API_SERVERS=$(servers "$GATEWAY_COMMENT_APIS" "max_fails=3 fail_timeout=2s")
    LIKE_API_SERVERS=$(servers "$GATEWAY_LIKE_APIS" "max_fails=3 fail_timeout=2s")
    STATS_API_SERVERS=$(servers "$GATEWAY_STATS_APIS" "max_fails=3 fail_timeout=2s")
    SOCIAL_UPSTREAM=$(social_upstream)
    SOCIAL_LOCATION=$(social_location)
    READER_SERVERS=$(servers "$GATEWAY_READERS" "max_fails=1 fail_timeout=2s")
    READER_ANY_SERVERS=$(servers "$GATEWAY_READERS" max_fails=0)
    READER_UPSTREAMS=$(reader_upstreams)
    READER_LOCATIONS=$(reader_locations)
    READER_SESSIONS=$(reader_sessions)
    if [ "$GATEWAY_TLS" = off ]; then
        PLAIN_SERVER=
        LISTEN="    listen $GATEWAY_HOST:$GATEWAY_PORT;"
    else
        PLAIN_SERVER=$(plain_server)
        LISTEN=$(tls_lines)
    fi
    TRUSTED_PROXIES=$(trusted_proxies)
    ACCESS_LOG=off
    [ "$GATEWAY_ACCESS_LOG" = off ] || ACCESS_LOG="$GATEWAY_ACCESS_LOG chorus"
    STREAM_SECONDS=$GATEWAY_STREAM_SECONDS
    CONNECTIONS_PER_ADDRESS=$GATEWAY_CONNECTIONS_PER_ADDRESS
    APP=$(app)
    MEDIA_LOCATION=$(media_location)
    export COMMENT_API_SERVERS LIKE_API_SERVERS STATS_API_SERVERS SOCIAL_UPSTREAM SOCIAL_LOCATION \
        READER_SERVERS READER_ANY_SERVERS \
        READER_UPSTREAMS READER_LOCATIONS READER_SESSIONS TRUSTED_PROXIES PLAIN_SERVER LISTEN ACCESS_LOG STREAM_SECONDS CONNECTIONS_PER_ADDRESS APP \
        MEDIA_LOCATION
    fill_in "$here/gateway.conf.template"
}

# The rest of an nginx configuration, with everything that is written in one folder, so that no rights are needed.
configuration() {
    # shellcheck disable=SC3045 # dash, bash and busybox know it.
    descriptors=$(ulimit -H -n)
    case $descriptors in unlimited) descriptors=1048576 ;; esac
    connections=$GATEWAY_CONNECTIONS_MAX
    [ "$connections" -le $((descriptors - 64)) ] || connections=$((descriptors - 64))
    cat <<MAIN
daemon off;
pid $GATEWAY_FOLDER/nginx.pid;
error_log stderr warn;
worker_processes auto;
worker_rlimit_nofile $((connections + 64));
worker_shutdown_timeout ${GATEWAY_STOP_SECONDS}s;
events { worker_connections $connections; }
http {
    tcp_nodelay on;
    client_body_temp_path $GATEWAY_FOLDER/body;
    proxy_temp_path $GATEWAY_FOLDER/proxy;
    fastcgi_temp_path $GATEWAY_FOLDER/fastcgi;
    scgi_temp_path $GATEWAY_FOLDER/scgi;
    uwsgi_temp_path $GATEWAY_FOLDER/uwsgi;
    include $GATEWAY_FOLDER/gateway.conf;
}
MAIN
}

prepare() {
    mkdir -p "$GATEWAY_FOLDER"
    certificate
    render >"$GATEWAY_FOLDER/gateway.conf.new"
    mv "$GATEWAY_FOLDER/gateway.conf.new" "$GATEWAY_FOLDER/gateway.conf"
    configuration >"$GATEWAY_FOLDER/nginx.conf"
}

running() {
    [ -s "$GATEWAY_FOLDER/nginx.pid" ] || fail "no gateway runs in $GATEWAY_FOLDER"
    cat "$GATEWAY_FOLDER/nginx.pid"
}

check_settings
case ${1:-} in
render)
    render
    ;;
run)
    prepare
    exec nginx -e stderr -p "$GATEWAY_FOLDER" -c "$GATEWAY_FOLDER/nginx.conf"
    ;;
reload)
    prepare
    nginx -e stderr -q -t -p "$GATEWAY_FOLDER" -c "$GATEWAY_FOLDER/nginx.conf"
    kill -HUP "$(running)"
    ;;
stop)
    kill -QUIT "$(running)"
    ;;
*)
    sed -n 's/^# \{0,1\}//; 2,9p' "$0" >&2
    exit 64
    ;;
esac
