package driver

import (
	"path"
	"strings"

	"github.com/opencontainers/go-digest"
)

// The roots of the two halves of the storage; the documentation of
// package registry draws them.
const (
	BlobRoot       = "/docker/registry/v2/blobs"
	RepositoryRoot = "/docker/registry/v2/repositories"
	MarkRoot       = "/oarlock/repositories"
	MarkFile       = "_repository"
	ReferrerRoot   = "/oarlock/referrers"
	LayoutPath     = "/oarlock/layout"
	SecretPath     = "/oarlock/upload-secret"
)

// These join names whose grammar was checked, so there is nothing to clean.

// BlobPath is where the bytes of d are.
func BlobPath(d digest.Digest) string {
	hex := d.Encoded()
	return BlobRoot + "/" + d.Algorithm().String() + "/" + hex[:2] + "/" + hex + "/data"
}

// LayerPath is the link that makes the blob d belong to repo.
func LayerPath(repo string, d digest.Digest) string {
	return RepositoryRoot + "/" + repo + "/_layers/" + d.Algorithm().String() + "/" + d.Encoded() + "/link"
}

// RevisionsDir holds the links to the manifests of repo.
func RevisionsDir(repo string) string { return RepositoryRoot + "/" + repo + "/_manifests/revisions" }

// RevisionPath is the link that makes the manifest d belong to repo.
func RevisionPath(repo string, d digest.Digest) string {
	return RevisionsDir(repo) + "/" + d.Algorithm().String() + "/" + d.Encoded() + "/link"
}

// TagsDir holds a folder for each tag of repo.
func TagsDir(repo string) string { return RepositoryRoot + "/" + repo + "/_manifests/tags" }

// TagDir is the folder of tag in repo.
func TagDir(repo, tag string) string { return TagsDir(repo) + "/" + tag }

// TagPath says what tag means in repo now.
func TagPath(repo, tag string) string { return TagDir(repo, tag) + "/current/link" }

// MarkPath is the file that puts repo into the list of repositories.
func MarkPath(repo string) string { return path.Join(MarkRoot, repo, MarkFile) }

// SubjectDir holds the referrers of subject in repo.
func SubjectDir(repo string, subject digest.Digest) string {
	return path.Join(ReferrerRoot, repo, "_subject", subject.Algorithm().String(), subject.Encoded())
}

// ReferrerPath is the descriptor of referrer, one of those of subject in repo.
func ReferrerPath(repo string, subject, referrer digest.Digest) string {
	return path.Join(SubjectDir(repo, subject), referrer.Algorithm().String()+"-"+referrer.Encoded())
}

// A LinkKind says what a link makes a repository hold.
type LinkKind string

// The kinds of link.
const (
	ManifestLink LinkKind = "manifest"
	BlobLink     LinkKind = "blob"
)

// LinkName reads the digest that a link file is named for; what a cut write
// left behind is not one.
func LinkName(at string) (digest.Digest, bool) {
	alg, hex, _ := strings.Cut(path.Base(at), "-")
	d := digest.NewDigestFromEncoded(digest.Algorithm(alg), hex)
	return d, d.Validate() == nil
}
