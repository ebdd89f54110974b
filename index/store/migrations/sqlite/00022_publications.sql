-- +goose Up
-- When each version, by its digest, came to this site: the first note counts,
-- and is never changed. It outlives the rows of the audit log that it is from.
CREATE TABLE publications (
  repository   TEXT NOT NULL,
  digest       TEXT NOT NULL,
  published_at BIGINT NOT NULL,
  PRIMARY KEY (repository, digest)
) WITHOUT ROWID;

INSERT INTO publications (repository, digest, published_at)
SELECT substr(resource, 12), json_extract(state_after, '$.digest'), min(at) FROM audit
WHERE action = 'plugin:publish' AND outcome = 'allowed' AND resource LIKE 'repository %' AND json_valid(state_after)
  AND json_type(state_after, '$.digest') = 'text'
GROUP BY 1, 2;
