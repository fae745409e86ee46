"""Whether an option may stand as it was saved: its provider is its programme's own, and proven
where the programme asks for that before anything goes live."""

from guerdon.access.rules import store as rules
from guerdon.db.pool import Tx
from guerdon.errors import ConformanceRequired, InvalidRequest
from guerdon.options import store as options
from guerdon.options.model import Option
from guerdon.providers import store as providers
from guerdon.providers.conformance import store as conformance


async def vet(tx: Tx, option: Option) -> None:
    """Refuses an option that was saved in this ``Tx``, and with it the ``Tx``.

    Raises ``InvalidRequest`` for a provider of another programme, and ``ConformanceRequired``.
    """
    if option.provider_id not in await providers.standing(tx, [option.namespace]):
        raise InvalidRequest(
            "The option cannot be saved like this.",
            errors=[{"pointer": "/providerId", "detail": "is no provider of this programme"}],
        )
    if not await rules.conformance_required(tx, option.namespace):
        return
    if not await _goes_live(tx, option):
        return
    kept = await conformance.last(tx, option.provider_id)
    if kept is None or not kept.counts:
        raise ConformanceRequired(
            "In this programme an option goes live only when its provider has passed "
            f"`guerdon conformance`. {_missing(kept)} Save the option switched off, or run it.",
            providerId=str(option.provider_id),
        )


async def _goes_live(tx: Tx, option: Option) -> bool:
    """Whether members can redeem from this provider now and could not before."""
    if option.archived or not option.enabled:
        return False
    rows = await options.versions(tx, option.namespace, option.name, below=option.version, limit=1)
    if not rows:
        return True
    before = rows[0].definition
    return not before["enabled"] or before["providerId"] != str(option.provider_id)


def _missing(kept: conformance.Kept | None) -> str:
    if kept is None:
        return "There is no report of it yet."
    if not kept.passed:
        return f"The last report has {kept.count['fail']} failures."
    return f"The last report counts no longer: {kept.overtaken_because}"
