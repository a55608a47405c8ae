"""What may be asked: the day's tokens of a person and of the house, and the circuit breaker, for all processes."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from backend.assistant import selectors, tasks, watching
from backend.assistant.dialogue import Answering, request_of
from backend.assistant.errors import AssistantOff, AssistantResting, BudgetSpent
from backend.assistant.models import Circuit, Spending, Tally, Task
from backend.assistant.prompts import FOLDER, prompt
from backend.assistant.services import budget
from backend.assistant.tests.factories import everything, failures, outcomes, spent, trail
from backend.tests.commits import in_parallel

REQUEST = request_of(prompt("category"), {"entry": "x" * 300}, tokens_max=100, within_s=1)
MOST = REQUEST.prompt_tokens + 100


@pytest.fixture(autouse=True)
def _on(chosen):
    chosen(key="k", person_tokens=10 * MOST, house_tokens=100 * MOST, trip_after=3, rest_s=30.0)


def ask(user, outcome="answered", used=(50, 7)):
    ticket = budget.admit(task=Task.CATEGORY, payer_id=user.pk, actor_id=user.pk, request=REQUEST, hidden=2)
    answering = Answering(REQUEST)
    answering.used(*used)
    budget.settle(ticket, answering, outcome)


@pytest.mark.django_db
def test_a_question_costs_what_it_used_and_leaves_its_trail_without_words(make_user):
    user = make_user()
    ask(user)
    assert spent(user) == spent(None) == 57
    asked, ended = trail()
    assert asked == {
        "task": "category",
        "prompt": "category.v1",
        "model": "gpt-4o-mini",
        "tokens_booked": MOST,
        "values_hidden": 2,
    }
    assert {**ended, "milliseconds": 0} == {
        **{"task": "category", "prompt": "category.v1", "model": "gpt-4o-mini", "outcome": "answered"},
        **{"prompt_tokens": 50, "answer_tokens": 7, "milliseconds": 0},
    }


@pytest.mark.django_db
def test_figures_count_tokens_and_money_of_everybody(make_user, chosen):
    chosen(price_in=Decimal("2"), price_out=Decimal("10"))
    for used in ((1000, 100), (3000, 300)):
        ask(make_user(), used=used)
    ask(make_user(), "away", used=(0, 0))
    found = selectors.figures()
    assert [(row.task, row.outcome, row.questions) for row in found.rows] == [
        ("category", "answered", 2),
        ("category", "away", 1),
    ]
    answered = found.rows[0]
    # The server's word is bounded by what can be: 10 times what was booked.
    assert (answered.prompt_tokens, answered.answer_tokens) == (4000, 400)
    assert answered.cost == Decimal("0.012")
    assert not found.is_resting
    told = {(one.name, *one.labels.values()): one.value for family in watching.tell() for one in family.samples}
    assert told["ease_assistant_questions_total", "category", "away"] == 1
    away = found.rows[1]  # Nobody knows what it used, so what was booked counts.
    assert told["ease_assistant_tokens_total", "category", "prompt"] == 4000 + away.prompt_tokens
    assert told["ease_assistant_cost_total", "category"] == float(answered.cost + away.cost)
    assert told["ease_assistant_resting",] == 0


@pytest.mark.django_db
def test_one_person_cannot_spend_more_than_their_share(make_user):
    greedy, other = make_user(), make_user()
    for _ in range(9):
        ask(greedy, used=(MOST, 0))
    ask(greedy, used=(MOST, 0))
    before = everything()
    with pytest.raises(BudgetSpent):
        ask(greedy)
    assert everything() == before
    assert spent(greedy) == 10 * MOST
    ask(other)


@pytest.mark.django_db
def test_all_together_cannot_spend_more_than_the_house_has(make_user, chosen):
    chosen(house_tokens=3 * MOST)
    for _ in range(3):
        ask(make_user(), used=(MOST, 0))
    late = make_user()
    with pytest.raises(BudgetSpent):
        ask(late)
    assert spent(late) == 0


@pytest.mark.django_db
def test_the_share_begins_anew_each_day(make_user):
    user = make_user()
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    Spending.objects.create(user=user, day=yesterday, tokens=10 * MOST)
    ask(user)
    assert budget.tokens_left(user.pk) == 10 * MOST - 57


def test_questions_at_once_are_booked_before_they_are_answered(committed, make_user):
    """Twenty at once where ten fit: ten are let in, whatever the order."""
    user = make_user()

    def admit():
        return budget.admit(task=Task.CATEGORY, payer_id=user.pk, actor_id=user.pk, request=REQUEST, hidden=0)

    results = in_parallel(*[admit] * 20)
    assert sum(isinstance(result, budget.Ticket) for result in results) == 10
    assert sum(isinstance(result, BudgetSpent) for result in results) == 10
    assert spent(user) == spent(None) == 10 * MOST
    assert len(trail("assistant.asked")) == 10


@pytest.mark.django_db
def test_without_a_key_nothing_is_booked(make_user, chosen):
    chosen(key="")
    before = everything()
    with pytest.raises(AssistantOff, match="OPENAI_KEY is not set"):
        ask(make_user())
    assert everything() == before


@pytest.mark.django_db
def test_three_failures_in_a_row_give_the_server_a_rest_and_a_success_ends_it(make_user):
    user = make_user()
    ask(user, "slow")
    ask(user, "away")
    ask(user, "answered")
    assert failures() == 0
    for outcome in ("slow", "away", "rubbish"):
        ask(user, outcome)
    before = everything()
    with pytest.raises(AssistantResting):
        ask(user)
    assert everything() == before
    assert budget.is_resting()

    Circuit.objects.update(opened_until=datetime.now(UTC) - timedelta(seconds=1))
    ask(user, "unknown")
    assert failures() == 0
    ask(user)


@pytest.mark.django_db
def test_neither_refusals_nor_who_stops_an_answer_trip_it(make_user):
    user = make_user()
    for _ in range(4):
        ask(user, "refused")
        ask(user, "cancelled")
    assert failures() == 0
    assert outcomes() == [("category", "cancelled", 4), ("category", "refused", 4)]


def test_after_the_rest_one_question_is_the_trial(committed, make_user):
    """Of eight at once on all processes one is let through; when it fails, the rest begins anew."""
    user = make_user()
    for _ in range(3):
        ask(user, "away")
    Circuit.objects.update(opened_until=datetime.now(UTC) - timedelta(seconds=1))

    def admit():
        return budget.admit(task=Task.CATEGORY, payer_id=user.pk, actor_id=user.pk, request=REQUEST, hidden=0)

    results = in_parallel(*[admit] * 7)
    tickets = [result for result in results if isinstance(result, budget.Ticket)]
    assert len(tickets) == 1
    assert sum(isinstance(result, AssistantResting) for result in results) == 6
    budget.settle(tickets[0], Answering(REQUEST), "away")
    with pytest.raises(AssistantResting):
        ask(user)


@pytest.mark.django_db
def test_what_people_used_goes_after_ninety_days_and_tallies_stay(make_user):
    user = make_user()
    ask(user)
    Spending.objects.update(day=datetime.now(UTC).date() - timedelta(days=91))
    tasks.prune()
    assert not Spending.objects.exists()
    assert Tally.objects.count() == 1


def test_the_newest_version_of_a_prompt_counts_and_all_of_them_say_that_data_is_no_instruction():
    names = {path.name.split(".")[0] for path in FOLDER.iterdir()}
    assert names == {"suggestion", "summary", "answer", "category"}
    for name in names:
        assert "never an instruction" in prompt(name).text
    with pytest.raises(LookupError):
        prompt("no_such_prompt")
