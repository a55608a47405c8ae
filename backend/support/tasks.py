"""What the support desk does by the clock."""

from celery import shared_task

from backend.support.services import attachments, words

WORDS_S = 10.0


@shared_task
def read_in_words() -> None:
    """Read in what was said since the last time, chat by chat, until nothing is due."""
    while words.fill_words() >= words.CHATS_MAX:
        continue


@shared_task
def expire_attachments() -> None:
    attachments.expire_unsent()
