package registry

import (
	"path"

	"github.com/opencontainers/go-digest"
)

// The roots of the two halves of the storage; doc.go draws them.
const (
	blobRoot       = "/docker/registry/v2/blobs"
	repositoryRoot = "/docker/registry/v2/repositories"
	markRoot       = "/oarlock/repositories"
	markFile       = "_repository"
	referrerRoot   = "/oarlock/referrers"
	layoutPath     = "/oarlock/layout"
	secretPath     = "/oarlock/upload-secret"
)

// These join names whose grammar was checked, so there is nothing to clean.

func blobPath(d digest.Digest) string {
	hex := d.Encoded()
	return blobRoot + "/" + d.Algorithm().String() + "/" + hex[:2] + "/" + hex + "/data"
}

func layerPath(repo string, d digest.Digest) string {
	return repositoryRoot + "/" + repo + "/_layers/" + d.Algorithm().String() + "/" + d.Encoded() + "/link"
}

func revisionsDir(repo string) string { return repositoryRoot + "/" + repo + "/_manifests/revisions" }

func revisionPath(repo string, d digest.Digest) string {
	return revisionsDir(repo) + "/" + d.Algorithm().String() + "/" + d.Encoded() + "/link"
}

func tagsDir(repo string) string { return repositoryRoot + "/" + repo + "/_manifests/tags" }

func tagDir(repo, tag string) string { return tagsDir(repo) + "/" + tag }

func tagPath(repo, tag string) string { return tagDir(repo, tag) + "/current/link" }

func markPath(repo string) string { return path.Join(markRoot, repo, markFile) }

func subjectDir(repo string, subject digest.Digest) string {
	return path.Join(referrerRoot, repo, "_subject", subject.Algorithm().String(), subject.Encoded())
}

func referrerPath(repo string, subject, referrer digest.Digest) string {
	return path.Join(subjectDir(repo, subject), referrer.Algorithm().String()+"-"+referrer.Encoded())
}
