"""HTTP doors and account routes."""
