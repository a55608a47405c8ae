"""Django's PostgreSQL backend, with patience: opening a connection is retried with backoff (E-SYS-1).

Only opening: nothing has been sent yet, so trying again can repeat no write.
"""

from typing import Any

from django.db.backends.postgresql import base

from backend.common.database import Connecting

connecting = Connecting()


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        return connecting(lambda: self._connect_once(conn_params))

    def _connect_once(self, conn_params: dict[str, Any]) -> Any:
        with self.wrap_database_errors:  # Django translates psycopg2's errors further out, after our last chance.
            return super().get_new_connection(conn_params)
