"""Hooks: how a lower slice hears from a higher one."""

from backend.common.hooks import Hook


def test_listeners_are_told_in_the_order_they_registered():
    heard: list[tuple[str, int]] = []
    hook: Hook[int] = Hook("test")
    hook.register(lambda notice: heard.append(("first", notice)))
    hook.register(lambda notice: heard.append(("second", notice)))

    hook(7)

    assert heard == [("first", 7), ("second", 7)]


def test_a_listener_registered_twice_is_told_once():
    heard: list[int] = []
    hook: Hook[int] = Hook("test")
    hook.register(heard.append)
    listener = heard.append
    hook.register(listener)

    hook(7)

    assert heard == [7]


def test_without_listeners_nothing_happens():
    assert Hook("test")(7) is None
