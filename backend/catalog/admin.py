"""The admin pages of the catalogue: diagnostic tests, help articles and tags (S3-R16)."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from backend.catalog.models import NAME_MAX, Item, ItemTag, Tag
from backend.catalog.services import desk
from backend.common.adminpages import ThroughServices
from backend.common.unit_of_work import unit_of_work


class ItemForm(forms.ModelForm):
    """Tags are written as words; those that are not there yet are made."""

    tag_names = forms.CharField(required=False, label="Tags", help_text="Separated by commas.")

    class Meta:
        model = Item
        fields: ClassVar = [
            *("kind", "owner", "title", "slug", "description", "time_minutes", "price", "link", "published_at")
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            carried = ItemTag.objects.filter(item=self.instance).order_by("tag_id")
            self.fields["tag_names"].initial = ", ".join(carried.values_list("tag__name", flat=True))

    def clean_tag_names(self) -> list[str]:
        names = [name.strip() for name in self.cleaned_data["tag_names"].split(",")]
        if any(len(name) > NAME_MAX for name in names):
            raise forms.ValidationError(f"A tag has at most {NAME_MAX} characters.")
        return [name for name in names if name]


class Deletable(ThroughServices):
    """Pages whose rows nobody else refers to: they may go, one unit of work each time."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with unit_of_work():
            return super().delete_view(request, *args, **kwargs)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with unit_of_work():
            for obj in queryset:
                self.delete_model(request, obj)


@admin.register(Item)
class ItemAdmin(Deletable):
    form = ItemForm
    list_display = ["title", "kind", "owner", "price", "time_minutes", "published_at", "updated_at"]
    list_filter = ["kind"]
    list_select_related = ["owner"]
    search_fields = ["title"]
    raw_id_fields = ["owner"]
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Item]:
        return super().get_queryset(request).defer("search")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Whose an item is decides which tags it may carry; its kind, which rules hold for it."""
        return ["owner", "kind"] if obj else []

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, ...]:
        """Its picture protects no item here: the service drops it first."""
        deletable, counts, perms_needed, _ = super().get_deleted_objects(objs, request)
        return deletable, counts, perms_needed, []

    def save_model(self, request: HttpRequest, obj: Item, form: Any, change: bool) -> None:
        names = form.cleaned_data["tag_names"]
        desk.keep_item(actor_id=_acting(request), item=obj, tags=names, fields=form.changed_data)

    def delete_model(self, request: HttpRequest, obj: Item) -> None:
        desk.drop_item(actor_id=_acting(request), item=obj)


@admin.register(Tag)
class TagAdmin(Deletable):
    list_display = ["name", "owner"]
    list_select_related = ["owner"]
    search_fields = ["name"]
    raw_id_fields = ["owner"]
    show_full_result_count = False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["owner"] if obj else []

    def save_model(self, request: HttpRequest, obj: Tag, form: Any, change: bool) -> None:
        desk.keep_tag(actor_id=_acting(request), tag=obj)

    def delete_model(self, request: HttpRequest, obj: Tag) -> None:
        desk.drop_tag(actor_id=_acting(request), tag=obj)


def _acting(request: HttpRequest) -> int:
    assert request.user.pk is not None  # noqa: S101 - the site lets nobody else in
    return int(request.user.pk)
