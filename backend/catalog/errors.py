"""What can be wrong in the catalogue."""

from backend.common.errors import Conflict, Forbidden, NotFound, RuleViolation


class TestUnknown(NotFound):
    code = "catalog.no_such_test"
    detail = "There is no such test."
    __test__ = False  # pytest would take the name for a test's.


class TagUnknown(NotFound):
    code = "catalog.no_such_tag"
    detail = "There is no such tag."


class ItemUnknown(NotFound):
    code = "catalog.no_such_item"
    detail = "There is no such item."


class ArticleUnknown(NotFound):
    code = "help.no_such_article"
    detail = "There is no such article."


class TagExists(Conflict):
    code = "catalog.tag_exists"
    detail = "You already have a tag of this name."


class StaffOnly(Forbidden):
    code = "help.staff_only"
    detail = "Only staff change what is the house's."


class StaleVersion(Conflict):
    code = "help.stale_version"
    detail = "Somebody changed the article meanwhile. Read it again."


class FileRefused(RuleViolation):
    code = "catalog.file_refused"
    detail = "The file has no column `name`."


class ImageUnknown(NotFound):
    code = "catalog.no_image"
    detail = "This item has no image."
