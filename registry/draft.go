package registry

import (
	"context"
	"fmt"
	"net/http"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage"
)

// A Draft is a manifest that nobody pushed yet, with what a judgement of it needs.
type Draft struct {
	Repository, Tag string
	MediaType       string // "" is what the manifest says
	Manifest        []byte
	// Parts are the config, and of an image index the manifests and configs of
	// its platforms. Each is known by its digest.
	Parts [][]byte
}

// A Refused is one thing that the gate says no to, as a client gets it told.
type Refused struct {
	Status  int    // HTTP
	OCICode string // of the distribution specification, such as "MANIFEST_INVALID"
	Code    string // the stable one, such as "version_taken"
	Message string
	Detail  any // what a program can read of it
	kind    error
}

func (r *Refused) Error() string { return r.Message }

// Unwrap gives the kind.
func (r *Refused) Unwrap() error { return r.kind }

// MayPush asks what the gate asks before it reads the body of a push: whether
// who may push, and publish where tag is that of a version, and whether the
// repository takes anything. Its error is a *Refused.
func (g *Registry) MayPush(ctx context.Context, who, repo, tag string) error {
	gate := draftGate{g}
	_, err := gate.approach(ctx, who, repo, tag)
	if err != nil {
		return gate.refused(ctx, repo, tag, err)[0]
	}
	return nil
}

// CheckPush says what a push of d would be refused for, in the order of the
// gate, by the functions that check pushes; nothing is none. It stores and
// reserves nothing. Layers of d that the repository has not got count with the
// sizes that d gives them.
func (g *Registry) CheckPush(ctx context.Context, who string, d Draft) []*Refused {
	gate := draftGate{g}
	at, err := gate.approach(ctx, who, d.Repository, d.Tag)
	if err != nil {
		return gate.refused(ctx, d.Repository, d.Tag, err)
	}
	var all []*Refused
	for _, err := range gate.check(ctx, at, d) {
		for _, one := range gate.refused(ctx, d.Repository, d.Tag, err) {
			if !said(all, one) {
				all = append(all, one)
			}
		}
	}
	return all
}

func said(all []*Refused, one *Refused) bool {
	for _, r := range all {
		if r.OCICode == one.OCICode && r.Message == one.Message {
			return true
		}
	}
	return false
}

// draftGate judges drafts as the registry judges pushes.
type draftGate struct{ *Registry }

// approach is how far a push comes before its body is read.
func (g draftGate) approach(ctx context.Context, who, repo, tag string) (route, error) {
	at := route{kind: routeManifest, repo: repo, who: who}
	if err := storage.CheckRepository(repo); err != nil {
		return at, err
	}
	if err := at.reference(tag); err != nil {
		return at, err
	}
	if err := g.enter(ctx, at, Push, at.setsVersion(http.MethodPut)); err != nil {
		return at, err
	}
	return at, at.badTag
}

// sent is what came with a draft. nil is a push: what counts is in the repository.
type sent map[digest.Digest][]byte

// mostComing is more bytes than any quota leaves room for.
const mostComing = 1 << 60

// check gives every error that a push of d would come upon.
func (g draftGate) check(ctx context.Context, at route, d Draft) (all []error) {
	parts := sent{}
	for _, part := range d.Parts {
		parts[digest.FromBytes(part)] = part
	}
	m, err := readDraft(d.MediaType, d.Manifest)
	if err != nil {
		return []error{err}
	}
	add := func(err error) {
		if err != nil {
			all = append(all, err)
		}
	}
	coming := map[digest.Digest]int64{} // bytes that would come
	for i, child := range m.Manifests {
		content, ok := parts[child.Digest]
		if !m.IsIndex() || !ok {
			continue // what is there was judged when it came, what is nowhere is told of the index
		}
		add(inPlace(i, g.checkChild(ctx, at, child, content, coming)))
	}
	_, _, err = g.checkTag(ctx, at.repo, at.tag, m, parts)
	add(err)
	if !m.IsIndex() {
		add(g.count(ctx, at.repo, m, coming))
	}
	var total int64
	for _, n := range coming { // sizes that a client claims: their sum must not wrap
		total = min(total+min(max(n, 0), mostComing), mostComing)
	}
	room, err := g.admitManifest(ctx, at, m, total)
	if err == nil {
		room.Release()
	}
	add(err)
	return all
}

// checkChild judges the manifest of one platform, which is pushed by digest.
func (g draftGate) checkChild(ctx context.Context, at route, d ocispec.Descriptor, content []byte, coming map[digest.Digest]int64) error {
	m, err := readDraft(d.MediaType, content)
	if err != nil {
		return err
	}
	if err := checkLoose(at.repo, m); err != nil {
		return err
	}
	at.tag, at.digest = "", m.Digest
	if _, err := g.storage.Revision(ctx, at.repo, m.Digest); err != nil {
		coming[m.Digest] = int64(len(content))
	}
	if err := g.count(ctx, at.repo, m, coming); err != nil {
		return err
	}
	room, err := g.admitManifest(ctx, at, m, 0) // the whole is asked of the index
	if err != nil {
		return err
	}
	room.Release()
	return nil
}

func inPlace(i int, err error) error {
	if err == nil {
		return nil
	}
	return inChild(i, err)
}

func readDraft(mediaType string, content []byte) (*storage.Manifest, error) {
	if len(content) > artifact.MaxManifest {
		return nil, manifestTooLarge(artifact.MaxManifest)
	}
	return parseManifest(mediaType, content)
}

// count adds the bytes that m needs and repo has not got. A size that is not
// that of the stored bytes is refused, as it is where m is stored.
func (g draftGate) count(ctx context.Context, repo string, m *storage.Manifest, coming map[digest.Digest]int64) error {
	missing, err := g.storage.Missing(ctx, repo, m, 0)
	for _, d := range missing {
		coming[d.Digest] = d.Size
	}
	return err
}

// refused gives err as the answer to a push would.
func (g draftGate) refused(ctx context.Context, repo, tag string, err error) (all []*Refused) {
	r, reqErr := http.NewRequestWithContext(ctx, http.MethodPut, "/", nil)
	if reqErr != nil { // nothing of it can be wrong
		return []*Refused{{Status: http.StatusInternalServerError, Message: "internal error"}}
	}
	r.URL.Path = fmt.Sprintf("/v2/%s/manifests/%s", repo, tag)
	answer := g.answerTo(r, err)
	for _, e := range answer.Answer() {
		all = append(all, &Refused{Status: answer.Status, OCICode: e.Code, Code: answer.Code(), Message: e.Message, Detail: e.Detail, kind: answer.Kind})
	}
	return all
}
