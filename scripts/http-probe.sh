#!/bin/bash
# http-probe PORT [PATH]: 0 when an HTTP GET on this machine answers 200. For health checks in an image without curl.
set -euo pipefail

port=${1:?usage: http-probe PORT [PATH]}
path=${2:-/health/ready}

{ exec 3<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null
printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$path" >&3
read -r -t 5 _ status _ <&3
[[ $status == 200 ]]
