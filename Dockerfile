# Two images, of which the second reads documents for the verifier and is half a gigabyte larger for it:
#   docker build -t habeas .                               `docker run habeas habeas.services.intake`, and so on
#   docker build -t habeas-verifier --target verifier .    `docker run habeas-verifier habeas.services.verifier`
#
# Where the package index is behind a certificate authority of one's own:
#   docker build --secret id=ca_bundle,src=/etc/ssl/certs/ca-certificates.crt .
ARG PYTHON_IMAGE=python:3.13.7-slim-trixie

# ---------------------------------------------------------------- dependencies: they change seldom
FROM ${PYTHON_IMAGE} AS dependencies
ARG UV_VERSION=0.13.9
# Extras besides, as `--build-arg EXTRAS=traces`.
ARG EXTRAS=
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never \
    PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app

# Runs a command under the caller's certificate bundle when there is one.
RUN printf '%s\n' '#!/bin/sh' \
    'if [ -s /run/secrets/ca_bundle ]; then export PIP_CERT=/run/secrets/ca_bundle SSL_CERT_FILE=/run/secrets/ca_bundle; fi' \
    'exec "$@"' > /usr/local/bin/trusting && chmod +x /usr/local/bin/trusting
RUN --mount=type=secret,id=ca_bundle --mount=type=cache,target=/root/.cache/pip \
    trusting pip install --quiet uv==${UV_VERSION}

RUN --mount=type=secret,id=ca_bundle --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    trusting uv sync --quiet --frozen --no-dev --no-install-project ${EXTRAS:+--extra ${EXTRAS}}
# Telephone numbers are only parsed here: the tables of places and carriers are a sixth of all dependencies.
RUN cd .venv/lib/python3*/site-packages/phonenumbers && rm -r geodata carrierdata

# ---------------------------------------------------------------- what documents are read with: the same
FROM dependencies AS reading
RUN --mount=type=secret,id=ca_bundle --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    trusting uv sync --quiet --frozen --no-dev --no-install-project --extra documents ${EXTRAS:+--extra ${EXTRAS}}
RUN --mount=type=secret,id=ca_bundle --mount=type=bind,source=scripts/models,target=scripts/models \
    trusting scripts/models

# ---------------------------------------------------------------- the product: it changes often
FROM dependencies AS product
COPY . .
RUN --mount=type=secret,id=ca_bundle --mount=type=cache,target=/root/.cache/uv \
    trusting uv pip install --quiet --python .venv --no-deps --target /product .
# Code of the operator's command, of the channels, most of which are off by default, of the document readers, of
# breaches, of the console and of other seldom tasks stays without byte code: a fifth of the layer less, for a tenth of a second at
# the start of a service.
RUN cd /product/habeas && find cli client embedded services/fulfillment/drafting services/fulfillment/map_check \
    services/fulfillment/datamap/diagram services/fulfillment/drop services/fulfillment/breach services/intake/breach \
    services/notifier/breach services/intake/channels services/verifier/documents services/console/pages \
    services/console/decisions services/console/api services/console/signin services/console/system \
    services/fulfillment/package/redaction services/intake/trail shared/client -name __pycache__ -prune -exec rm -r {} +
# Only the verifier reads documents.
RUN mv /product/habeas/services/verifier/documents/models /models

# ---------------------------------------------------------------- what runs
FROM ${PYTHON_IMAGE} AS runtime
RUN groupadd --gid 10001 habeas \
 && useradd --uid 10001 --gid habeas --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin habeas \
 && install -d -o habeas -g habeas /var/lib/habeas/heads
COPY --chmod=755 scripts/ready /usr/local/bin/
# Nothing is written outside /tmp: the root filesystem may be read-only. What lies in /tmp is never imported.
ENV PATH=/app/product/bin:/app/.venv/bin:$PATH PYTHONPATH=/app/product PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HABEAS_HTTP_HOST=0.0.0.0 HABEAS_HTTP_PORT=8080 HABEAS_OPS_PORT=8081 HABEAS_DATAMAP=/etc/habeas/datamap
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080 8081
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s --start-interval=500ms --retries=6 \
    CMD ["ready"]
ENTRYPOINT ["python", "-m"]

# The product is a layer of its own: a new version of it is a few megabytes to send, not its dependencies again.
FROM runtime AS verifier
COPY --from=reading /app/.venv /app/.venv
COPY --from=reading /app/.tools/models /app/models
COPY --from=product /product /app/product
COPY --from=product /models /app/product/habeas/services/verifier/documents/models
ENV HABEAS_MODELS=/app/models OMP_THREAD_LIMIT=1
CMD ["habeas.services.verifier"]

FROM runtime
COPY --from=dependencies /app/.venv /app/.venv
COPY --from=product /product /app/product
CMD ["habeas.services.intake"]
