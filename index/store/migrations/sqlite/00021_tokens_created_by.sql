-- +goose Up
-- What one account made is counted whenever it makes another credential.
CREATE INDEX tokens_created_by ON tokens (created_by, created_at);
