"""HTTP by our handler, with the product's middleware and thread pool."""

import django

django.setup()

from djangocrud.handler import PooledHandler, http_pool  # noqa: E402

application = PooledHandler({"web": http_pool("web")}, lambda path: "web")
