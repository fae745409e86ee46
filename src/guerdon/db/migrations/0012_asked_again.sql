-- An operator asks an idempotent provider again: the same message once more, after its debt was
-- settled. Such a one may go on the wire while its transaction is open, and not only pending.
ALTER TABLE message ADD COLUMN resent boolean NOT NULL DEFAULT false;
