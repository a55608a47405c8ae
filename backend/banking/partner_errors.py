"""What the partner door and webhooks refuse, beside what all of banking does (errors.py)."""

from backend.common.errors import Conflict, Forbidden, NotFound, RuleViolation


class PaymentUnknown(NotFound):
    code = "payment.unknown"
    detail = "There is no such payment."


class KeyWithoutBank(Forbidden):
    """The key is bound to no bank, and nothing says for which one it works (PARTNER_DEFAULT_BANK)."""

    code = "api_key.no_bank"
    detail = "This API key works for no bank yet."
    is_denial = False


class CustomerPaused(RuleViolation):
    """The partner itself switched its customer off (E-S4-9)."""

    code = "customer.paused"
    detail = "This customer is not active."


class FrozenByTheBank(RuleViolation):
    code = "customer.frozen"
    detail = "The bank has frozen or closed this account; only the bank changes that."


class FileRefused(RuleViolation):
    code = "file.refused"
    detail = "This is no text file."


class WebhookUnknown(NotFound):
    code = "webhook.unknown"
    detail = "There is no such webhook."


class DeliveryUnknown(NotFound):
    code = "webhook.delivery_unknown"
    detail = "There is no such delivery."


class TooManyWebhooks(Conflict):
    code = "webhook.too_many"
    detail = "This bank has as many webhooks as one may have. Delete one first."


class WebhookDisabled(Conflict):
    code = "webhook.disabled"
    detail = "This webhook is switched off. Switch it on first."


class StillPending(Conflict):
    code = "webhook.still_pending"
    detail = "This delivery is on its way."
