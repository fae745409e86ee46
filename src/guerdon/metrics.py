"""What Prometheus is told. Counters are touched on the hot path, so label lookups are cached."""

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 300)

_accepted = Counter("guerdon_accepted", "Redemptions accepted.", ["namespace"], registry=REGISTRY)
_refused = Counter(
    "guerdon_refused", "Redemptions refused, by reason.", ["namespace", "code"], registry=REGISTRY
)
_concluded = Counter(
    "guerdon_settled",
    "Transactions that moved, by their new status.",
    ["status"],
    registry=REGISTRY,
)
_attempts = Counter(
    "guerdon_attempts",
    "Finished attempts, by evidence.",
    ["provider", "evidence"],
    registry=REGISTRY,
)
TO_POST = Histogram(
    "guerdon_accept_to_post_seconds",
    "From the commit that accepts to the first byte of the POST.",
    buckets=_SECONDS,
    registry=REGISTRY,
)
TO_SETTLED = Histogram(
    "guerdon_accept_to_settled_seconds",
    "From acceptance to a closed transaction, where one process did both.",
    buckets=_SECONDS,
    registry=REGISTRY,
)
_batch = Histogram(
    "guerdon_batch_size", "Works committed together.", ["verb"], buckets=_SIZES, registry=REGISTRY
)
QUEUE_DEPTH = Gauge(
    "guerdon_queue_depth", "Messages waiting, by provider.", ["provider"], registry=REGISTRY
)
QUEUE_AGE = Gauge(
    "guerdon_queue_oldest_seconds",
    "Age of the oldest waiting message, by provider.",
    ["provider"],
    registry=REGISTRY,
)
BREAKER_OPEN = Gauge(
    "guerdon_breaker_open", "1 while a provider's breaker is open.", ["provider"], registry=REGISTRY
)
PAUSED = Gauge(
    "guerdon_provider_paused",
    "1 while a machine paused a provider.",
    ["provider"],
    registry=REGISTRY,
)
LOG_TROUBLE = Counter(
    "guerdon_log_trouble", "Times that the log could not be written.", registry=REGISTRY
)
POOL = Gauge("guerdon_pool", "Connections of the pools.", ["state"], registry=REGISTRY)


@cache
def accepted(namespace: str) -> Counter:
    """The counter of one namespace's acceptances."""
    return _accepted.labels(namespace)


@cache
def refused(namespace: str, code: str) -> Counter:
    """The counter of one namespace's refusals for one reason."""
    return _refused.labels(namespace, code)


@cache
def settled(status: str) -> Counter:
    """The counter of moves to one status."""
    return _concluded.labels(status)


@cache
def attempts(provider: str, evidence: str) -> Counter:
    """The counter of one provider's attempts with one kind of evidence."""
    return _attempts.labels(provider, evidence)


@cache
def batch(verb: str) -> Histogram:
    """The sizes of one verb's batches."""
    return _batch.labels(verb)


def exposition() -> bytes:
    """Everything, in the text format of Prometheus."""
    return generate_latest(REGISTRY)
