"""What the assistant says when it cannot. Each is one clear sentence; none tells what the model's server answered."""

from backend.common.errors import NotFound, RuleViolation, Unavailable


class AssistantOff(Unavailable):
    """No key is set: the house runs without an assistant."""

    code = "assistant.off"
    detail = "The assistant is not set up here: OPENAI_KEY is not set."


class AssistantResting(Unavailable):
    """The circuit breaker is open: the model's server failed several times in a row."""

    code = "assistant.resting"
    detail = "The assistant's model server has failed several times. It is tried again in a moment."


class AssistantBusy(Unavailable):
    """Enough is being answered for this person, or by this process."""

    code = "assistant.busy"
    detail = "The assistant is still answering. Wait for that answer first."


class BudgetSpent(RuleViolation):
    """The person, or the whole house, has used up the day's tokens."""

    code = "assistant.budget_spent"
    detail = "Today's share of the assistant is used up. It begins anew at midnight UTC."


class NothingToAnswer(RuleViolation):
    code = "assistant.nothing_to_answer"
    detail = "There is nothing to answer yet: the customer has not written anything."


class NoSuggestion(NotFound):
    code = "assistant.no_suggestion"
    detail = "No category fits this entry."


class ModelFault(Unavailable):
    """The model's server did not do its part. Counts towards the circuit breaker, but for a refusal."""

    code = "assistant.failed"
    detail = "The assistant could not answer."
    outcome = "failed"
    trips = True


class ModelAway(ModelFault):
    code, outcome = "assistant.away", "away"
    detail = "The assistant's model server cannot be reached."


class ModelSlow(ModelFault):
    code, outcome = "assistant.slow", "slow"
    detail = "The assistant's model server took too long."


class ModelRubbish(ModelFault):
    code, outcome = "assistant.rubbish", "rubbish"
    detail = "The assistant's model server answered something that is no answer."


class ModelBrokeOff(ModelFault):
    code, outcome = "assistant.broke_off", "broke_off"
    detail = "The assistant's model server broke off in the middle of its answer."


class ModelBusy(ModelFault):
    code, outcome = "assistant.server_busy", "server_busy"
    detail = "The assistant's model server takes no more questions at the moment."


class ModelMisconfigured(ModelFault):
    code, outcome = "assistant.misconfigured", "misconfigured"
    detail = "The assistant's model server does not accept how it is set up here (key, address or model)."


class ModelRefused(ModelFault):
    """It will not answer this. Its server is well."""

    code, outcome = "assistant.refused", "refused"
    detail = "The model declined to answer this."
    trips = False
