"""Key versions: older ones open, the newest seals, one command turns the rest (E-DATA-1)."""

from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.conf import settings as product
from django.core.management import CommandError, call_command

from backend.kyc import sealing
from backend.kyc.models import Profile
from backend.kyc.tests.access import person

PROFILE = "/api/kyc/profile/"


@pytest.fixture
def use_keys(settings):
    """Run on these versions, the newest first, until the test ends."""

    def use(*versions: str) -> None:
        settings.ENCRYPTION_KEY_SSN = settings.ENCRYPTION_KEY_ADDRESS = versions
        sealing.ssn_envelopes.cache_clear()
        sealing.address_envelopes.cache_clear()

    yield use
    settings.ENCRYPTION_KEY_SSN, settings.ENCRYPTION_KEY_ADDRESS = (
        product.ENCRYPTION_KEY_SSN,
        product.ENCRYPTION_KEY_ADDRESS,
    )
    sealing.ssn_envelopes.cache_clear()
    sealing.address_envelopes.cache_clear()


def new_key() -> str:
    return Fernet.generate_key().decode()


@pytest.mark.django_db
def test_after_turning_the_older_version_can_go(make_user, client_of, use_keys):
    old, new = new_key(), new_key()
    use_keys(old)
    clients = [client_of(make_user()) for _ in range(5)]
    for number, client in enumerate(clients):
        client.put(PROFILE, person(address=f"{number} Harbour Street"))
    use_keys(new, old)
    still_opens = clients[0].get(PROFILE).json()["address"]

    out = StringIO()
    call_command("turn_profile_keys", step=2, stdout=out)
    use_keys(new)

    assert still_opens == "0 Harbour Street"
    assert "5 profiles turned." in out.getvalue()
    assert [client.get(PROFILE).json()["address"] for client in clients] == [
        f"{number} Harbour Street" for number in range(5)
    ]


@pytest.mark.django_db
def test_turning_again_changes_nothing(make_user, client_of, use_keys):
    old, new = new_key(), new_key()
    use_keys(old)
    client_of(make_user()).put(PROFILE, person())
    use_keys(new, old)
    call_command("turn_profile_keys", stdout=StringIO())
    before = bytes(Profile.objects.get().address_sealed)

    call_command("turn_profile_keys", stdout=StringIO())

    assert bytes(Profile.objects.get().address_sealed) == before


@pytest.mark.django_db
def test_a_damaged_profile_is_named_and_the_others_are_turned(make_user, client_of, use_keys):
    old, new = new_key(), new_key()
    use_keys(old)
    users = [make_user() for _ in range(3)]
    for user in users:
        client_of(user).put(PROFILE, person())
    Profile.objects.filter(pk=users[1].pk).update(ssn_sealed=b"\x01" + bytes(90))
    use_keys(new, old)

    with pytest.raises(CommandError, match=f"users {users[1].pk}$"):
        call_command("turn_profile_keys", stdout=StringIO())
    use_keys(new)

    assert client_of(users[2]).get(PROFILE).json()["resubmit"] == []


@pytest.mark.django_db
def test_without_its_key_a_value_is_asked_for_again(make_user, client_of, use_keys):
    use_keys(new_key())
    client = client_of(make_user())
    client.put(PROFILE, person())
    use_keys(new_key())

    answer = client.get(PROFILE)

    assert (answer.status_code, answer.json()["resubmit"]) == (200, ["ssn", "address"])
