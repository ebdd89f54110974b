package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// checkTag decides whether a push may make tag mean m. The caller holds the
// tag's lock, and sets the tag only where it still holds what was says. A check
// that has no answer refuses.
//
//	kind of tag   unset              set to the same   set to another
//	version       a readable plugin  yes               no (409)
//	channel       no (403)           yes               no (403)
//	sha256-…      yes                yes               if all that it held stays, in order (else 409)
//	a ledger's    statements         yes               if it only grows (else 409)
func (g *Registry) checkTag(ctx context.Context, repo, tag string, m *storage.Manifest, parts sent) (have digest.Digest, was driver.Held, err error) {
	free := g.opts.settings(ctx, repo).FreeTags
	t, err := artifact.ParseTag(tag)
	if err != nil && !free && !isLedgers(repo) {
		return "", was, errcode.Refuse(http.StatusBadRequest, errcode.TagInvalid, "%s", err)
	}
	have, was, err = g.storage.HeldTag(ctx, repo, tag)
	switch {
	case errors.Is(err, artifact.ErrNotFound):
	case err != nil && free && errors.Is(err, artifact.ErrUnverified): // a damaged one may be replaced
	case err != nil:
		return have, was, storage.CouldNotTell(fmt.Sprintf("what tag %q of %s holds", tag, repo), err)
	}
	if free || have == m.Digest {
		return have, was, nil
	}
	return have, was, g.checkMove(ctx, repo, t, tag, have, m, parts)
}

// checkMove decides whether tag, which means have or nothing, may mean m.
func (g *Registry) checkMove(ctx context.Context, repo string, t artifact.Tag, tag string, have digest.Digest, m *storage.Manifest, parts sent) error {
	if isLedgers(repo) {
		return g.checkLedger(ctx, repo, tag, have, m)
	}
	switch t.Kind() {
	case artifact.TagVersion:
		if have != "" {
			return g.immutable(ctx, repo, tag, have, m)
		}
		return g.checkPlugin(ctx, repo, t, m, parts)
	case artifact.TagChannel:
		return notByPush(repo, tag, m)
	case artifact.TagDigest:
		return g.checkGrows(ctx, repo, t, have, m)
	default:
		return g.checkLedger(ctx, repo, tag, have, m)
	}
}

// immutable refuses another digest under a version tag and says how to fix it.
func (g *Registry) immutable(ctx context.Context, repo, tag string, have digest.Digest, m *storage.Manifest) error {
	detail := map[string]string{"tag": tag, "have": have.String(), "got": m.Digest.String()}
	another := "publish another version" + g.nextFree(ctx, repo, tag, detail)
	fix := another
	if old, err := g.storage.ManifestContent(ctx, repo, have); err == nil && sameFiles(old, m) {
		fix = "the files are the same, only the manifest differs: oras stamps the time of each push, so push again with"
		if created := old.Annotations[ocispec.AnnotationCreated]; created != "" {
			fix += fmt.Sprintf(" --annotation %s=%s", ocispec.AnnotationCreated, created)
		} else {
			fix += fmt.Sprintf("out the annotation %s", ocispec.AnnotationCreated)
		}
		fix += " and the same annotations as before, or " + another
	}
	return errcode.Refuse(http.StatusConflict, errcode.Denied,
		"version tag %q of %s is immutable: it holds %s and this push is %s; %s", tag, repo, have, m.Digest, fix).Coded(errcode.StableVersionTaken).Detail(detail)
}

// nextFree says which versions can be published where that of tag is taken, and
// adds them to detail as next_patch, next_minor and next_major. It says nothing
// where the tags cannot be read: the refusal stands without it.
func (g *Registry) nextFree(ctx context.Context, repo, tag string, detail map[string]string) string {
	v, err := artifact.ParseVersionTag(tag)
	if err != nil {
		return ""
	}
	names, err := g.storage.TagNames(ctx, repo)
	if err != nil {
		return ""
	}
	var taken []artifact.Version
	for _, name := range names {
		if t, err := artifact.ParseVersionTag(name); err == nil {
			taken = append(taken, t)
		}
	}
	next := artifact.NextFreeVersions(v, taken)
	var words []string
	for key, n := range map[string]artifact.Version{"next_patch": next.Patch, "next_minor": next.Minor, "next_major": next.Major} {
		if !n.IsZero() {
			detail[key] = n.String()
		}
	}
	for _, n := range next.All() {
		words = append(words, n.String())
	}
	if len(words) == 0 {
		return ""
	}
	return "; free are " + strings.Join(words, ", ")
}

// sameFiles reports whether two manifests carry the same config and layers.
func sameFiles(a, b *storage.Manifest) bool {
	return slices.EqualFunc(a.References(), b.References(), func(x, y ocispec.Descriptor) bool { return x.Digest == y.Digest })
}

func notByPush(repo, tag string, m *storage.Manifest) error {
	return errcode.Refuse(http.StatusForbidden, errcode.Denied,
		"tag %q of %s is a channel, and a channel moves by promotion, not by a push: push a version tag such as 1.2.3, then oarlock channel set %s@<version> %s", tag, repo, repo, tag).
		Detail(map[string]string{"tag": tag, "got": m.Digest.String()})
}

// checkGrows lets a digest tag change only by additions. New layers of a .sig,
// .att or .sbom come behind those it has, so that a verifier that reads a
// limited number of them counts what it counted before. The entries of a
// referrers index stay, in their order; new ones may come between, because
// clients sort them by digest and readers ask for all. An index holds nothing
// when it is the subject itself, to which cosign copy gives this tag.
func (g *Registry) checkGrows(ctx context.Context, repo string, t artifact.Tag, have digest.Digest, m *storage.Manifest) error {
	index := t.Suffix() == ""
	itself := index && t.SpeaksOf(m.Digest)
	if m.IsIndex() != index && !itself {
		want := ocispec.MediaTypeImageManifest
		if index {
			want = ocispec.MediaTypeImageIndex
		}
		return errcode.Refuse(http.StatusBadRequest, errcode.ManifestInvalid, "tag %q holds a manifest of type %q, got %q", t, want, m.Type)
	}
	if have == "" || index && t.SpeaksOf(have) {
		return nil
	}
	old, err := g.storage.ManifestContent(ctx, repo, have)
	if err != nil {
		return storage.CouldNotTell(fmt.Sprintf("what %s under tag %q of %s holds", have, t, repo), err)
	}
	var lost []string
	if index {
		lost = displaced(keys(old.Manifests, byDigest), keys(m.Manifests, byDigest))
	} else {
		lost = notBefore(keys(old.Layers, byContent), keys(m.Layers, byContent))
	}
	return lostError(repo, t.String(), have, m, lost, replaceHint(t))
}

// replaceHint is for cosign attest --replace, which takes statements away from
// its second run on.
func replaceHint(t artifact.Tag) string {
	if t.Suffix() != "att" {
		return ""
	}
	return " (cosign attest --replace takes statements away, which is refused by design: attest without --replace; of reviews the latest counts)"
}

func lostError(repo, tag string, have digest.Digest, m *storage.Manifest, lost []string, hint string) error {
	if len(lost) == 0 {
		return nil
	}
	return errcode.Refuse(http.StatusConflict, errcode.Denied,
		"tag %q of %s only grows: it holds %s, and %s would lose or reorder %d of its entries, the first %s; pull it again, add to it, and push that%s", tag, repo, have, m.Digest, len(lost), lost[0], hint).
		Detail(map[string]string{"tag": tag, "have": have.String(), "got": m.Digest.String(), "lost": lost[0]})
}

func byDigest(d ocispec.Descriptor) string { return d.Digest.String() }

// byContent tells two signatures over one payload apart: they differ in
// annotations. The media type decides whether a verifier counts them.
func byContent(d ocispec.Descriptor) string {
	text, err := json.Marshal(struct {
		MediaType   string
		Digest      digest.Digest
		Annotations map[string]string
	}{d.MediaType, d.Digest, d.Annotations})
	if err != nil {
		return d.Digest.String()
	}
	return string(text)
}

func keys(list []ocispec.Descriptor, key func(ocispec.Descriptor) string) []string {
	out := make([]string, len(list))
	for i, d := range list {
		out[i] = key(d)
	}
	return out
}

// displaced are the members of was that is does not have in the same order.
func displaced(was, is []string) (lost []string) {
	places := map[string][]int{}
	for i, k := range is {
		places[k] = append(places[k], i)
	}
	next := 0
	for _, k := range was {
		p := places[k]
		for len(p) > 0 && p[0] < next {
			p = p[1:]
		}
		if places[k] = p; len(p) == 0 {
			lost = append(lost, k)
			continue
		}
		next = p[0] + 1
	}
	return lost
}

// notBefore are the members of was with which is does not begin.
func notBefore(was, is []string) (lost []string) {
	for i, k := range was {
		if i >= len(is) || is[i] != k {
			lost = append(lost, k)
		}
	}
	return lost
}
