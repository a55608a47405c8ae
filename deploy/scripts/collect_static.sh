#!/bin/sh
# Collects the static files while the image is built, with a production's settings: they are named by content then.
# The secrets are made for this one command, and gone with it.
set -eu
for pair in $(python -m djangocrud.keys); do
    export "${pair?}"
done
export ENVIRONMENT=production ALLOWED_HOSTS=build.invalid PROXY_COUNT=0
export DATABASE_URL=postgresql://build.invalid/none REDIS_URL=redis://build.invalid
export AWS_STORAGE_BUCKET_NAME=none AUDIT_CHECKPOINTS=storage:audit
exec python manage.py collectstatic --noinput
