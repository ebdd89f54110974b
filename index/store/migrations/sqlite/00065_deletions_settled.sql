-- +goose Up
-- settled: the deletion is stated, and stays; nobody asks what became of it any more.
ALTER TABLE plugin_deletions ADD COLUMN settled BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX plugin_deletions_open ON plugin_deletions (begun_at) WHERE NOT settled;
