"""The admin pages of this slice; Django's autodiscovery imports this module."""

from backend.identity.admin import history, keys, people, rights

__all__ = ["history", "keys", "people", "rights"]
