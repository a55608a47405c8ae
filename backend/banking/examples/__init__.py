"""Requests of the banking doors as their documents show them, one module for each door."""
