# Sourced by run.sh and demo.sh: goes to the top of the project and installs what is missing of
# Debian's packages (as root, or through sudo). Nothing is installed where nothing is missing.
cd "$(dirname "$0")/.." || exit 1

build_packages='gcc libc6-dev cmake ninja-build pkg-config libuv1-dev libcurl4-openssl-dev
libyaml-dev libcjson-dev libsqlite3-dev libssl-dev uthash-dev libcmocka-dev libmicrohttpd-dev
ca-certificates curl'

# install_missing PACKAGE...
install_missing() {
    missing=
    for package in "$@"; do
        status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)
        [ "$status" = installed ] || missing="$missing $package"
    done
    [ -z "$missing" ] && return 0
    echo "Installing:$missing"
    as_root=
    [ "$(id -u)" = 0 ] || as_root=sudo
    # shellcheck disable=SC2086 # a list of words
    $as_root env DEBIAN_FRONTEND=noninteractive sh -c \
        'apt-get update -q && apt-get install -q -y --no-install-recommends "$@"' \
        sh $missing >"${TMPDIR:-/tmp}/clusterkeeper-install.log" 2>&1 && return 0
    echo "The packages could not be installed; see ${TMPDIR:-/tmp}/clusterkeeper-install.log" >&2
    return 1
}
