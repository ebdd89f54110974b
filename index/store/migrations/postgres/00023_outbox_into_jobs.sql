-- +goose Up
-- One queue: statements that wait are jobs, those of one ledger in order.
INSERT INTO jobs (kind, key, payload, asked_at, due_at, leased_until, attempts, last_error)
SELECT topic, coalesce(convert_from(payload, 'UTF8')::jsonb ->> 'ledger', topic), payload, created_at, created_at, 0, attempts, last_error
FROM outbox WHERE topic = 'ledger' ORDER BY id;

DROP TABLE outbox;
