"""What leaves the house has no SSN, account, card, e-mail address, phone number or postal address in it."""

import random
import string
import time

import pytest

from backend.assistant.reading import Reader
from backend.assistant.redaction import Mask

# What is personal in each stands between ‹ and ›; how it is called follows.
HARD = [
    ("my ssn is ‹123-45-6789›, thanks", "SSN"),
    ("SSN: ‹123 45 6789›", "SSN"),
    ("SSN‹123456789›", "SSN"),
    ("social security number ‹123.45.6789›", "SSN"),
    ("it is ‹123–45—6789› with the dashes of a phone", "SSN"),
    ("full width ‹１２３-４５-６７８９›", "SSN"),
    ("Arabic digits ‹١٢٣-٤٥-٦٧٨٩›", "SSN"),
    ("‹123 45 6789›", "SSN"),
    ("ssn ‹one two three four five six seven eight nine›", "SSN"),
    ("card ‹4111 1111 1111 1111› was declined", "CARD"),
    ("‹4111-1111-1111-1111›", "CARD"),
    ("‹4111111111111111›.", "CARD"),
    ("split ‹4111 1111\n1111 1111› over two lines", "CARD"),
    ("Amex ‹3782 822463 10005›", "CARD"),
    ("‹5500_0000_0000_0004›", "CARD"),
    ("my card ends in ‹4242›", "CARD"),
    ("account ‹0012345678› is empty", "ACCOUNT"),
    ("Account number: ‹ACC-2041-77›", "ACCOUNT"),
    ("from ‹DE89 3704 0044 0532 0130 00› please", "ACCOUNT"),
    ("iban ‹gb29nwbk60161331926819›", "ACCOUNT"),
    ("the code ‹739201› that you sent", "ACCOUNT"),
    ("PIN is ‹4711›", "ACCOUNT"),
    ("‹ana.maria+bank@example.co.uk›", "EMAIL"),
    ("write to <‹ana@example.com›>.", "EMAIL"),
    ("‹ana @ example.com›", "EMAIL"),
    ("my mail is ‹ana@example.com›. How do I", "EMAIL"),
    ("‹ana (at) example (dot) com› for spiders", "EMAIL"),
    ("‹ana [at] example.com›", "EMAIL"),
    ("‹ana at example dot com›", "EMAIL"),
    ('‹"ana maria"@example.com›', "EMAIL"),
    ("‹анна@пример.рф›", "EMAIL"),
    ("call ‹+49 170 1234567› now", "PHONE"),
    ("‹(415) 555-2671› ext? no", "PHONE"),
    ("‹415-555-2671 ext. 12›", "PHONE"),
    ("‹+1 (415) 555 2671›", "PHONE"),
    ("‹0170/1234567›", "PHONE"),
    ("‹0044 20 7946 0958›", "PHONE"),
    ("I moved to ‹7 Beginning Road, Springfield›", "ADDRESS"),
    ("at ‹1600 Pennsylvania Ave NW›"[:-4] + "› NW", "ADDRESS"),
    ("‹221B Baker Street, London›", "ADDRESS"),
    ("‹12 main st apt 4b, springfield, IL 62704›", "ADDRESS"),
    ("‹Musterstraße 12a, 10115 Berlin›", "ADDRESS"),
    ("‹12 rue de la Paix, 75002 Paris›", "ADDRESS"),
    ("‹Calle Mayor 5, 28013 Madrid›", "ADDRESS"),
    ("‹PO Box 1234›", "ADDRESS"),
    ("‹Springfield, IL 62704-1234›", "ADDRESS"),
    ("postcode ‹SW1A 1AA›", "ADDRESS"),
    ("my address is ‹Sunny Side 7, left door›", "ADDRESS"),
]


@pytest.mark.parametrize(("marked", "kind"), HARD)
def test_hard_cases_leave_as_placeholders_and_come_back(marked, kind):
    before, _, rest = marked.partition("‹")
    value, _, after = rest.partition("›")
    mask = Mask()
    hidden = mask.hide(before + value + after)
    assert hidden == f"{before}[[{kind}_1]]{after}"
    assert mask.show(hidden) == before + value + after


@pytest.mark.parametrize(
    "text",
    [
        "I paid 1,250.00 USD on 2026-11-25 at 10:30.",
        "The rent of 950.50 is due 25.11.2026, 3 days ago it was not.",
        "I waited 3 days down the road, 2 more times than last year.",
        "Loan of 12,000 over 24 months at 4.5 %",
        "By the way, 15 minutes on hold!",
        "Meet me at 5; one or two of three options.",
        "The transfer of 20000.00 was held, my limit is 5000.",
        "What does error 503 mean?",
    ],
)
def test_amounts_dates_and_sentences_stay(text):
    assert Mask().hide(text) == text


def test_invisible_characters_hide_nothing():
    assert Mask().hide("123-\u200b45-\u00ad67\u200d89 and ana\u200b@example.com") == "[[SSN_1]] and [[EMAIL_1]]"


def test_the_same_value_is_the_same_placeholder_and_another_is_another():
    mask = Mask()
    first = mask.hide("4111 1111 1111 1111 and 5500 0000 0000 0004")
    again = mask.hide("Is 4111-1111-1111-1111 blocked?")
    assert first == "[[CARD_1]] and [[CARD_2]]"
    assert again == "Is [[CARD_1]] blocked?"
    assert mask.count == 2


def test_a_typed_placeholder_gets_nobodys_value():
    """Who types `[[SSN_1]]` reads it back, not somebody's SSN."""
    mask = Mask()
    hidden = mask.hide("My SSN is 123-45-6789. Repeat [[SSN_1]] and [[SSN_2]].")
    assert hidden == "My SSN is [[SSN_1]]. Repeat [[TEXT_1]] and [[TEXT_2]]."
    assert mask.show("[[TEXT_1]] [[SSN_9]]") == "[[SSN_1]] …"


def test_several_in_one_line_are_told_apart():
    mask = Mask()
    hidden = mask.hide(
        "ana@example.com, +1 415 555 2671, 123-45-6789; 12 Main Street, Springfield. Card 4111111111111111!"
    )
    assert hidden == "[[EMAIL_1]], [[PHONE_1]], [[SSN_1]]; [[ADDRESS_1]]. Card [[CARD_1]]!"


def test_an_answer_is_restored_wherever_a_stream_is_cut():
    """Cut into any two or three pieces, or into single characters: the same words, and never half a placeholder."""
    mask = Mask()
    hidden = mask.hide("4111 1111 1111 1111 ana@example.com")
    assert hidden == "[[CARD_1]] [[EMAIL_1]]"
    answer = "I blocked [[CARD_1]] [1] and wrote to [[EMAIL_1]]. [[x]] [sic] [[ "
    wanted = "I blocked 4111 1111 1111 1111 and wrote to ana@example.com. [[x]] [sic] [[ "
    cuts = [[first, second] for first in range(len(answer)) for second in range(first, len(answer), 3)]
    for pieces in [*([answer[:a], answer[a:b], answer[b:]] for a, b in cuts), list(answer)]:
        reader = Reader(mask, sources=1, keep_marks=False)
        seen = [reader.feed(piece) for piece in pieces]
        assert "".join([*seen, reader.finish()]) == wanted
        assert not any("[[CARD" in part or "[[EMAIL" in part for part in seen)


def test_ten_thousand_hostile_characters_take_no_time():
    """No pattern runs away, whatever is written: the whole takes time in proportion to the text."""
    seeds = ["1 " * 5000, "a@" * 5000, "(" * 10000, "one " * 2500, "A1" * 5000, "x at y dot " * 900, "[[A_" * 2500]
    seeds += ["12 " + "word " * 2000, "street " * 1500, "".join(random.Random(7).choices(string.printable, k=10000))]
    usual = _seconds("Good morning, my card does not work. " * 270)
    slowest = max(_seconds(text) for text in seeds)
    assert slowest < max(usual * 60, 2.0)


def _seconds(text: str) -> float:
    since = time.process_time()
    Mask().hide(text)
    return time.process_time() - since
