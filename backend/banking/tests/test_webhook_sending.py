"""Where webhooks go and where they never go: addresses, names that change, slow and endless answers."""

import socket
import ssl
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from backend.banking import sending
from backend.banking.sending import AddressRefused, NotAnswered, checked, post, resolved
from backend.banking.tests.receiver import receiving

BODY, HEADERS = b'{"a":1}', {"webhook-id": "msg_1"}


@pytest.fixture(autouse=True)
def _loopback(settings):
    settings.WEBHOOK_LOOPBACK = True


@contextmanager
def talking(talk):
    """A server on loopback that answers one connection by `talk(connection)`."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        with connection:
            talk(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        listener.close()
        thread.join(5)


def resolving_to(monkeypatch, *answers):
    """Each name leads to these addresses, a list for each time that somebody asks."""
    waiting = list(answers)

    def getaddrinfo(host, port, **kwargs):
        found = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in found]

    monkeypatch.setattr(sending.socket, "getaddrinfo", getaddrinfo)


def test_the_body_arrives_as_it_is():
    with receiving(status=201) as receiver:
        status = post(receiver.url + "?a=b", headers=HEADERS, body=BODY)

    ((headers, body),) = receiver.heard
    assert (status, body, headers["webhook-id"]) == (201, BODY, "msg_1")
    assert headers["Host"] == receiver.url.split("/")[2]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "https://",
        "https:///hooks",
        "https://user:pw@example.com/",
        "https://example.com/#part",
        "https://example.com:99999/",
        "https://example.com:22/",
        "https://[::1/",
        "https://exämple.com/",
        "https://example.com/a b",
        "https://example.com/\r\nX: y",
        "https://example.com/" + "x" * 500,
        "javascript:alert(1)",
    ],
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(AddressRefused):
        checked(url)


def test_outside_of_development_only_tls_will_do(settings):
    settings.WEBHOOK_PLAIN_HTTP = False

    with pytest.raises(AddressRefused):
        checked("http://example.com/")
    assert checked("https://example.com/a?b=c").path == "/a?b=c"


@pytest.mark.parametrize(
    "ip",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "2002:a00:1::", "64:ff9b::a00:1", "2001:db8::1"),
        "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    ],
)
def test_addresses_inside_are_refused_in_every_disguise(settings, monkeypatch, ip):
    settings.WEBHOOK_LOOPBACK = False
    resolving_to(monkeypatch, [ip])

    with pytest.raises(AddressRefused):
        resolved(checked("https://partner.example/"))


@pytest.mark.parametrize("url", ["https://2130706433/", "https://0x7f.1/", "https://127.1/", "https://localhost/"])
def test_odd_spellings_of_this_machine_are_refused(settings, url):
    settings.WEBHOOK_LOOPBACK = False

    with pytest.raises((AddressRefused, NotAnswered)):
        resolved(checked(url))


def test_one_inner_address_among_public_ones_refuses_the_name(monkeypatch):
    resolving_to(monkeypatch, ["1.1.1.1", "10.0.0.1"])

    with pytest.raises(AddressRefused):
        resolved(checked("https://partner.example/"))


def test_a_name_that_leads_elsewhere_a_moment_later_leads_nowhere(settings, monkeypatch):
    """DNS rebinding: it was public when it was written down, and is asked again at each connect, once."""
    with receiving() as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        settings.WEBHOOK_LOOPBACK = False
        resolving_to(monkeypatch, ["1.1.1.1"], ["127.0.0.1"])
        url = f"http://partner.example:{port}/"

        assert resolved(checked(url)) == ["1.1.1.1"]
        with pytest.raises(AddressRefused):
            post(url, headers=HEADERS, body=BODY)
    assert receiver.heard == []


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch):
    """Asked once; whatever the name would say a second time is not heard."""
    with receiving() as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        resolving_to(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])

        assert post(f"http://partner.example:{port}/x", headers=HEADERS, body=BODY) == 204
    assert receiver.heard[0][0]["Host"] == f"partner.example:{port}"


def test_redirects_are_not_followed():
    with receiving() as other, receiving(status=307, headers={"Location": other.url}) as receiver:
        assert post(receiver.url, headers=HEADERS, body=BODY) == 307
    assert other.heard == []


def test_nobody_there_is_said_so():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(NotAnswered) as caught:
        post(f"http://127.0.0.1:{port}/", headers=HEADERS, body=BODY)
    assert caught.value.fault == "connect"
    with pytest.raises(NotAnswered) as caught:
        post("http://nowhere.invalid/", headers=HEADERS, body=BODY)
    assert caught.value.fault == "dns"


def drip(connection):
    """An answer that never ends, a byte at a time: each arrives well within any time-out."""
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    try:
        while True:
            connection.sendall(b"x")
            time.sleep(0.02)
    except OSError:
        return


def hundreds(connection):
    connection.recv(4096)
    try:
        while True:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            time.sleep(0.001)  # What piled up unread would be read after the cut.
    except OSError:
        return


@pytest.mark.parametrize("talk", [drip, hundreds, lambda connection: time.sleep(1.2)])
def test_who_talks_for_ever_is_cut(monkeypatch, talk):
    monkeypatch.setattr(sending, "DEADLINE_S", 0.3)

    with talking(talk) as url, pytest.raises(NotAnswered) as caught:
        post(url, headers=HEADERS, body=BODY)
    assert caught.value.fault == "timeout"


def test_an_endless_body_is_not_read_to_its_end():
    def talk(connection):
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        try:
            while True:
                connection.sendall(b"x" * 65536)
        except OSError:
            return

    with talking(talk) as url:
        assert post(url, headers=HEADERS, body=BODY) == 200


@pytest.mark.parametrize("said", [b"", b"220 mail.example ESMTP\r\n", b"HTTP/1.1 200 OK\r\n" + b"X" * 70_000])
def test_who_speaks_no_http_is_broken(said):
    def talk(connection):
        connection.recv(4096)
        connection.sendall(said)

    with talking(talk) as url, pytest.raises(NotAnswered) as caught:
        post(url, headers=HEADERS, body=BODY)
    assert caught.value.fault == "broken"


def test_tls_asks_for_a_certificate_of_the_name(tmp_path, monkeypatch):
    """One that the machine does not trust is refused; one of another name, too."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "partner.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("partner.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    trusting = ssl.create_default_context(cafile=pem)

    def talk(connection):
        try:
            with server.wrap_socket(connection, server_side=True) as secured:
                heard = b""
                while BODY not in heard:  # What is left unread would reset the connection.
                    heard += secured.recv(4096)
                secured.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        except OSError:
            return

    def ask(host):
        resolving_to(monkeypatch, ["127.0.0.1"])
        with talking(talk) as url:
            port = url.split(":")[2].strip("/")
            try:
                return post(f"https://{host}:{port}/", headers=HEADERS, body=BODY)
            except NotAnswered as fault:
                return fault.fault

    untrusted = ask("partner.example")
    monkeypatch.setattr(sending, "_tls", lambda: trusting)
    assert (untrusted, ask("other.example"), ask("partner.example")) == ("tls", "tls", 204)
