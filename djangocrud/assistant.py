"""Settings of the assistant (backend/assistant, backend/docs/assistant.md)."""

from typing import Any

from djangocrud.env import env

# Without a key it is off, and says so.
ASSISTANT: dict[str, Any] = {
    "key": env.openai_key.get_secret_value(),
    "base_url": env.openai_base_url,
    "model": env.openai_model,
    "first_token_s": env.assistant_first_token_seconds,
    "total_s": env.assistant_total_seconds,
    "category_s": 6.0,  # somebody waits before a form for it
    "answer_after_s": env.assistant_answer_after_seconds,
    "person_tokens": env.assistant_person_tokens,
    "house_tokens": env.assistant_house_tokens,
    "price_in": env.assistant_price_in,
    "price_out": env.assistant_price_out,
    "trip_after": 3,
    "rest_s": 30.0,
    "look_every_s": 1.0,
    "streams_max": 16,  # of one process
    "streams_per_person": 2,
}
# Routes that wait for a model. They have a pool of their own, so that no other request waits with them.
ASSISTANT_PATHS = frozenset(["/api/assistant/category/"])
ASSISTANT_THREADS = 2
