package signature

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/internal/known"
	"github.com/oarlock/oarlock/policy/trust"
	"github.com/opencontainers/go-digest"
	"github.com/sigstore/sigstore-go/pkg/root"
)

// Limits of one piece of evidence. How many pieces there are is not limited:
// whoever may add one could fill a limit, and hide behind it what others added.
const (
	// MaxPayload is the largest simple-signing payload in bytes.
	MaxPayload = 64 << 10
	// MaxBundle is the largest sigstore bundle in bytes.
	MaxBundle = 1 << 20
	// MaxEvidenceManifest is the largest manifest that carries evidence, in bytes:
	// that of every registry. Of a larger one it could not be told what it says.
	MaxEvidenceManifest = artifact.MaxManifest
	// MaxFindings is how many findings about evidence that does not count a
	// judgement tells; it counts the others.
	MaxFindings = 64
)

// name is the judge's name in findings.
const name = "signature"

// Options of a Judge. The zero value trusts nobody.
type Options struct {
	Trust *trust.Policy
	// CacheSize is for how many judgements room is kept, at a kilobyte each; 0 is
	// 65536, which is 64 MiB. There is one for each version and policy. One about
	// much evidence takes the room of many, or is not kept; what is not kept is
	// judged again.
	CacheSize int
}

// A Judge says who signed. It is safe for concurrent use.
type Judge struct {
	trusted atomic.Pointer[trusted]
	cache   *known.Cache[policy.Signature]
	pieces  pieces
	// verified counts the signatures that were looked at.
	verified atomic.Uint64
}

// Verifications is how many signatures were verified so far, whatever came of
// it: what is remembered is not verified again.
func (j *Judge) Verifications() uint64 { return j.verified.Load() }

// trusted is a policy with its keys made ready.
type trusted struct {
	policy *trust.Policy
	digest digest.Digest
	rings  map[*trust.Namespace]ring
	roots  root.TrustedMaterial // of identities; nil where there is none
	// established are namespaces with the keys of publishers' ledgers.
	established *lru.Cache[ofLedger, established]
}

// New makes a Judge. An error wraps artifact.ErrInvalid: a key or a trusted
// root that nothing can be verified with.
func New(opts Options) (*Judge, error) {
	size := opts.CacheSize
	if size <= 0 {
		size = 65536
	}
	j := &Judge{cache: known.New[policy.Signature](judgementBytes * int64(size)), pieces: newPieces()}
	return j, j.SetTrust(opts.Trust)
}

// SetTrust replaces the policy for all judgements to come. On an error, which
// wraps artifact.ErrInvalid, the earlier policy stays.
func (j *Judge) SetTrust(p *trust.Policy) error {
	next := &trusted{policy: p, digest: p.Digest(), rings: map[*trust.Namespace]ring{}}
	var err error
	if next.roots, err = rootsOf(p); err != nil {
		return err
	}
	if next.established, err = lru.New[ofLedger, established](maxEstablished); err != nil {
		return err
	}
	for _, ns := range p.Namespaces() {
		r, err := newRing(ns)
		if err != nil {
			return fmt.Errorf("namespace %q: %w", ns.Name, err)
		}
		next.rings[ns] = r
	}
	j.trusted.Store(next)
	return nil
}

// Trust is the policy by which it judges.
func (j *Judge) Trust() *trust.Policy { return j.trusted.Load().policy }

// Digest is that of the trust policy: with it, judgements change.
func (j *Judge) Digest() digest.Digest { return j.trusted.Load().digest }

// Judge says who signed the subject, by what r holds. The error is that ctx
// ended; everything else is in the answer, which must not be changed.
func (j *Judge) Judge(ctx context.Context, s policy.Subject, r policy.Reader) (policy.Signature, error) {
	b := j.bench(ctx, s, r)
	sig := b.judge1(s.Digest)
	if s.Within != "" && sig.Status != policy.Verified {
		sig = b.judgeWithin(s, sig)
	}
	if err := ctx.Err(); err != nil {
		return policy.Signature{}, err
	}
	sig.Vote = vote(b.ns, s, sig)
	if sig.Status == "" && b.problem != nil {
		sig.Vote.Detail = fmt.Sprintf("the keys of the ledger of publisher %q count, and could not be told", s.Publisher)
	}
	return sig, nil
}

// bench is one judgement under way.
type bench struct {
	judge  *Judge
	ctx    context.Context
	reader policy.Reader
	ns     *trust.Namespace
	ring   ring
	roots  root.TrustedMaterial
	// problem is that it could not be told whom the publisher's ledger trusts.
	problem *policy.Finding
}

func (j *Judge) bench(ctx context.Context, s policy.Subject, r policy.Reader) *bench {
	t := j.trusted.Load()
	ns := t.policy.For(s.Publisher)
	b := &bench{judge: j, ctx: ctx, reader: r, ns: ns, ring: t.rings[ns], roots: t.roots}
	if ns != nil && ns.LedgerKeys {
		own := t.establish(ns, s)
		b.ns, b.ring, b.problem = own.ns, own.ring, own.problem
	}
	return b
}

// judge1 judges the evidence about one digest, without a vote.
func (b *bench) judge1(subject digest.Digest) policy.Signature {
	if subject.Validate() != nil || subject.Algorithm() != digest.SHA256 {
		return policy.Signature{Status: policy.Unsigned, Evidence: []policy.Finding{{Code: policy.CodeMalformed, Outcome: policy.Deny,
			Digest: subject, Judge: name, Detail: "not a sha256 digest, which is all that signatures speak about"}}}
	}
	found := b.gather(subject, signatures)
	key := ""
	if len(found.findings) == 0 {
		key = found.key(subject, b.ns)
		if sig, ok := b.judge.cache.Get(key); ok {
			return sig
		}
	}
	trial := &trial{bench: b, subject: subject, counted: map[string]bool{}, findings: found.findings}
	for _, e := range found.evidence {
		if b.ctx.Err() != nil {
			break // Judge answers with the context's error
		}
		trial.try(e)
	}
	sig := trial.sum()
	for _, e := range found.evidence {
		sig.Digests = append(sig.Digests, e.digest)
	}
	slices.Sort(sig.Digests)
	if key != "" && sig.Settled() && b.ctx.Err() == nil {
		b.judge.cache.Add(key, sig, heldBy(sig))
	}
	return sig
}

// judgementBytes is the room of one judgement, in bytes.
const judgementBytes = 1024

// heldBy is about how much memory a judgement takes, in bytes: others choose how
// much evidence there is, and what it says.
func heldBy(s policy.Signature) int {
	const header, finding = 256, 256 // what each takes beside its texts
	n := header + len(s.Signer) + len(s.Format) + len(s.Covered)
	for _, text := range slices.Concat(s.Signers, s.Formats) {
		n += 16 + len(text)
	}
	for _, d := range s.Digests {
		n += 16 + len(d)
	}
	for _, f := range append(s.Evidence[:len(s.Evidence):len(s.Evidence)], s.Vote) {
		n += finding + len(f.Code) + len(f.Detail) + len(f.Digest) + len(f.Judge)
	}
	return n
}

// judgeWithin judges the image index that is said to hold the subject. alone
// is what was found out about the subject itself.
func (b *bench) judgeWithin(s policy.Subject, alone policy.Signature) policy.Signature {
	holds := b.holds(s.Within, s.Digest)
	if holds.Outcome != policy.Allow {
		alone.Evidence = append(slices.Clone(alone.Evidence), holds)
		if holds.Outcome == policy.Unknown {
			alone.Status = ""
		}
		return alone
	}
	index := b.judge1(s.Within)
	if index.Status != policy.Verified && len(alone.Digests) > 0 {
		alone.Evidence = append(slices.Clone(alone.Evidence), index.Evidence...)
		if index.Status == "" {
			alone.Status = ""
		}
		return alone
	}
	index.Covered = s.Within
	index.Evidence = append([]policy.Finding{holds}, index.Evidence...)
	return index
}

// holds says whether the image index really names the child.
func (b *bench) holds(index, child digest.Digest) policy.Finding {
	f := policy.Finding{Code: policy.CodeMalformed, Outcome: policy.Deny, Digest: index, Judge: name}
	m, problem := b.manifest(index, artifact.MaxManifest)
	switch {
	case problem != nil:
		return *problem
	case !m.IsIndex():
		f.Detail = "not an image index, so that it covers nothing"
		return f
	}
	for _, d := range m.Children {
		if d.Digest == child {
			f.Code, f.Outcome, f.Detail = policy.CodeEvidenceVerified, policy.Allow, fmt.Sprintf("the image index holds %s", child)
			return f
		}
	}
	f.Code, f.Detail = policy.CodeOtherDigest, fmt.Sprintf("the image index does not hold %s", child)
	return f
}

// vote says what the policy of a namespace makes of a judgement.
func vote(ns *trust.Namespace, s policy.Subject, sig policy.Signature) policy.Finding {
	f := policy.Finding{Outcome: policy.Deny, Digest: s.Digest, Judge: name}
	switch {
	case sig.Status == "":
		f.Code, f.Outcome = policy.CodeUnreadable, policy.Unknown
		f.Detail = "some of what may be a signature could not be read"
	case sig.Status == policy.Verified:
		f.Code, f.Outcome = policy.CodeVerified, policy.Allow
		f.Detail = fmt.Sprintf("signed by %s, trusted for namespace %q", strings.Join(quote(sig.Signers), ", "), ns.Name)
	case ns == nil:
		f.Code, f.Detail = policy.CodeNoTrust, fmt.Sprintf("the trust policy says nothing about publisher %q, so nobody is trusted to sign (%s)", s.Publisher, sig.Status)
	case ns.Optional:
		f.Code, f.Outcome = policy.CodeOptional, policy.Allow
		f.Detail = fmt.Sprintf("%s; namespace %q does not require a signature", sig.Status, ns.Name)
	case sig.Status == policy.Unsigned:
		f.Code, f.Detail = policy.CodeUnsigned, fmt.Sprintf("there is no signature; namespace %q requires one", ns.Name)
	case sig.Status == policy.Unverified:
		f.Code, f.Detail = policy.CodeUnverified, fmt.Sprintf("signed by %d of %d required signers that are trusted for namespace %q", len(sig.Signers), ns.Threshold, ns.Name)
	default:
		f.Code, f.Detail = policy.CodeInvalid, fmt.Sprintf("what is there as a signature is none; namespace %q requires one", ns.Name)
	}
	return f
}

func quote(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = fmt.Sprintf("%q", w)
	}
	return out
}
