-- +goose Up
-- Addresses at which accounts are told. A token that confirms one is kept as its
-- digest. confirmed_at is 0 until somebody who reads the address said so.
CREATE TABLE mailboxes (
  owner        TEXT NOT NULL,
  address      TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  token        BYTEA NOT NULL,
  token_until  BIGINT NOT NULL,
  confirmed_at BIGINT NOT NULL,
  suspended_at BIGINT NOT NULL,
  reason       TEXT NOT NULL,
  PRIMARY KEY (owner, address)
);
CREATE INDEX mailboxes_token ON mailboxes (token);

-- Who was asked to confirm, and by whom, so that nobody is asked too often.
CREATE TABLE mailbox_asks (
  number   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  whom     TEXT NOT NULL,
  asked_at BIGINT NOT NULL
);
CREATE INDEX mailbox_asks_whom ON mailbox_asks (whom, asked_at);
CREATE INDEX mailbox_asks_at ON mailbox_asks (asked_at);

ALTER TABLE subscriptions ADD COLUMN frequency TEXT NOT NULL DEFAULT 'at_once';
