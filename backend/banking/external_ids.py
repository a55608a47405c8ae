"""What partners may call things: names that can stand in an address, and that people can read."""

LENGTH_MAX = 60
# `/customers/upload/` is a route.
RESERVED = frozenset({"upload"})


def fault_of(name: str) -> str | None:
    """Return what is wrong with an `external_id`, or None."""
    if not name:
        return "This field may not be blank."
    if len(name) > LENGTH_MAX:
        return f"Ensure this field has no more than {LENGTH_MAX} characters."
    if not name.isprintable():
        return "Only characters that can be printed."
    if "/" in name or not name.strip("."):
        return "No slashes, and not dots alone: it is part of an address."
    if name in RESERVED:
        return "This name is taken by a route."
    return None
