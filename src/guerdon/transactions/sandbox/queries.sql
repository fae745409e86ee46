-- name: advance
-- Deadlines and enquiries of a test programme come nearer, locked in the order of all others. All
-- slots: only what is open is looked at.
WITH waiting AS MATERIALIZED (
    SELECT slot, transaction_id FROM transaction
    WHERE namespace = %(namespace)s
      AND status IN ('pending', 'postponed', 'recoverable-failure')
      AND (due_at IS NOT NULL OR next_ask_at IS NOT NULL)
    ORDER BY transaction_id
    FOR UPDATE)
UPDATE transaction t
SET due_at = t.due_at - make_interval(secs => %(seconds)s),
    next_ask_at = t.next_ask_at - make_interval(secs => %(seconds)s)
FROM waiting w
WHERE t.slot = w.slot AND t.transaction_id = w.transaction_id;

-- name: remove_jobs
-- Decisions that were made many at once; what they decided on is gone.
DELETE FROM bulk_job WHERE namespace = %(namespace)s;

-- name: remove_exports
-- What was written about transactions that are gone, and what it was.
DELETE FROM transaction_export WHERE namespace = %(namespace)s;
