#!/bin/sh
# What a container of this image does: run.sh [web|worker|beat|release|certificate|dev]. Each role is one process that
# takes the place of this shell (exec), so that it is the one to hear SIGTERM, and drains.
set -eu
cd /app

case "${1:-web}" in
web)
    python manage.py wait_for_db
    exec python -m djangocrud.serve --host 0.0.0.0 --port "${BIND_PORT:-8000}"
    ;;
worker)
    python manage.py wait_for_db
    exec celery -A djangocrud.celery worker --loglevel "${LOG_LEVEL:-INFO}" --concurrency "${WORKERS:-2}"
    ;;
beat)
    # One for a database: two would only enqueue what is run once anyway.
    python manage.py wait_for_db
    exec celery -A djangocrud.celery beat --loglevel "${LOG_LEVEL:-INFO}" --schedule /tmp/celerybeat-schedule --pidfile=
    ;;
release)
    # Once for each version, before it serves. Static files of the version before stay for pages that are open.
    python manage.py wait_for_db
    python manage.py migrate --noinput
    exec python manage.py collectstatic --noinput
    ;;
certificate)
    exec python -m djangocrud.keys --certificate /certificates --host "${SERVER_NAME:-localhost}"
    ;;
dev)
    python manage.py wait_for_db
    python manage.py migrate --noinput
    python manage.py load_demo --base-url "http://127.0.0.1:8000"
    exec python manage.py runserver 0.0.0.0:8000
    ;;
*)
    echo "run.sh: no such role: $1 (web, worker, beat, release, certificate or dev)" >&2
    exit 64
    ;;
esac
