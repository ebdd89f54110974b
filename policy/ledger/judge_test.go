package ledger_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"pgregory.net/rapid"

	format "github.com/oarlock/oarlock/artifact/ledger"
	chains "github.com/oarlock/oarlock/artifact/ledger/ledgertest"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/ledger"
	"github.com/oarlock/oarlock/policy/ledger/ledgertest"
	"github.com/oarlock/oarlock/policy/trust"
)

const acme = "oarlock/publishers:acme"

func newJudge(t testing.TB, platforms ...ledgertest.Key) *ledger.Judge {
	t.Helper()
	var signers []trust.Signer
	for _, p := range platforms {
		signers = append(signers, p.Trusted)
	}
	j, err := ledger.New(ledger.Options{Platforms: signers})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// judge judges a ledger as it lies in a registry.
func judge(t testing.TB, j *ledger.Judge, c *chains.Chain, remembered format.Head) ledger.Judgement {
	t.Helper()
	m := ledgertest.NewMemory()
	m.Put(t, c)
	return j.Read(t.Context(), c.Ref, m, remembered)
}

// story is a publisher with a key, a second owner and a domain.
func story(t testing.TB, site, own ledgertest.Key) *chains.Chain {
	t.Helper()
	c := chains.New(t, acme, site.Sign)
	c.Claim(t, "person:ada")
	c.Add(t, format.MemberSet, "person:ada", format.RoleOwner, format.Member{Principal: "person:bob", Role: "owner"}, nil)
	c.Add(t, format.KeyAdded, "person:bob", format.RoleOwner, own.Body("release", chains.Day), nil)
	c.Add(t, format.PublisherVerified, "person:ada", format.RoleOwner,
		format.Verified{Evidence: format.EvidenceDNS, Domain: "acme.example.org", Record: "oarlock-verify=acme:x"}, nil)
	return c
}

func TestALedgerThatHoldsTellsThePublisher_B4(t *testing.T) {
	t.Parallel()
	site, own, next := ledgertest.NewKey(t, "site"), ledgertest.NewKey(t, "own"), ledgertest.NewKey(t, "next")
	c := story(t, site, own)
	c.Sign = own.Sign // the key rotates by itself
	c.Add(t, format.KeyAdded, "key:"+own.ID().String(), format.RoleOwner, next.Body("next", chains.Day), nil)
	c.Sign = next.Sign
	revoked := chains.Day.Add(time.Hour * -1)
	c.Add(t, format.KeyRevoked, "key:"+next.ID().String(), format.RoleOwner, format.KeyEnd{ID: own.ID().String(), From: revoked, Reason: "lost"}, nil)
	c.Sign = site.Sign
	c.Add(t, "publisher.of-a-later-time", "admin:root", format.RolePlatform, struct{}{}, nil)
	c.Add(t, format.MemberRemoved, "person:bob", format.RoleOwner, format.Removed{Principal: "person:ada"}, nil)
	got := judge(t, newJudge(t, site), c, format.Head{})
	if got.Verdict().Outcome() != policy.Allow || got.State.Head != c.List(t).Head() {
		t.Fatalf("got %+v", got)
	}
	p := got.State.Publisher
	if diff := cmp.Diff(map[string]string{"person:bob": "owner"}, p.Members); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if !p.IsVerified() || p.Verified.Domain != "acme.example.org" || p.Verified.Sequence != 4 {
		t.Errorf("verified: %+v", p.Verified)
	}
	if active := p.ActiveKeys(); len(active) != 1 || active[0].Name != "next" || !p.Keys[0].RevokedFrom.Equal(revoked) {
		t.Errorf("keys: %+v", p.Keys)
	}
}

// Every way in which a ledger can be bad is named, with the statement (E1).
func TestABadLedgerIsNamed_E1(t *testing.T) {
	t.Parallel()
	site, own, stranger := ledgertest.NewKey(t, "site"), ledgertest.NewKey(t, "own"), ledgertest.NewKey(t, "stranger")
	other := ledgertest.NewKey(t, "other platform")
	type change = func(*testing.T, *chains.Chain)
	add := func(kind format.Kind, actor, role string, body any, st func(*format.Statement)) change {
		return func(t *testing.T, c *chains.Chain) { c.Add(t, kind, actor, role, body, st) }
	}
	by := func(k ledgertest.Key, then change) change {
		return func(t *testing.T, c *chains.Chain) { c.Sign = k.Sign; then(t, c) }
	}
	member := format.Member{Principal: "person:eve", Role: "owner"}
	for says, row := range map[string]struct {
		change change
		code   string
		at     int // the statement that is named; the state is that before it
		detail string
	}{
		"signed by a stranger":              {by(stranger, add(format.MemberSet, "person:ada", "owner", member, nil)), ledger.CodeForged, 5, "no key that counts"},
		"a signature that is not the key's": {func(t *testing.T, c *chains.Chain) { forge(t, c, site) }, ledger.CodeForged, 5, "does not hold"},
		"a changed statement":               {func(t *testing.T, c *chains.Chain) { tamper(t, c, 1) }, ledger.CodeForged, 2, "does not hold"},
		"two changed places":                {func(_ *testing.T, c *chains.Chain) { c.Entries[1], c.Entries[2] = c.Entries[2], c.Entries[1] }, ledger.CodeReordered, 2, "number 2 stands elsewhere"},
		"one is gone from within":           {func(_ *testing.T, c *chains.Chain) { c.Entries = slices.Delete(c.Entries, 1, 2) }, ledger.CodeTruncated, 2, "number 2 is gone"},
		"the first is gone":                 {func(_ *testing.T, c *chains.Chain) { c.Entries = c.Entries[1:] }, ledger.CodeTruncated, 1, "number 1 is gone"},
		"one follows another statement":     {add(format.MemberSet, "person:ada", "owner", member, func(s *format.Statement) { s.Previous = s.Subject }), ledger.CodeForked, 5, "it follows"},
		"older than the one before":         {add(format.MemberSet, "person:ada", "owner", member, func(s *format.Statement) { s.Time = chains.Day }), ledger.CodeTime, 5, "before the one"},
		"of another publisher": {func(t *testing.T, c *chains.Chain) {
			c.Entries = story(t, site, own).Entries
			c.Ref, _ = format.OfPublisher("examples")
		}, ledger.CodeMalformed, 1, "oarlock/publishers:acme"},
		"acted by nobody's owner":              {add(format.MemberSet, "person:eve", "owner", member, nil), ledger.CodeNotEntitled, 5, "no owner of acme"},
		"an owner vouches as an administrator": {add(format.PublisherVerified, "person:ada", "owner", format.Verified{Evidence: "administrator"}, nil), ledger.CodeNotEntitled, 5, "administrator"},
		"the last owners go":                   {add(format.PublisherTransferred, "person:ada", "owner", format.Transferred{From: []string{"person:ada"}}, nil), ledger.CodeNotEntitled, 5, "to nobody"},
		"claimed again":                        {add(format.PublisherClaimed, "person:eve", "owner", format.Claimed{Owner: "person:eve"}, nil), ledger.CodeNotEntitled, 5, "first statement"},
		"the publisher's key verifies itself":  {by(own, add(format.PublisherVerified, "key:"+own.ID().String(), "owner", format.Verified{Evidence: "dns", Domain: "x", Record: "y"}, nil)), ledger.CodeNotEntitled, 5, "nothing else"},
		"the publisher's key names another":    {by(own, add(format.KeyAdded, "person:ada", "owner", stranger.Body("x", chains.Day), nil)), ledger.CodeNotEntitled, 5, "for itself"},
		"another trusted platform adds":        {by(other, add(format.MemberSet, "admin:root", "platform", member, nil)), ledger.CodeNotEntitled, 5, "began the ledger"},
		"another trusted platform as a key":    {by(other, add(format.KeyAdded, "key:"+other.ID().String(), "owner", stranger.Body("x", chains.Day), nil)), ledger.CodeNotEntitled, 5, "began the ledger"},
		"a key that is another's":              {add(format.KeyAdded, "person:ada", "owner", format.Key{Name: "x", PEM: own.PEM, ID: stranger.ID().String(), From: chains.Day}, nil), ledger.CodeNotEntitled, 5, "its id says"},
		"a body that is something else":        {add(format.MemberSet, "person:ada", "owner", map[string]int{"principal": 7}, nil), ledger.CodeNotEntitled, 5, "body of member.set"},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			c := story(t, site, own)
			row.change(t, c)
			got := judge(t, newJudge(t, site, other), c, format.Head{})
			if got.Verdict().Outcome() != policy.Deny || len(got.Findings) != 1 {
				t.Fatalf("got %+v, want one finding that denies", got.Findings)
			}
			f := got.Findings[0]
			if f.Code != row.code || f.Sequence != row.at || !strings.Contains(f.Detail, row.detail) || f.Digest != c.Entries[row.at-1].Descriptor.Digest {
				t.Errorf("got %+v, want %s at %d that says %q", f, row.code, row.at, row.detail)
			}
			if got.State.Head.Sequence != row.at-1 {
				t.Errorf("the state goes to %d, want %d", got.State.Head.Sequence, row.at-1)
			}
		})
	}
}

// forge appends a statement with a signature that names the site's key and is
// over something else.
func forge(t *testing.T, c *chains.Chain, site ledgertest.Key) {
	c.Sign = func([]byte) []format.Signature { return site.Sign([]byte("something else")) }
	c.Add(t, format.MemberSet, "person:ada", "owner", format.Member{Principal: "person:eve", Role: "owner"}, nil)
}

// tamper puts another body into statement i under its old signature.
func tamper(t *testing.T, c *chains.Chain, i int) {
	e, err := format.ParseEnvelope(c.Entries[i].Envelope)
	if err != nil {
		t.Fatal(err)
	}
	e.Payload = []byte(strings.Replace(string(e.Payload), "person:bob", "person:eve", 1))
	if c.Entries[i].Envelope, err = e.Bytes(); err != nil {
		t.Fatal(err)
	}
	if c.Entries[i].Manifest, c.Entries[i].Descriptor, err = format.BuildManifest(c.Entries[i].Envelope); err != nil {
		t.Fatal(err)
	}
}

func TestWhatWasKnownIsMissed_E1(t *testing.T) {
	t.Parallel()
	site, own := ledgertest.NewKey(t, "site"), ledgertest.NewKey(t, "own")
	j, whole := newJudge(t, site), story(t, site, own)
	head := whole.List(t).Head()
	cut, fork := whole.Clone(), whole.Clone()
	cut.Entries = cut.Entries[:3]
	fork.Entries = fork.Entries[:3]
	fork.Add(t, format.MemberSet, "person:ada", "owner", format.Member{Principal: "person:eve", Role: "owner"}, nil)
	for says, row := range map[string]struct {
		c    *chains.Chain
		code string
		part string
	}{
		"the same":       {whole, ledger.CodeVerified, "4 statements hold"},
		"cut at its end": {cut, ledger.CodeTruncated, "it ends after statement 3, and 4 were known, the last " + head.Digest.String()},
		"forked":         {fork, ledger.CodeForked, head.Digest.String()},
	} {
		got := judge(t, j, row.c, head)
		if f := got.Findings[len(got.Findings)-1]; f.Code != row.code || !strings.Contains(f.Detail, row.part) {
			t.Errorf("%s: got %+v, want %s that says %q", says, f, row.code, row.part)
		}
	}
	if got := j.Read(t.Context(), whole.Ref, ledgertest.NewMemory(), head); got.Findings[0].Code != ledger.CodeTruncated {
		t.Errorf("gone whole: got %+v", got.Findings)
	}
	if got := j.Read(t.Context(), whole.Ref, ledgertest.NewMemory(), format.Head{}); got.Findings[0].Code != ledger.CodeEmpty || got.Verdict().Outcome() != policy.Allow {
		t.Errorf("never there: got %+v", got.Findings)
	}
}

func TestWhatCannotBeReadIsNotJudged(t *testing.T) {
	t.Parallel()
	site, own := ledgertest.NewKey(t, "site"), ledgertest.NewKey(t, "own")
	c := story(t, site, own)
	m := ledgertest.NewMemory()
	m.Put(t, c)
	delete(m.Blobs, digest.FromBytes(c.Entries[2].Envelope))
	got := newJudge(t, site).Read(t.Context(), c.Ref, m, format.Head{})
	if f := got.Findings[0]; got.Verdict().Outcome() != policy.Unknown || f.Sequence != 3 || got.State.Head.Sequence != 2 {
		t.Errorf("got %+v, want that it could not tell about statement 3", got)
	}
	m.Put(t, c)
	m.Manifests[c.Entries[1].Descriptor.Digest] = []byte("{}")
	if got := newJudge(t, site).Read(t.Context(), c.Ref, m, format.Head{}); got.Verdict().Outcome() != policy.Unknown {
		t.Errorf("damaged bytes: got %+v", got.Findings)
	}
}

func TestNobodyTrustedMeansNoLedgerHolds(t *testing.T) {
	t.Parallel()
	site, own := ledgertest.NewKey(t, "site"), ledgertest.NewKey(t, "own")
	j := newJudge(t)
	got := judge(t, j, story(t, site, own), format.Head{})
	if f := got.Findings[0]; f.Code != ledger.CodeForged || got.State.Publisher != nil {
		t.Errorf("got %+v", got)
	}
	before := j.Digest()
	if err := j.SetPlatforms([]trust.Signer{site.Trusted}); err != nil {
		t.Fatal(err)
	}
	if got := judge(t, j, story(t, site, own), format.Head{}); got.Verdict().Outcome() != policy.Allow || j.Digest() == before {
		t.Errorf("after trusting the platform: %+v", got.Findings)
	}
}

// What was judged before is not read again when a ledger grows, and a judge
// that remembers says the same as one that does not.
func TestOnlyWhatIsNewIsRead(t *testing.T) {
	t.Parallel()
	site, own := ledgertest.NewKey(t, "site"), ledgertest.NewKey(t, "own")
	j, c, m := newJudge(t, site), story(t, site, own), ledgertest.NewMemory()
	m.Put(t, c)
	j.Read(t.Context(), c.Ref, m, format.Head{})
	c.Add(t, format.MemberRemoved, "person:ada", "owner", format.Removed{Principal: "person:bob"}, nil)
	m.Put(t, c)
	m.Reads = 0
	got := j.Read(t.Context(), c.Ref, m, format.Head{})
	if m.Reads != 2 { // the index and one statement
		t.Errorf("%d manifests were read, want 2", m.Reads)
	}
	fresh := newJudge(t, site).Read(t.Context(), c.Ref, m, format.Head{})
	if diff := cmp.Diff(fresh.State, got.State); diff != "" {
		t.Errorf("remembering says another thing (-fresh +remembering):\n%s", diff)
	}
}

// Whatever is left out of a ledger, put twice or put elsewhere: either nothing
// changed, or the ledger does not hold, and its state is that of the part
// before the first change.
func TestNoRearrangementHolds_E1(t *testing.T) {
	t.Parallel()
	site, own := ledgertest.NewKey(t, "site"), ledgertest.NewKey(t, "own")
	whole := story(t, site, own)
	head := whole.List(t).Head()
	experienced := newJudge(t, site)
	judge(t, experienced, whole, head)
	rapid.Check(t, func(rt *rapid.T) {
		order := rapid.SliceOfNDistinct(rapid.IntRange(0, len(whole.Entries)-1), 1, len(whole.Entries), rapid.ID[int]).Draw(rt, "order")
		c := whole.Clone()
		c.Entries = nil
		same := 0
		for i, n := range order {
			c.Entries = append(c.Entries, whole.Entries[n])
			if n == i && same == i {
				same++
			}
		}
		got := judge(t, experienced, c, head)
		if diff := cmp.Diff(judge(t, newJudge(t, site), c, head).Findings, got.Findings); diff != "" {
			rt.Fatalf("order %v: what was judged before changes the judgement (-fresh +experienced):\n%s", order, diff)
		}
		if untouched := same == len(whole.Entries); (got.Verdict().Outcome() == policy.Allow) != untouched {
			rt.Fatalf("order %v: %+v", order, got.Findings)
		}
		if got.State.Head.Sequence != same {
			rt.Fatalf("order %v: the state goes to %d, want %d", order, got.State.Head.Sequence, same)
		}
	})
}
