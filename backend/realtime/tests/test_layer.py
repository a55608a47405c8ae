"""The channel layer against the real Valkey, beside the one of channels_redis that it must understand."""

import asyncio
import time
import uuid

import msgpack
import pytest
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.conf import settings

from backend.realtime import layer as layers
from backend.realtime.layer import Line, LineLayer


def _layers(kind=LineLayer, count=2):
    prefix = f"{settings.LAYER_PREFIX}-{uuid.uuid4().hex[:8]}"
    return [LineLayer(settings.REDIS_URLS, prefix), *(kind(hosts=settings.REDIS_URLS, prefix=prefix),) * (count - 1)]


async def _member(layer):
    channel = await layer.new_channel("hub.")
    await layer.group_add("rings", channel)
    return channel


@pytest.mark.parametrize("kind", [LineLayer, RedisPubSubChannelLayer])
def test_both_sides_hear_what_either_sends(kind):
    one, other = _layers(kind)

    async def play():
        channels = [await _member(one), await _member(other)]
        await one.group_send("rings", {"type": "from one", "text": b"\x00\r\n$3\r\n"})
        await other.group_send("rings", {"type": "from the other"})
        heard = [
            [await layer.receive(channel) for _ in range(2)]
            for layer, channel in zip((one, other), channels, strict=True)
        ]
        for layer in (one, other):
            await layer.flush()
        return [sorted(message["type"] for message in each) for each in heard]

    assert asyncio.run(asyncio.wait_for(play(), 20)) == [["from one", "from the other"]] * 2


def test_a_lost_connection_is_told_and_the_next_one_hears_again():
    (layer,) = _layers(count=1)

    async def play():
        channel = await _member(layer)
        lost = await layer.tap("rings", lambda message: None)
        for line in layer._here()._lines.values():
            line.close()
        with pytest.raises(ConnectionError):
            await layer.receive(channel)
        await lost
        with pytest.raises(ConnectionError):
            layer.group_send_now("rings", {"type": "to nobody"})
        await layer.group_add("rings", channel)
        layer.group_send_now("rings", {"type": "again"})
        return await layer.receive(channel)

    assert asyncio.run(asyncio.wait_for(play(), 20)) == {"type": "again"}


def test_one_who_listens_is_spared_its_own_and_survives_what_it_does_not_understand():
    (layer,) = _layers(count=1)
    heard = []

    async def play():
        def hear(message):
            heard.append(message["type"])

        await layer.tap("rings", hear, but=msgpack.packb({"origin": "me"})[1:])
        for message in ({"origin": "me", "type": "mine"}, {"origin": "you"}, {"origin": "you", "type": "yours"}):
            layer.group_send_now("rings", message)
        while not heard:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(play(), 20))
    assert heard == ["yours"]


class _Wire:
    """A transport that keeps what is written."""

    def __init__(self):
        self.written, self.aborted = b"", False

    def write(self, data):
        self.written += data

    def is_closing(self):
        return self.aborted

    def get_write_buffer_size(self):
        return 0

    def abort(self):
        self.aborted = True


def _line():
    heard = []
    line = Line(lambda channel, content: heard.append((channel, content)), lambda line: None)
    line._transport = _Wire()
    return line, heard


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
def test_messages_are_read_however_they_are_cut(step):
    line, heard = _line()
    message = b">3\r\n$7\r\nmessage\r\n$4\r\nroom\r\n$6\r\na\r\nb\r\n\r\n"
    stream = b":1\r\n" + message + b">3\r\n$9\r\nsubscribe\r\n$4\r\nroom\r\n:1\r\n" + message + b"+OK\r\n"
    for at in range(0, len(stream), step):
        line.data_received(stream[at : at + step])
    assert heard == [("room", b"a\r\nb\r\n")] * 2
    assert line._rest == b""


@pytest.mark.parametrize("answer", [b"-NOAUTH no\r\n", b">x\r\n", b">1\r\n$y\r\n"])
def test_an_error_or_garbage_ends_the_connection(answer):
    line, _ = _line()
    line.data_received(answer)
    assert line._transport.aborted


def test_a_server_that_answers_nothing_is_given_up(monkeypatch):
    line, _ = _line()
    line.publish("room", b"first")
    monkeypatch.setattr(layers, "SILENT_S", 0.01)
    time.sleep(0.02)
    with pytest.raises(ConnectionError):
        line.publish("room", b"second")
    assert line._transport.aborted
