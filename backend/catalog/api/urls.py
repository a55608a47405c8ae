"""The routes of the catalogue."""

from django.urls import path

from backend.catalog.api import articles, diagnostic_tests, images, items, recommendations

urlpatterns = [
    path("api/diagnostictest/diagnostictests/", diagnostic_tests.DiagnosticTests.as_view()),
    path("api/diagnostictest/diagnostictests/<int:test_id>/", diagnostic_tests.DiagnosticTest.as_view()),
    path("api/diagnostictest/tags/", diagnostic_tests.Tags.as_view()),
    path("api/diagnostictest/tags/<int:test_tag_id>/", diagnostic_tests.Tag.as_view()),
    path("api/diagnostictest/recommendations/", recommendations.Recommendations.as_view()),
    path("api/catalog/items/", items.Items.as_view()),
    path("api/catalog/items/<int:item_id>/", items.OneItem.as_view()),
    path("api/catalog/items/<int:item_id>/image/", images.ItemImage.as_view()),
    path("api/help/articles/", articles.Articles.as_view()),
    path("api/help/articles/<slug:slug>/", articles.Article.as_view()),
    path("api/help/articles/<slug:slug>/publish/", articles.Publish.as_view()),
    path("api/help/articles/<slug:slug>/withdraw/", articles.Withdraw.as_view()),
]
