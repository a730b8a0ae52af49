#!/bin/sh
# Installs the programs of the system that Voxanne needs and that are missing. Does nothing where all
# are present, so it can run every time.
#
#   install-prerequisites.sh --run    PostgreSQL 15 or newer; a C compiler; Node.js and npm, which fetch the few browser
#                                     packages
#   install-prerequisites.sh --test   these, Chromium for the browser tests, and a mail server and openssl for the tests of mail
#
# Debian and Ubuntu only, as root or through sudo. Elsewhere it says what to install. Rust it never installs: the systems'
# packages are too old, and a toolchain belongs to a person's account.
set -eu

oldest_postgresql=15

say() {
    printf '%s\n' "$*" >&2
}

fail() {
    say "$*"
    exit 1
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# The oldest Rust that the workspace compiles with.
oldest_rust=$(sed -n 's/^rust-version = "\([0-9.]*\)"$/\1/p' "$(dirname "$0")/../Cargo.toml")

has_rust() {
    has cargo || return 1
    minor=$(cargo --version 2>/dev/null | sed -n 's/^cargo 1\.\([0-9]*\)\..*/\1/p')
    [ "${minor:-0}" -ge "${oldest_rust#1.}" ]
}

has_compiler() {
    has cc
}

# The major version of the server program in a directory, or nothing.
postgresql_major() {
    [ -x "$1/postgres" ] && [ -x "$1/initdb" ] || return 0
    "$1/postgres" --version 2>/dev/null | sed -n 's/^postgres (PostgreSQL) \([0-9][0-9]*\).*/\1/p'
}

# The places where the server looks for it (VOXANNE_PG_BIN decides alone).
has_postgresql() {
    if [ -n "${VOXANNE_PG_BIN:-}" ]; then
        set -- "$VOXANNE_PG_BIN"
    else
        set -- /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/pgsql*/bin
        if has postgres; then
            set -- "$@" "$(dirname "$(command -v postgres)")"
        fi
        if has pg_config; then
            set -- "$@" "$(pg_config --bindir 2>/dev/null || true)"
        fi
    fi
    for directory in "$@"; do
        major=$(postgresql_major "$directory")
        if [ "${major:-0}" -ge "$oldest_postgresql" ]; then
            return 0
        fi
    done
    return 1
}

has_node() {
    has node && has npm
}

has_chromium() {
    has chromium || has chromium-browser || has google-chrome || has google-chrome-stable
}

# The system's Python with a mail server in it.
has_mail_server() {
    for python in /usr/bin/python3 python3; do
        if has "$python" && "$python" -c 'import aiosmtpd' 2>/dev/null; then
            return 0
        fi
    done
    return 1
}

# The names of what is missing, for people.
missing() {
    has_postgresql || printf 'PostgreSQL %s or newer\n' "$oldest_postgresql"
    has_compiler || printf 'a C compiler\n'
    has_node || printf 'Node.js with npm\n'
    [ "$mode" = --run ] || has_chromium || printf 'Chromium\n'
    [ "$mode" = --run ] || has_mail_server || printf 'aiosmtpd for Python 3\n'
    [ "$mode" = --run ] || has openssl || printf 'openssl\n'
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

# The version that apt would install, or nothing.
candidate() {
    apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: \([^(].*\)$/\1/p'
}

install_postgresql() {
    if [ -n "${VOXANNE_PG_BIN:-}" ]; then
        fail "VOXANNE_PG_BIN is $VOXANNE_PG_BIN, which holds no PostgreSQL $oldest_postgresql or newer: correct or unset it."
    fi
    offered=$(candidate postgresql | sed 's/^\([0-9]*\).*/\1/')
    if [ "${offered:-0}" -lt "$oldest_postgresql" ]; then
        fail "This system offers PostgreSQL ${offered:-(none)}, but Voxanne needs $oldest_postgresql or newer: install one by hand" \
            "and name its directory in VOXANNE_PG_BIN."
    fi
    # Voxanne runs a cluster of its own. The package would create and start another one, which nobody
    # needs and which would take the usual port.
    apt_install postgresql-common
    settings=/etc/postgresql-common/createcluster.conf
    if ! grep -Eqs '^[[:space:]]*create_main_cluster[[:space:]]*=' "$settings"; then
        printf 'create_main_cluster = false\n' | as_root tee -a "$settings" >/dev/null
    fi
    apt_install postgresql
}

# Some packages of Node.js bring npm with them and exclude the separate one.
install_node() {
    has node || apt_install nodejs
    has npm || apt_install npm
}

install_chromium() {
    if [ -z "$(candidate chromium)" ]; then
        fail "This system offers no package chromium: install Chromium or Google Chrome by hand."
    fi
    apt_install chromium
}

mode=${1:-}
case $mode in
--run | --test) ;;
*) fail "usage: $0 --run | --test" ;;
esac

if ! has_rust; then
    fail "Voxanne is built with Rust $oldest_rust or newer, which is not installed: install it with rustup (https://rustup.rs)," \
        "open a new terminal and try again."
fi

wanted=$(missing)
if [ -z "$wanted" ]; then
    exit 0
fi
wanted=$(printf '%s\n' "$wanted" | paste -s -d , - | sed 's/,/, /g')

if ! has apt-get; then
    fail "Please install by hand, as this is not Debian or Ubuntu: $wanted."
fi
if [ "$(id -u)" -ne 0 ] && ! has sudo; then
    fail "Please run as root, as this account may not install programs: $0 $mode (missing: $wanted)."
fi

say "Installing: $wanted"
as_root apt-get update -q
has_postgresql || install_postgresql
has_compiler || apt_install gcc libc6-dev
has_node || install_node
[ "$mode" = --run ] || has_chromium || install_chromium
[ "$mode" = --run ] || has_mail_server || apt_install python3-aiosmtpd
[ "$mode" = --run ] || has openssl || apt_install openssl

still=$(missing)
if [ -n "$still" ]; then
    fail "Still missing after the installation: $still"
fi
