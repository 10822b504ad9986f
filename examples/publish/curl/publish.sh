#!/usr/bin/env bash
# Publishes a CloudEvent over AMQP with amqp-publish (Debian: amqp-tools): publish.sh event.json
#
# For trying things out. This tool waits for no confirm: what it sends while the broker goes down is lost.
set -euo pipefail

exec amqp-publish --url="$HABEAS_AMQP_URL" --exchange=habeas.requests \
    --routing-key=habeas.request.submitted.v1 --content-type=application/cloudevents+json --persistent <"$1"
