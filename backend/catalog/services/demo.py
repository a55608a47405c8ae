"""What the demo shows of the catalogue: the demo customer's own tests, the house's tests and help articles."""

from decimal import Decimal

from backend.catalog.models import Item
from backend.catalog.services import articles, diagnostic_tests
from backend.catalog.services.imports import import_tests
from backend.common import hooks
from backend.common.unit_of_work import unit_of_work
from backend.identity.models import User
from backend.identity.principals import principal_of

OWN = (
    ("Iron and ferritin", 10, "24.00", ("fatigue", "dizziness"), "Morning, eight hours without food."),
    ("Thyroid (TSH)", 10, "19.50", ("fatigue", "weight"), "Any time of day."),
    ("Long-term blood sugar (HbA1c)", 10, "15.90", ("thirst", "family: diabetes"), "No need to fast."),
)
HOUSE = """name,type,description,tags,price,time_minutes
Full blood count,BLOOD,The first look at tiredness and infections.,"fatigue,fever,dizziness",12.50,15
Kidney profile,BLOOD,Creatinine and urea.,"thirst,swelling,family: kidney disease",21.00,15
Lipid profile,BLOOD,Cholesterol and triglycerides.,"chest pain,family: heart disease,weight",18.00,15
Urine test,URINE,Sugar and protein and signs of infection.,"thirst,fever,pain",8.00,5
Yearly check-up,GENERAL HEALTH CHECKUP,What is worth a look each year.,"fatigue,weight,family: diabetes",95.00,60
"""
HELP = (
    (
        "Block a lost or stolen card",
        ("card", "security"),
        "Open **Accounts**, choose the account and tap **Block card**. It takes effect at once. "
        "Then tell us in the chat: we order a new one and look through the last payments with you.",
    ),
    (
        "Why a transfer is on hold",
        ("transfer", "security"),
        "Some transfers are looked at by a person first: unusually high ones, several within minutes, "
        "or the first one to somebody new from a new device. The amount is set aside, not gone. "
        "You hear as soon as it is released or refused, mostly within the hour.",
    ),
    (
        "Which documents we need from you",
        ("kyc", "documents"),
        "An identity card (both sides), passport or driving licence that is valid, and a letter not older than three "
        "months that shows your address. A clear photograph is enough: JPEG, PNG or PDF, at most 10 MB.",
    ),
    (
        "Keep to a budget",
        ("budget",),
        "Give a category a budget for the month. We write to you when four fifths of it are spent, and when it is used "
        "up. Compare months under **Summary**.",
    ),
    (
        "Sign out everywhere",
        ("security", "devices"),
        "Under **Devices** you see every phone and browser that is signed in. End one, or all but this one. "
        "If you do not know one of them, change your password, too.",
    ),
    (
        "Close your account",
        ("account",),
        "Pay what is open, move the rest to another bank and write to us in the chat. Statements stay available "
        "for ten years.",
    ),
)


def load_demo(demo: hooks.Demo) -> None:
    """Add what is missing; nothing that is there is touched. Two queries when all is there."""
    writer = demo.accounts["superuser"]
    if not Item.objects.filter(owner_id=demo.accounts["customer"]).exists():
        _add_own(demo.accounts["customer"])
    if not Item.objects.filter(owner_id=None).exists():
        import_tests(lines=HOUSE.splitlines(keepends=True), actor_id=writer)
        _write_help(writer)


def _add_own(user_id: int) -> None:
    actor = principal_of(User.objects.get(pk=user_id))
    with unit_of_work():
        for title, minutes, price, tags, text in OWN:
            diagnostic_tests.add_test(
                actor=actor, title=title, time_minutes=minutes, price=Decimal(price), tags=tags, description=text
            )


def _write_help(user_id: int) -> None:
    actor = principal_of(User.objects.get(pk=user_id))
    with unit_of_work():
        for title, tags, text in HELP:
            written = articles.write_article(actor=actor, title=title, description=text, tags=tags)
            articles.publish_article(actor=actor, slug=written.slug or "")
