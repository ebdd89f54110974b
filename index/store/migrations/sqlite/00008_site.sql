-- +goose Up
-- One row: what the database belongs to, a "site" that asks for logins or one
-- for trying out ("dev"). A database without it is new, or was lost.
CREATE TABLE site (
  id         BIGINT PRIMARY KEY CHECK (id = 1),
  kind       TEXT NOT NULL,
  founded_at BIGINT NOT NULL
);
