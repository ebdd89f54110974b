package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/trust"
)

// Options say whose ledgers count.
type Options struct {
	// Platforms are the sites whose ledgers count, this one's own included.
	Platforms []trust.Signer
	// CacheSize is of how many statements the state after them is remembered;
	// 0 is 4096.
	CacheSize int
}

// A Judge judges ledgers. It may be used by many goroutines at once.
type Judge struct {
	trust atomic.Pointer[platforms]
	// cache has the state after statements that held, by trust and the whole
	// list up to there. The last digest alone would not do: it stands for the
	// statements before it, and not for what the list has in their places.
	cache *lru.Cache[[sha256.Size]byte, State]
}

type platforms struct {
	keys   []verifier
	digest digest.Digest
}

// New makes a Judge. Errors wrap artifact.ErrInvalid.
func New(o Options) (*Judge, error) {
	if o.CacheSize <= 0 {
		o.CacheSize = 4096
	}
	cache, err := lru.New[[sha256.Size]byte, State](o.CacheSize)
	if err != nil {
		return nil, err
	}
	j := &Judge{cache: cache}
	return j, j.SetPlatforms(o.Platforms)
}

// SetPlatforms changes whose ledgers count from then on.
func (j *Judge) SetPlatforms(signers []trust.Signer) error {
	p := &platforms{}
	var ids []string
	for _, s := range signers {
		v, err := newVerifier(s)
		if err != nil {
			return err
		}
		if slices.Contains(ids, v.id) {
			continue
		}
		p.keys, ids = append(p.keys, v), append(ids, v.id)
	}
	slices.Sort(ids)
	p.digest = digest.FromString("platforms " + strings.Join(ids, " "))
	j.trust.Store(p)
	return nil
}

// Digest changes whenever the same ledger may be judged differently.
func (j *Judge) Digest() digest.Digest { return j.trust.Load().digest }

// Read reads the ledger of ref from where it is kept and judges it. Nothing
// under its tag is an empty ledger, which holds where nothing is remembered.
func (j *Judge) Read(ctx context.Context, ref format.Ref, r policy.Reader, remembered format.Head) Judgement {
	empty := Judgement{Ref: ref}
	at, err := r.Tag(ctx, ref.Tag())
	switch {
	case errors.Is(err, artifact.ErrNotFound) && remembered.IsZero():
		f := found(CodeEmpty, 0, "", "%s: there is no ledger", ref)
		f.Outcome = policy.Allow
		empty.Kept = true
		empty.Findings = []Finding{*f}
		return empty
	case errors.Is(err, artifact.ErrNotFound):
		empty.Findings = []Finding{*found(CodeTruncated, 0, remembered.Digest, "%s: there is no ledger, and %d statements were known of it, the last %s", ref, remembered.Sequence, remembered.Digest)}
		return empty
	case err != nil:
		empty.Findings = []Finding{*found(policy.CodeUnreadable, 0, "", "%s: tag %q: %s", ref, ref.Tag(), err)}
		return empty
	}
	return j.ReadAt(ctx, ref, at, r, remembered)
}

// ReadAt is Read for the index with a digest, whatever the tag says.
func (j *Judge) ReadAt(ctx context.Context, ref format.Ref, at digest.Digest, r policy.Reader, remembered format.Head) Judgement {
	out := Judgement{Ref: ref, List: at}
	mediaType, raw, err := r.Manifest(ctx, at)
	if err == nil && digest.FromBytes(raw) != at {
		err = errors.New("its bytes have digest " + digest.FromBytes(raw).String())
	}
	if err != nil {
		out.Findings = []Finding{*found(policy.CodeUnreadable, 0, at, "%s: index %s could not be read: %s", ref, at, err)}
		return out
	}
	list, err := format.ParseList(mediaType, raw)
	if err != nil {
		out.Findings = []Finding{*found(CodeMalformed, 0, at, "%s: %s", ref, err)}
		return out
	}
	return j.Judge(ctx, ref, list, r, remembered)
}

// Judge judges a list whose statements r has. remembered is the last head that
// the caller knows of the ledger; the zero one is none.
func (j *Judge) Judge(ctx context.Context, ref format.Ref, list *format.List, r policy.Reader, remembered format.Head) Judgement {
	p := j.trust.Load()
	out := Judgement{Ref: ref, List: list.Digest, Head: list.Head()}
	w := walk{ctx: ctx, ref: ref, list: list, reader: r, platforms: p.keys}
	from := 0
	keys := p.keysOf(ref, list)
	for i := len(list.Statements); i > 0; i-- {
		if known, ok := j.cache.Get(keys[i-1]); ok {
			w.state, from = known, i
			break
		}
	}
	var problem *Finding
	for i := from; i < len(list.Statements) && problem == nil; i++ {
		if problem = w.step(i); problem == nil {
			j.cache.Add(keys[i], w.state)
		}
	}
	out.State = w.state
	relation := list.Contains(remembered)
	out.Kept = (relation == format.Same || relation == format.Longer) && w.state.Head.Sequence >= remembered.Sequence
	if problem != nil {
		out.Findings = append(out.Findings, *problem)
	}
	if gone := missing(ref, list, remembered); gone != nil {
		out.Findings = append(out.Findings, *gone)
	}
	if len(out.Findings) == 0 {
		f := found(CodeVerified, 0, out.Head.Digest, "%s: %d statements hold", ref, out.Head.Sequence)
		f.Outcome = policy.Allow
		out.Findings = []Finding{*f}
	}
	return out
}

// keysOf name the list up to each of its statements, as it is judged here.
func (p *platforms) keysOf(ref format.Ref, list *format.List) [][sha256.Size]byte {
	keys := make([][sha256.Size]byte, len(list.Statements))
	last := sha256.Sum256([]byte(p.digest.String() + " " + ref.String()))
	for i, d := range list.Statements {
		last = sha256.Sum256(append(last[:], d.Digest...))
		keys[i] = last
	}
	return keys
}

// missing says where list does not contain what was known before.
func missing(ref format.Ref, list *format.List, remembered format.Head) *Finding {
	switch list.Contains(remembered) {
	case format.Shorter:
		return found(CodeTruncated, 0, remembered.Digest, "%s: it ends after statement %d, and %d were known, the last %s",
			ref, len(list.Statements), remembered.Sequence, remembered.Digest)
	case format.Forked:
		return found(CodeForked, remembered.Sequence, list.Statements[remembered.Sequence-1].Digest, "%s: another one, %s, was known in this place",
			ref, remembered.Digest)
	}
	return nil
}
