"""Requests of this slice as its documents show them. A test sends each (backend/tests/test_documents.py)."""

from backend.common.examples import Example

EXAMPLES: dict[str, Example] = {}
