"""How the OpenAPI document shows our credentials, and which routes need none."""

import pytest


@pytest.fixture
def document(anybody) -> dict:
    return anybody.get("/api/schema/", HTTP_ACCEPT="application/json").json()


def test_the_four_kinds_of_credentials_are_described(document):
    """K-41."""
    schemes = document["components"]["securitySchemes"]

    assert sorted(schemes) == ["apiKey", "bearer", "cookie", "token"]
    bearer, cookie, token, key = schemes["bearer"], schemes["cookie"], schemes["token"], schemes["apiKey"]
    assert (token["type"], token["in"], token["name"]) == ("apiKey", "header", "Authorization")
    assert (key["type"], key["in"], key["name"]) == ("apiKey", "header", "X-Api-Key")
    assert (bearer["type"], bearer["scheme"], bearer["bearerFormat"]) == ("http", "bearer", "JWT")
    assert (cookie["type"], cookie["in"], cookie["name"]) == ("apiKey", "cookie", "accessToken")


@pytest.mark.parametrize(
    ("path", "method", "security"),
    [
        ("/api/users/login/", "post", [{}]),
        ("/api/users/register/", "post", [{}]),
        ("/api/auth/refresh/", "post", [{}]),
        ("/api/users/logout/", "get", [{"bearer": []}, {"token": []}]),
        ("/api/users/logout/", "post", [{"bearer": []}, {"token": []}]),
        ("/api/users/changepwd/", "put", [{"bearer": []}, {"token": []}, {"cookie": []}]),
        ("/api/auth/api-key/", "get", [{"apiKey": []}]),
    ],
)
def test_each_route_says_whether_it_needs_the_credential(document, path, method, security):
    assert document["paths"][path][method]["security"] == security
