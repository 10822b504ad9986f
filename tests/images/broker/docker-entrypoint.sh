#!/bin/sh
# Runs the broker as its own user, whichever user the container was started as.
set -eu

if [ "$(id -u)" = 0 ]; then
    chown -R rabbitmq:rabbitmq /var/lib/rabbitmq
    exec setpriv --reuid=rabbitmq --regid=rabbitmq --clear-groups "$0" "$@"
fi
# RABBITMQ_DEFAULT_USER, _PASS and _VHOST are read by the broker itself.
exec "$@"
