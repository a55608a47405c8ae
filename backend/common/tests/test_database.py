"""E-SYS-1: a lost database is recognised, reads and connects are tried again, writes never."""

import pytest
from django.db import DatabaseError, DataError, InterfaceError, OperationalError, connection, transaction

from backend.common import database
from backend.common.database import Connecting, backoff_delays, dropped, gave_way, is_connection_trouble, repeatable
from backend.common.postgresql import base
from backend.common.postgresql.base import DatabaseWrapper
from backend.tests.commits import end_connection, own_pid


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits that were asked for. Nobody waits."""
    asked: list[float] = []
    monkeypatch.setattr(database.time, "sleep", asked.append)
    return asked


def fault_of(*statements: str) -> Exception:
    """Run the statements, of which the last one fails, and return how."""
    with pytest.raises((DatabaseError, InterfaceError)) as caught, connection.cursor() as cursor:
        cursor.execute("; ".join(statements))
    return caught.value


@pytest.mark.parametrize(
    "statements",
    [
        pytest.param(["SELEC 1"], id="a syntax error"),
        pytest.param(["SELECT 1 / 0"], id="a division by zero"),
        pytest.param(["SET statement_timeout = 1", "SELECT pg_sleep(10)"], id="a statement that took too long"),
        pytest.param(["INSERT INTO identity_role SELECT * FROM identity_role"], id="a duplicate"),
    ],
)
def test_a_statement_that_fails_is_no_connection_trouble(committed, statements):
    fault = fault_of(*statements)

    assert is_connection_trouble(fault) is False
    assert gave_way(fault) is False


def test_a_lock_that_was_not_got_is_no_connection_trouble(committed):
    own = DatabaseWrapper(connection.settings_dict, "default")
    with own.cursor() as other:
        other.execute("BEGIN")
        other.execute("LOCK TABLE identity_role")

        fault = fault_of("SET lock_timeout = 1", "SELECT count(*) FROM identity_role")

        assert is_connection_trouble(fault) is False
        assert gave_way(fault) is True
    own.close()


def test_a_connection_that_was_cut_is_trouble(committed):
    fault = fault_of("SELECT pg_terminate_backend(pg_backend_pid())")

    assert type(fault) is OperationalError
    assert is_connection_trouble(fault) is True


def test_a_connection_that_is_closed_is_trouble(committed):
    connection.ensure_connection()
    connection.connection.close()

    fault = fault_of("SELECT 1")

    assert type(fault) is InterfaceError
    assert is_connection_trouble(fault) is True


def test_a_server_that_cannot_be_reached_is_trouble(committed, sleeps, monkeypatch):
    monkeypatch.setattr(base, "connecting", Connecting())
    away = DatabaseWrapper({**connection.settings_dict, "HOST": "127.0.0.1", "PORT": 1}, "default")

    with pytest.raises(OperationalError) as caught:
        away.ensure_connection()

    assert is_connection_trouble(caught.value) is True


def test_a_nameless_fault_is_trouble_even_on_a_connection_that_seems_open(committed):
    """An immediate restart raises plain DatabaseError without an SQLSTATE, and the connection does not know yet
    (stack.md)."""
    connection.ensure_connection()

    assert is_connection_trouble(DatabaseError("server closed the connection unexpectedly")) is True


def test_a_nameless_fault_of_a_kind_is_judged_by_the_connection(committed):
    fault = DataError("a value that does not fit")
    connection.ensure_connection()

    while_open = is_connection_trouble(fault)
    connection.connection.close()
    while_closed = is_connection_trouble(fault)
    connection.close()
    without_connection = is_connection_trouble(fault)

    assert (while_open, while_closed, without_connection) == (False, True, True)


def test_other_faults_are_no_connection_trouble():
    assert is_connection_trouble(ValueError("no")) is False
    assert is_connection_trouble(ConnectionResetError("a socket of ours")) is False


def test_reading_is_done_again_on_a_new_connection(committed):
    pids = [own_pid()]
    end_connection(pids[0])

    found = repeatable(lambda word: (pids.append(own_pid()), word)[1], "found")

    assert found == "found"
    assert len(pids) == 2
    assert pids[0] != pids[1]


def test_reading_is_done_again_only_once(committed):
    calls: list[str] = []

    def read() -> None:
        calls.append("read")
        end_connection(own_pid())
        own_pid()

    with pytest.raises(OperationalError):
        repeatable(read)

    assert calls == ["read", "read"]


def test_reading_with_a_wrong_statement_is_not_done_again(committed):
    calls: list[str] = []

    def read() -> None:
        calls.append("read")
        connection.cursor().execute("SELEC 1")

    with pytest.raises(DatabaseError):
        repeatable(read)

    assert calls == ["read"]


def test_reading_inside_a_transaction_is_not_done_again(committed):
    """What the transaction wrote before is lost, so it must fail as a whole."""
    calls: list[str] = []

    def read() -> None:
        calls.append("read")
        end_connection(own_pid())
        own_pid()

    with pytest.raises((DatabaseError, InterfaceError)), transaction.atomic():
        repeatable(read)

    assert calls == ["read"]


def test_a_closed_connection_left_behind_is_replaced(committed):
    """psycopg2 calls this one InterfaceError, which Django keeps apart from DatabaseError."""
    before = own_pid()
    connection.connection.close()

    after = repeatable(own_pid)

    assert after != before


def test_dropping_keeps_a_connection_that_works(committed):
    before = own_pid()

    assert dropped(fault_of("SELEC 1")) is False

    assert own_pid() == before


def test_dropping_closes_a_connection_that_was_cut(committed):
    end_connection(own_pid())

    assert dropped(fault_of("SELECT 1")) is True

    assert connection.connection is None


def test_waits_double_up_to_a_longest_and_end():
    delays = backoff_delays(first_s=0.1, longest_s=0.4, total_s=2.0)

    steps = [0.1, 0.2, *[0.4] * (len(delays) - 2)]
    assert all(step / 2 <= delay <= step for step, delay in zip(steps, delays, strict=True))
    assert sum(delays[:-1]) < 2.0 <= sum(delays)


def test_connecting_is_tried_until_it_succeeds(sleeps):
    outcomes = iter([OperationalError("starting up"), OperationalError("refused"), "connected"])

    found = Connecting()(lambda: given(next(outcomes)))

    assert found == "connected"
    assert len(sleeps) == 2


def test_connecting_gives_up_with_the_last_fault(sleeps):
    tries: list[str] = []

    with pytest.raises(OperationalError) as caught:
        Connecting()(lambda: given(OperationalError(tries.append("try") or str(len(tries)))))

    assert str(caught.value) == str(len(tries))
    assert len(tries) == len(sleeps) + 1
    assert sum(sleeps) >= 2.5


def test_after_one_waited_in_vain_nobody_waits_until_the_server_is_back(sleeps):
    connecting = Connecting()
    outcomes = iter([OperationalError("still away"), "connected", OperationalError("gone again"), "connected"])
    with pytest.raises(OperationalError, match="away"):
        connecting(lambda: given(OperationalError("away")))
    sleeps.clear()

    with pytest.raises(OperationalError, match="still away"):
        connecting(lambda: given(next(outcomes)))
    waits_during_outage = list(sleeps)
    found = [connecting(lambda: given(next(outcomes))) for _ in range(2)]

    assert waits_during_outage == []
    assert found == ["connected", "connected"]
    assert len(sleeps) == 1


@pytest.mark.parametrize(
    "fault",
    [
        OperationalError('FATAL: password authentication failed for user "ease"'),
        OperationalError('FATAL: database "ease" does not exist'),
        ValueError("a bug"),
    ],
    ids=str,
)
def test_what_waiting_cannot_cure_is_raised_at_once(sleeps, fault):
    with pytest.raises(type(fault)) as caught:
        Connecting()(lambda: given(fault))

    assert caught.value is fault
    assert sleeps == []


def test_a_server_that_comes_up_a_little_later_is_waited_for(committed, monkeypatch):
    """E-SYS-1, with a real server: it can be reached only after the first wait."""
    right = dict(connection.settings_dict)
    opened = DatabaseWrapper({**right, "HOST": "127.0.0.1", "PORT": 1}, "default")
    params = opened.get_connection_params()
    monkeypatch.setattr(
        database.time, "sleep", lambda _: params.update(connection.get_connection_params(), port=right["PORT"])
    )

    raw = opened.get_new_connection(params)

    assert raw.info.dbname == committed
    raw.close()


def given(outcome):
    """Return the outcome, or raise it."""
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
