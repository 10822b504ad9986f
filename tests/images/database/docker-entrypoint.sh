#!/bin/sh
# Runs mongod as its own user and, on an empty data folder, creates the root user that the environment names.
set -eu

case "${1:-}" in
    ''|-*) set -- mongod "$@" ;;
esac

if [ "$(id -u)" = 0 ]; then
    chown -R mongodb:mongodb /data/db /data/configdb
    exec setpriv --reuid=mongodb --regid=mongodb --clear-groups "$0" "$@"
fi

if [ "$1" = mongod ]; then
    if [ -n "${MONGO_INITDB_ROOT_USERNAME:-}" ]; then
        create_root_user.py
        set -- "$@" --auth
    fi
    unset MONGO_INITDB_ROOT_USERNAME MONGO_INITDB_ROOT_PASSWORD MONGO_INITDB_ROOT_PASSWORD_FILE
    case " $* " in
        *" --bind_ip"*) ;;
        *) set -- "$@" --bind_ip_all ;;
    esac
fi
exec "$@"
