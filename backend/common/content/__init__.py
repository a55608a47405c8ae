"""What a file really is, by its bytes. Neither its name nor its declared type is believed.

`check` reads a picture (PNG, JPEG, GIF, WebP) or a PDF to its end and refuses what is not exactly that: another format,
a cut or damaged one, one that grows on whoever opens it (a picture bomb), one with something behind its end, one that
is an archive or a page, too (a polyglot), and a PDF that acts, carries files or is locked. It does not look for
viruses, and what passes is still served as a download that no browser runs.
"""

from backend.common.content.checking import JPEG, Content, ContentRefused, check, safe_name

__all__ = ["JPEG", "Content", "ContentRefused", "check", "safe_name"]
