"""When to try again, and when to ask. Pure; seconds."""

AFTER_UNKNOWN_ASK = (60, 600, 3600, 86_400)


def with_jitter(seconds: float, fraction: float) -> float:
    """``seconds`` and up to a fifth more, for a ``fraction`` from 0 to 1: jitter only adds."""
    return seconds * (1 + 0.2 * fraction)


def next_ask(asked: int) -> int | None:
    """Seconds until the next enquiry after ``asked`` of them, or ``None``: people decide."""
    return AFTER_UNKNOWN_ASK[asked] if asked < len(AFTER_UNKNOWN_ASK) else None
