from django.urls import path

from backend.identity.api import s1, tokens

urlpatterns = [
    path("api/users/login/", s1.SignIn.as_view()),
    path("api/users/register/", s1.Register.as_view()),
    path("api/users/logout/", s1.SignOut.as_view()),
    path("api/users/changepwd/", s1.ChangePassword.as_view()),
    path("api/auth/refresh/", tokens.Refresh.as_view()),
]
