-- +goose Up
-- When each version, by its digest, came to this site: the first note counts,
-- and is never changed. It outlives the rows of the audit log that it is from.
CREATE TABLE publications (
  repository   TEXT NOT NULL,
  digest       TEXT NOT NULL,
  published_at BIGINT NOT NULL,
  PRIMARY KEY (repository, digest)
);

INSERT INTO publications (repository, digest, published_at)
SELECT substr(resource, 12), substring(state_after from '"digest":"([^"]+)"'), min(at) FROM audit
WHERE action = 'plugin:publish' AND outcome = 'allowed' AND resource LIKE 'repository %'
  AND substring(state_after from '"digest":"([^"]+)"') IS NOT NULL
GROUP BY 1, 2;
