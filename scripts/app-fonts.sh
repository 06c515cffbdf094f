#!/usr/bin/env bash
# Makes web/app/fonts: Latin subsets of Debian's fonts as WOFF2, and their licences. The result is committed; this runs
# again only when the fonts or the characters change.
set -euo pipefail
# shellcheck source=scripts/apt.sh
source "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly out=$root/web/app/fonts
readonly shared=/usr/share/fonts
readonly latin=U+0020-007E,U+00A0-00FF,U+0131,U+0152,U+0153,U+0160,U+0161,U+0178,U+017D,U+017E
readonly marks=U+2013,U+2014,U+2018-201E,U+2022,U+2026,U+20AC
# Figures and the words beside them are lower case.
readonly figures=U+0020-003A,U+0061-007A,U+00B7,U+00D7,U+2013,U+2026,U+2212

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# subset FONT NAME CHARACTERS [OPTION...]
subset() {
    local font=$1 name=$2 characters=$3
    shift 3
    "$work/bin/pyftsubset" "$font" --output-file="$out/$name.woff2" --flavor=woff2 --no-hinting \
        --unicodes="$characters" "$@"
}

main() {
    local missing=() package
    mapfile -t missing < <(missing_packages fonts-karla fonts-vollkorn fonts-b612 python3-venv)
    if ((${#missing[@]})); then install_packages "${missing[@]}"; fi
    python3 -m venv "$work"
    "$work/bin/pip" --quiet --disable-pip-version-check install 'fonttools==4.60.1' 'brotli==1.1.0'
    mkdir -p "$out"
    subset "$shared/truetype/karla-variable/Karla[wght].ttf" karla "$latin,$marks" --layout-features=kern,liga,ccmp,mark
    subset "$shared/truetype/vollkorn/Vollkorn-MediumItalic.ttf" vollkorn "$latin,$marks" --layout-features=kern,liga,lnum
    subset "$shared/opentype/b612/B612Mono-Regular.otf" b612-mono "$figures" --layout-features=
    for package in karla vollkorn b612; do
        printf '%s\n\n' "== $package"
        cat "/usr/share/doc/fonts-$package/copyright"
        printf '\n'
    done >"$out/LICENCES.txt"
    ls -l "$out"
}

main
