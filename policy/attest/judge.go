package attest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/internal/known"
	"github.com/oarlock/oarlock/policy/trust"
	"github.com/opencontainers/go-digest"
)

// name is the judge's name in findings.
const name = "attestation"

// maxUnverified is how many attestations that do not count a judgement shows,
// and how many findings beside them. All are looked at, and all that count are
// shown.
const maxUnverified = 64

// rules changes whenever the same evidence is judged differently.
const rules = "attest 5"

// A Signatures finds statements and says who signed them, and who signed the
// version itself: *signature.Judge is one.
type Signatures interface {
	Judge(ctx context.Context, s policy.Subject, r policy.Reader) (policy.Signature, error)
	Statements(ctx context.Context, s policy.Subject, r policy.Reader) policy.Statements
	Trust() *trust.Policy
}

// A Judge says which attestations of a version count. It is safe for
// concurrent use.
type Judge struct {
	signatures Signatures
	cache      *known.Cache[judged]
	pieces     *known.Cache[verdict]
	now        func() time.Time
}

// judged is a judgement that is kept. One of reviews depends on who signed the
// version too, and is kept with that in its key.
type judged struct {
	policy.Attestations
	reviewed bool
}

// New makes a Judge that keeps room for cacheSize judgements of usual size, 2 KiB
// each; 0 is 16384.
func New(signatures Signatures, cacheSize int) (*Judge, error) {
	return NewAt(signatures, cacheSize, time.Now)
}

// NewAt is New by another clock. It is asked for one thing: which reviews claim
// a time that is not yet.
func NewAt(signatures Signatures, cacheSize int, now func() time.Time) (*Judge, error) {
	if cacheSize <= 0 {
		cacheSize = 16384
	}
	return &Judge{signatures, known.New[judged](judgementBytes * int64(cacheSize)), known.New[verdict](verdictBytes), now}, nil
}

// judgementBytes is the room that is kept for one judgement, in bytes: one about
// much evidence takes that of many. What is not kept is judged again.
const judgementBytes = 2048

// heldBy is about how much memory a judgement takes, in bytes: others choose how
// much evidence there is, and what it says.
func heldBy(a policy.Attestations) int {
	raw, err := json.Marshal(a)
	if err != nil {
		return math.MaxInt32 // it is not kept
	}
	return 2 * len(raw)
}

// Digest changes whenever the same evidence may be judged differently.
func (j *Judge) Digest() digest.Digest {
	return digest.FromString(rules + " " + j.signatures.Trust().Digest().String())
}

// Judge judges what r holds about s. The error is that ctx ended; everything
// else is in the answer, which must not be changed.
func (j *Judge) Judge(ctx context.Context, s policy.Subject, r policy.Reader) (policy.Attestations, error) {
	ns := j.signatures.Trust().For(s.Publisher)
	found := j.signatures.Statements(ctx, s, r)
	h := &hearing{judge: j, ns: ns, now: j.now(), at: map[digest.Digest]int{}}
	key := found.Key
	if key != "" {
		key += " by " + ns.Digest().String()
		had, ok := j.cache.Get(key)
		if ok && had.reviewed {
			var err error
			if h.release, err = j.released(ctx, s, r, ns); err != nil {
				return policy.Attestations{}, err
			}
			had, ok = j.cache.Get(key + h.release.key())
		}
		if ok {
			return had.Attestations, ctx.Err()
		}
	}
	for one := range found.Each {
		if ctx.Err() != nil {
			break
		}
		h.hear(ctx, one)
	}
	if err := ctx.Err(); err != nil {
		return policy.Attestations{}, err
	}
	return j.judged(ctx, s, r, h, key)
}

// judged is the judgement of all that was heard, which is kept if key is not "".
func (j *Judge) judged(ctx context.Context, s policy.Subject, r policy.Reader, h *hearing, key string) (policy.Attestations, error) {
	reviewed := slices.ContainsFunc(h.all, func(one heard) bool { return one.Kind == policy.KindReview && one.Signer != "" })
	if reviewed {
		var err error
		if h.release, err = j.released(ctx, s, r, h.ns); err != nil {
			return policy.Attestations{}, err
		}
	}
	a := h.sum(s)
	if key == "" || !a.Settled() {
		return a, nil
	}
	if reviewed {
		j.cache.Add(key, judged{reviewed: true}, 0)
		key += h.release.key()
	}
	j.cache.Add(key, judged{a, reviewed}, heldBy(a))
	return a, nil
}

// hearing is one judgement under way.
type hearing struct {
	judge    *Judge
	ns       *trust.Namespace
	now      time.Time
	release  release // where there are reviews
	all      []heard
	at       map[digest.Digest]int // in all
	evidence []policy.Finding
}

type heard struct {
	policy.Attestation
	claims claims
}

// attestation judges one statement.
func (h *hearing) attestation(s policy.Statement, said *statement) heard {
	one := heard{Attestation: policy.Attestation{PredicateType: said.PredicateType, Kind: KindOf(said.PredicateType),
		Digest: s.Digest, Manifest: s.Manifest, Signer: s.Signer, Format: s.Format, Finding: s.Finding}}
	deny := func(code, format string, args ...any) heard {
		one.Finding = policy.Finding{Code: code, Outcome: policy.Deny, Digest: s.Digest, Judge: name, Detail: fmt.Sprintf(format, args...)}
		return one
	}
	if !said.isAbout(s.Subject) {
		one.Signer = ""
		return deny(policy.CodeOtherDigest, "the statement is about %s", said.subjects())
	}
	if s.Signer == "" {
		return one // what strangers say is not looked at
	}
	var err error
	if one.claims, err = read(said.PredicateType, said.Predicate); err != nil {
		return deny(policy.CodeMalformed, "%s", trimKind(err))
	}
	one.Builder = one.claims.builder
	if wanted, ok := h.takes(one.Attestation); !ok {
		return deny(policy.CodeOtherBuilder, "built by %.200q, expected %s", one.Builder, wanted)
	}
	if wanted, ok := h.takesSigner(one.Attestation); !ok {
		return deny(policy.CodeOtherSigner, "signed by %q, expected %s", one.Signer, wanted)
	}
	one.Verified = true
	return one
}

// takes reports whether the namespace takes what the builder built, and whom
// it takes.
func (h *hearing) takes(a policy.Attestation) (wanted string, ok bool) {
	if h.ns == nil {
		return "", false
	}
	var all []string
	for _, entry := range h.ns.Attestations {
		if !entry.AsksForBuilder() || !entry.Is(a.Kind, a.PredicateType) {
			continue
		}
		if entry.Takes(a.Builder) {
			return "", true
		}
		all = append(all, fmt.Sprintf("%q", entry.Builder+entry.BuilderPattern))
	}
	return strings.Join(all, " or "), len(all) == 0
}

// sum is the judgement of all that was heard.
func (h *hearing) sum(s policy.Subject) policy.Attestations {
	slices.SortFunc(h.all, func(a, b heard) int {
		return cmp.Or(cmp.Compare(a.PredicateType, b.PredicateType), cmp.Compare(a.Digest, b.Digest))
	})
	out := policy.Attestations{All: []policy.Attestation{}, Evidence: h.shown()}
	told := 0
	for _, one := range h.all {
		if own := h.release.own(one); own != nil {
			one.Verified, one.Finding = false, *own
		}
		if !one.Verified {
			if told++; told > maxUnverified {
				continue
			}
		}
		out.All = append(out.All, one.Attestation)
	}
	if h.ns == nil {
		return out
	}
	for _, entry := range h.ns.Attestations {
		if entry.Required {
			out.Votes = append(out.Votes, h.vote(s, entry))
		}
	}
	return out
}

// shown are the findings beside the attestations: all that could not be told,
// and the first of the others.
func (h *hearing) shown() []policy.Finding {
	var out []policy.Finding
	denied := 0
	for _, f := range h.evidence {
		if f.Outcome == policy.Deny {
			if denied++; denied > maxUnverified {
				continue
			}
		}
		out = append(out, f)
	}
	return out
}

// trimKind is what is wrong, without its kind. Names that others chose may make
// it as long as the statement.
func trimKind(err error) string {
	return fmt.Sprintf("%.500s", strings.TrimSuffix(err.Error(), ": "+artifact.ErrInvalid.Error()))
}
