-- +goose Up
-- Lists of all emergencies, the newest first.
CREATE INDEX emergencies_created ON emergencies (created_at, id);
