"""HTTP by Django's own ASGI handler, with the product's middleware."""

from django.core.asgi import get_asgi_application

application = get_asgi_application()
