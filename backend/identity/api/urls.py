from django.urls import path

from backend.identity.api import account, cookies, login_logs, s1, s2, s3, security, superadmin, tokens, trail

urlpatterns = [
    # S0: cookies
    path("api/register/", cookies.Register.as_view()),
    path("api/login/", cookies.SignIn.as_view()),
    path("api/logout/", cookies.SignOut.as_view()),
    path("api/token/", cookies.Refresh.as_view()),
    path("api/auth-status/", cookies.Status.as_view()),
    # S1
    path("api/users/login/", s1.SignIn.as_view()),
    path("api/users/register/", s1.Register.as_view()),
    path("api/users/logout/", s1.SignOut.as_view()),
    path("api/users/changepwd/", s1.ChangePassword.as_view()),
    path("api/users/loginLog/", login_logs.LoginLogs.as_view()),
    path("api/users/loginLog/<uuid:log_id>/", login_logs.OneLoginLog.as_view()),
    path("api/superadmin/user/", superadmin.Users.as_view()),
    path("api/superadmin/user/<int:user_id>/", superadmin.OneUser.as_view()),
    path("api/superadmin/user/block/<int:user_id>/", superadmin.BlockUser.as_view()),
    # S2
    path("api/auth/login/", s2.SignIn.as_view()),
    path("api/auth/logout/", s2.SignOut.as_view()),
    path("api/profile/", s2.Profile.as_view()),
    path("api/profile/change-password/", s2.ChangePassword.as_view()),
    path("api/auth/password/change/", s2.ChangePassword.as_view(schema=None)),
    # S3, also without the trailing slash
    path("api/user/create/", s3.Register.as_view()),
    path("api/user/create", s3.Register.as_view(schema=None)),
    path("api/user/token/", s3.Token.as_view()),
    path("api/user/token", s3.Token.as_view(schema=None)),
    path("api/user/me/", s3.Me.as_view()),
    path("api/user/me", s3.Me.as_view(schema=None)),
    # Every door
    path("api/auth/refresh/", tokens.Refresh.as_view()),
    path("api/auth/token/refresh/", tokens.Refresh.as_view(schema=None)),
    path("api/auth/ws-ticket/", account.SocketTicket.as_view()),
    path("api/auth/sessions/", account.Sessions.as_view()),
    path("api/auth/sessions/<uuid:session_id>/", account.OneSession.as_view()),
    path("api/auth/password/forgot/", account.ForgotPassword.as_view()),
    path("api/auth/password/reset/", account.ResetPassword.as_view()),
    path("api/auth/api-key/", account.OwnKey.as_view()),
    path("api/audit-logs/", trail.AuditLogs.as_view()),
    path("api/audit-logs/export/", trail.AuditExport.as_view()),
    path("api/audit-logs/<uuid:entry_id>/", trail.OneAuditLog.as_view()),
    path("api/admin/audit-logs/", trail.AuditLogsAdmin.as_view()),
    path("api/admin/security-events/", security.SecurityEvents.as_view()),
    path("api/admin/security-events/<int:event_id>/resolve/", security.ResolveSecurityEvent.as_view()),
]
