-- +goose Up
-- counted rises whenever the sums of a namespace are corrected by a count, so
-- that of two replicas that count at once only one corrects.
ALTER TABLE usage ADD COLUMN counted BIGINT NOT NULL DEFAULT 0;
