-- +goose Up
-- Letters that ask who reads an address, by the digest of their token: each confirms
-- any account that waits for the address, whoever had it sent.
CREATE TABLE mailbox_letters (
  token   BLOB PRIMARY KEY,
  mailbox TEXT NOT NULL,
  until   BIGINT NOT NULL
);
CREATE INDEX mailbox_letters_until ON mailbox_letters (until);

-- What two spellings of one address have in common.
ALTER TABLE mailboxes ADD COLUMN mailbox TEXT NOT NULL DEFAULT '';
UPDATE mailboxes SET mailbox = lower(address);
CREATE INDEX mailboxes_mailbox ON mailboxes (mailbox);
