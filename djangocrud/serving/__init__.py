"""Our own Daphne: small subclasses of its request, socket and server classes (ADR 0001)."""
