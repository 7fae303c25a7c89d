# Installs the Debian packages given as arguments, without letting any of them start a service
# or create a database cluster. An argument may also be an option of apt-get. Runs as root.
#
# Two files do that, for as long as this runs: policy-rc.d refuses all starts of services, and a
# drop-in tells postgresql-common not to create its "main" cluster. A file that is there already
# is left alone, unless an interrupted run of this very script left it. A service of Redis or
# nginx that was not there before would start with the machine next time: it is disabled. Every
# command is printed before it runs, and what it says only if it fails.
set -eu

POLICY=/usr/sbin/policy-rc.d
CLUSTER=/etc/postgresql-common/createcluster.d/mincommerce.conf
MARK='# temporary, by the install step of MinCommerce'
UPDATE_ATTEMPTS=6
UPDATE_PAUSE_S=10

export DEBIAN_FRONTEND=noninteractive
exec >&2
said=$(mktemp)

# put PATH MODE TEXT: writes a file of ours, for the time of this run.
put() {
    if [ ! -e "$1" ] || grep -qxF "$MARK" "$1"; then
        mkdir -p "$(dirname "$1")"
        printf '%s\n' "$3" >"$1"
        chmod "$2" "$1"
    fi
}

undo() {
    rm -f "$said"
    for file in "$POLICY" "$CLUSTER"; do
        if [ -e "$file" ] && grep -qxF "$MARK" "$file"; then
            rm -f "$file"
        fi
    done
}

run() {
    echo "+ $*"
    "$@" >"$said" 2>&1 || {
        status=$?
        cat "$said"
        return "$status"
    }
}

# One run at a time on this machine: the end of one removes the files that the other relies on.
exec 9>/run/mincommerce-install.lock
flock 9

trap undo EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

put "$POLICY" 755 "#!/bin/sh
$MARK
exit 101"
case " $* " in
*" postgresql "*)
    put "$CLUSTER" 644 "$MARK
create_main_cluster = false"
    ;;
esac

new_services=
for service in redis-server nginx; do
    if [ ! -e "/lib/systemd/system/$service.service" ]; then
        new_services="$new_services $service"
    fi
done

# Another apt may hold the lock of the package lists, for which apt-get does not wait. If it stays
# that way, the lists that are there may do.
attempt=1
until run apt-get -q update; do
    if [ "$attempt" -ge "$UPDATE_ATTEMPTS" ]; then
        echo "the package lists could not be updated; going on with the old ones"
        break
    fi
    attempt=$((attempt + 1))
    sleep "$UPDATE_PAUSE_S"
done

run apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"

for service in $new_services; do
    if [ -e "/lib/systemd/system/$service.service" ] && command -v systemctl >/dev/null; then
        run systemctl disable "$service.service"
    fi
done
