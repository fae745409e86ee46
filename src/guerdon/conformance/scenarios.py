"""The scenarios, in the order they are played."""

from guerdon.conformance import afterwards, answering, belief, news
from guerdon.conformance.trial import Scenario

SCENARIOS: tuple[Scenario, ...] = (
    Scenario("answers", "An ordinary message is decided", answering.answers),
    Scenario("null-personal-data", "Email and address may be null", answering.null_personal_data),
    Scenario(
        "unknown-fields", "Fields that are not known are passed over", answering.unknown_fields
    ),
    Scenario(
        "any-text", "Quotes, markup, other alphabets and emoji are only text", answering.any_text
    ),
    Scenario(
        "reordered-fields",
        "The order of fields and blanks mean nothing",
        answering.reordered_fields,
    ),
    Scenario("currency", "A currency option's message is decided", answering.currency),
    Scenario(
        "connection-reuse", "A kept connection brings the next answer", answering.connection_reuse
    ),
    Scenario("failure", "A no is said in so many words, and stays", answering.failure),
    Scenario(
        "same-id-twice", "The same ID again: the same answer, one reward", answering.same_id_twice
    ),
    Scenario("same-id-at-once", "The same ID at once: one reward", answering.same_id_at_once),
    Scenario(
        "cut-connection", "The answer was lost: asked again, one reward", answering.cut_connection
    ),
    Scenario("two-ids", "Two IDs of one member: two rewards", answering.two_ids),
    Scenario("no-signature", "Without a signature: refused", belief.no_signature),
    Scenario("wrong-signature", "Signed with another secret: refused", belief.wrong_signature),
    Scenario("changed-body", "Changed after signing: refused", belief.changed_body),
    Scenario("stale-signature", "Signed ten minutes ago: refused", belief.stale_signature),
    Scenario("early-signature", "Signed ten minutes ahead: refused", belief.early_signature),
    Scenario(
        "redated-signature", "An old signature under a new date: refused", belief.redated_signature
    ),
    Scenario(
        "borrowed-signature", "Another message's signature: refused", belief.borrowed_signature
    ),
    Scenario(
        "two-signatures", "Two signatures, one of them right: believed", belief.two_signatures
    ),
    Scenario(
        "wrong-authorization", "Another Authorization value: refused", belief.wrong_authorization
    ),
    Scenario("not-json", "What is no JSON is refused", belief.not_json),
    Scenario("later", "Postponed, then a callback that is believed", news.later),
    Scenario("later-again", "A callback answered 503 comes again", news.later_again),
    Scenario("in-time", "Every answer is whole before the deadline", afterwards.in_time, True),
    Scenario(
        "whole-answers", "No answer was cut, no connection broke", afterwards.whole_answers, True
    ),
    Scenario("small-answers", "No answer is larger than 64 KiB", afterwards.small_answers, True),
    Scenario("no-server-errors", "No answer is a 5xx", afterwards.no_server_errors, True),
    Scenario("no-redirects", "No answer is a redirect", afterwards.no_redirects, True),
    Scenario("spelling", "A status is one of the four, to the letter", afterwards.spelling, True),
    Scenario("own-id", "An answer names no other transaction", afterwards.own_id, True),
)
