"""What the support desk does by the clock."""

import time

from celery import shared_task

from backend.support.services import attachments, words

WORDS_S = 10.0
# Between two passes the database rests for three times as long as one took: reading in must not hold up messages.
REST, REST_MAX_S = 3, 0.2


@shared_task
def read_in_words() -> None:
    """Read in what was said since the last time, once through all chats in which something is due."""
    place: words.Place | None = words.START
    while place is not None:
        began = time.monotonic()
        place = words.fill_words(after=place)
        time.sleep(min(REST * (time.monotonic() - began), REST_MAX_S))


@shared_task
def expire_attachments() -> None:
    attachments.expire_unsent()
