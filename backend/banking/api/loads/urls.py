"""The routes of loads."""

from django.urls import path

from backend.banking.api.loads import tasks

urlpatterns = [path("api/tasks/<uuid:task_id>/", tasks.OneTask.as_view())]
