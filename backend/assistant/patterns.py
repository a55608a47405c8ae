"""What personal data looks like. Every pattern is linear in the text: each repetition has a bound."""

import re

_I = re.IGNORECASE

_AT = r"(?:at|arroba|chez)"
_DOT = r"(?:dot|punkt|punto|point)"
_OPEN, _SHUT = r"\s{0,2}[(\[{<]\s{0,2}", r"\s{0,2}[)\]}>]\s{0,2}"

EMAILS = (
    re.compile(r'"[^"\n@]{1,64}"@[\w.-]{1,200}'),
    re.compile(r"[^\s@<>()\[\],;:\"]{1,64}@[^\s@<>()\[\],;:\"]{1,200}(?<![.!?'*_])"),
    re.compile(r"[\w.+-]{1,64} ?@ ?[\w-]{1,63}(?:(?:\.| \. )[\w-]{1,63}){1,5}"),
    re.compile(
        rf"[\w.+-]{{1,64}}{_OPEN}{_AT}{_SHUT}[\w-]{{1,63}}"
        rf"(?:(?:{_OPEN}(?:{_DOT}|\.){_SHUT}|\s{{1,2}}{_DOT}\s{{1,2}}|\.)"
        rf"[\w-]{{1,63}}){{1,5}}",
        _I,
    ),
    re.compile(
        rf"[\w.+-]{{1,64}}\s{{1,2}}{_AT}\s{{1,2}}[\w-]{{1,63}}(?:\s{{1,2}}{_DOT}\s{{1,2}}[\w-]{{1,63}}){{1,5}}", _I
    ),
)

IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[A-Z0-9]{11,30}|(?:[ -][A-Z]{4})?(?:[ -](?=[A-Z]{0,3}\d)[A-Z0-9]{4}){2,7}"
    r"(?:[ -]\d[A-Z0-9]{0,2})?)(?![A-Za-z0-9])",
    _I,
)

# A number as people write one: digits, or words for them, and what stands between two. A comma parts where a blank
# follows it and then a digit.
_WORDS = (
    "zero|oh|one|two|three|four|five|six|seven|eight|nine|"
    "null|eins|zwei|drei|vier|fünf|sechs|sieben|acht|neun|"
    "cero|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve"
)
_UNIT = rf"(?:\d|\b(?:{_WORDS})\b)"
_BETWEEN = r"(?:,(?=\w)|,\s(?=[^\W\d])|\s{0,2}[-./()_*·•]{0,2}\s{0,2})"
NUMBER = re.compile(
    rf"(?P<digits>(?:\+\s?|\()?{_UNIT}(?:{_BETWEEN}{_UNIT}){{5,60}})"
    r"(?:\s{0,2}(?:ext|extension|x|durchwahl)\.?\s{0,2}\d{1,6})?",
    _I,
)
_ALONE, _ENDS = r"(?<![\d.,/-])(?<!\d )", r"(?![.,/-]?\d)"
AMOUNT = re.compile(
    rf"{_ALONE}\d{{1,3}}(?:[,.' ]\d{{3}}){{0,3}}(?:[.,]\d{{2}}){_ENDS}|{_ALONE}\d{{4,7}}[.,]\d{{2}}{_ENDS}"
    rf"|{_ALONE}\d{{1,3}}(?:,\d{{3}}){{1,3}}{_ENDS}"
)
_DAY, _MONTH, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:19|20)\d\d"
DATE = re.compile(
    rf"{_ALONE}(?:{_YEAR}-{_MONTH}-{_DAY}|{_DAY}\.{_MONTH}\.{_YEAR}"
    rf"|{_MONTH}/{_DAY}/{_YEAR}|{_DAY}/{_MONTH}/{_YEAR}){_ENDS}"
)
SSN_BEFORE = r"(?i)\b(?:ssn|social security|sozialversicherung\w*)\W*(?:(?:number|no|nr|is|nummer|#)\W*){0,3}$"

CONTEXT = re.compile(
    r"\b(?P<what>account|acct|a/c|konto(?:nummer)?|cuenta|card|karte|cvv|cvc|iban|ssn|social security|routing|"
    r"sort code|customer (?:id|number)|pin|password|passcode|code)\b\W{0,3}"
    r"(?:(?:number|numbers|no|nr|id|is|was|ends in|ending in|ending|ist|:|=|#)\W{1,3}){0,3}"
    r"(?P<value>[A-Z0-9](?:[A-Z0-9]|[-./](?=[A-Z0-9])){2,40})",
    _I,
)

# Words that stand between a number and "road" or "way" in sentences, and never in an address.
_NOT_NAMES = (
    r"(?!(?:the|a|an|of|on|in|to|my|your|by|for|per|and|or|is|was|days?|weeks?|times?|hours?|years?|more|no)\b)"
)
_STREETS = (
    "street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|place|pl|square|sq|terrace|ter|way|"
    "parkway|pkwy|circle|cir|highway|hwy|trail|close|crescent|gardens|row|walk|alley|broadway|mews|quay"
)
_UNIT_NO = r"(?:,?\s{0,2}(?:apt|apartment|unit|suite|ste|flat|floor|fl|#)\.?\s{0,2}[\w-]{1,6})?"
_CITY = (
    r"(?:,?\s{1,2}(?:st\.\s)?[^\W\d_][\w'-]{1,20}(?:\s[^\W\d_][\w'-]{1,20}){0,2},?\s{1,2}(?:(?-i:[A-Z]{2})\s{1,2})?"
    r"\d{5}(?:-\d{4})?(?!\d)"
    r"|,\s{0,2}(?-i:[A-Z][a-z]{2,20}(?:\s[A-Z][a-z]{2,20})?)(?:,?\s(?-i:[A-Z]{2})\b)?)?"
)
ADDRESSES = (
    re.compile(
        rf"\b\d{{1,6}}[a-z]?(?:[-/]\d{{1,4}})?,?\s{{1,2}}"
        rf"(?:{_NOT_NAMES}[\w'.-]{{1,25}}\s{{1,2}}){{0,4}}(?:{_STREETS})\b\.?{_UNIT_NO}{_CITY}",
        _I,
    ),
    re.compile(
        r"\b[^\W\d_][\w.-]{0,30}?(?:straße|strasse|str\.|weg|platz|allee|gasse|ring|damm|ufer|straat|laan|gatan)\s{1,2}"
        r"\d{1,4}\s?(?:[a-z]\b)?(?:,?\s{1,2}(?:[A-Z]-)?\d{4,5}\s{1,2}[^\W\d_][\w-]{1,30})?",
        _I,
    ),
    re.compile(
        r"\b\d{1,4}(?:\s?(?:bis|ter|quater))?,?\s{1,2}(?:rue|avenue|boulevard|place|chemin|impasse|allée|quai|cours)\s"
        r"(?:(?:de|du|des|la|le|les|l')\s?){0,3}[\w'-]{2,30}(?:,?\s{1,2}\d{5}\s{1,2}[^\W\d_][\w-]{1,30})?",
        _I,
    ),
    re.compile(
        r"(?:\b(?:calle|avenida|avda|plaza|paseo|via|viale|piazza|corso|rua|ulica|ul)|\bc/)\.?\s"
        r"[\w' .-]{2,40}?,?\s{1,2}(?:n[º°o.]{0,2}\s?)?\d{1,4}\b(?:,?\s{1,2}\d{5}\s{1,2}[^\W\d_][\w-]{1,30})?",
        _I,
    ),
    re.compile(r"\bp\.?\s?o\.?\s?box\s{1,2}\d{1,8}|\b(?:postfach|apartado)\s{1,2}\d[\d ]{0,8}", _I),
    re.compile(r"\b[A-Z][\w.'-]{1,20}(?:\s[A-Z][\w.'-]{1,20}){0,2},?\s{1,2}[A-Z]{2}\s{1,2}\d{5}(?:-\d{4})?\b"),
    re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}\b", _I),
    re.compile(
        r"\b(?:zip(?:\scode)?|post\s?code|postal\scode|plz)\W{1,3}(?:is\s|ist\s)?"
        r"((?:[A-Z]-)?[A-Z]{0,2}\d[\w -]{2,9}\b)",
        _I,
    ),
    re.compile(
        r"\b(?:(?:home|postal|street|mailing|my|new|old|meine|neue)\s(?:address|adresse)|live[sd]?\s(?:at|in)|"
        r"moved\sto|ship(?:ped)?\sto|wohne\sin)\b\s{0,2}(?:is|ist|:|=)?\s{0,2}([^\n?!;:]{0,40}?\d[^\n?!;.]{0,60})",
        _I,
    ),
)
