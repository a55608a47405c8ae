"""`/`: what this is, and every route group (K-42)."""

from rest_framework.test import APIClient


def test_the_front_page_names_the_groups_of_routes():
    answer = APIClient().get("/")

    body = answer.json()
    assert answer.status_code == 200
    assert (body["name"], body["schema"]) == ("Ease", "/api/schema/")
    assert body["groups"]["users"] == [
        "/api/users/login/",
        "/api/users/register/",
        "/api/users/logout/",
        "/api/users/changepwd/",
        "/api/users/loginLog/",
        "/api/users/loginLog/<uuid:log_id>/",
        "/api/users/<int:person_id>/",
    ]
    assert "/api/auth/refresh/" in body["groups"]["auth"]


def test_the_front_page_is_for_everybody():
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION="Bearer stale")

    assert client.get("/").status_code == 200
