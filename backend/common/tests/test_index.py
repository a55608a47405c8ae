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


def test_a_browser_gets_the_same_as_a_page():
    client = APIClient()

    page = client.get("/", HTTP_ACCEPT="text/html,application/xhtml+xml,*/*;q=0.8")
    others = [client.get("/", HTTP_ACCEPT=kind) for kind in ("*/*", "application/json", "application/json, text/html")]

    assert (page["Content-Type"], "Accept" in page["Vary"]) == ("text/html; charset=utf-8", True)
    assert ("/api/auth/refresh/" in page.text, "/api/docs/" in page.text) == (True, True)
    assert {answer["Content-Type"] for answer in others} == {"application/json"}
    assert client.get("/?format=json", HTTP_ACCEPT="text/html")["Content-Type"] == "application/json"
    assert client.get("/favicon.ico")["Content-Type"] == "image/svg+xml"


def test_the_front_page_is_for_everybody():
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION="Bearer stale")

    assert client.get("/").status_code == 200
