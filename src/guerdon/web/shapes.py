"""Shapes of what redeemers send, the same at every door."""

from typing import Annotated

import msgspec

from guerdon.amount import MAX_TOKENS
from guerdon.fields import PRINTABLE, PRINTABLE_LINES

Amount = Annotated[int, msgspec.Meta(ge=1, le=MAX_TOKENS)]
Email = Annotated[str, msgspec.Meta(max_length=320, pattern=PRINTABLE)]
Address = Annotated[str, msgspec.Meta(max_length=2000, pattern=PRINTABLE_LINES)]
