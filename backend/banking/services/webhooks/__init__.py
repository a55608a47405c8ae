"""Webhooks to partners, as Standard Webhooks has them: endpoints, the outbox, and delivering."""
