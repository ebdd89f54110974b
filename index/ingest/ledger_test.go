package ingest_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	format "github.com/oarlock/oarlock/artifact/ledger"
	chains "github.com/oarlock/oarlock/artifact/ledger/ledgertest"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/ingest"
	"github.com/oarlock/oarlock/policy/ledger"
	"github.com/oarlock/oarlock/policy/ledger/ledgertest"
	"github.com/oarlock/oarlock/policy/trust"
)

// put stores a ledger as it lies in a registry.
func (m *memory) put(t testing.TB, c *chains.Chain) {
	t.Helper()
	repo, index := c.Ref.Repository(), c.Index(t)
	for _, e := range c.Entries {
		m.blob(repo, e.Envelope)
		m.raw(repo, ocispec.MediaTypeImageManifest, e.Manifest)
	}
	m.tag(repo, c.Ref.Tag(), m.raw(repo, ocispec.MediaTypeImageIndex, index))
}

func (m *memory) raw(repo, mediaType string, content []byte) digest.Digest {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, r := digest.FromBytes(content), m.repo(repo)
	r.bytes[d], r.types[d] = content, mediaType
	return d
}

// ledgers are written at random by a site, and by others.
type ledgers struct {
	t              testing.TB
	m              *memory
	site, stranger ledgertest.Key
	judge          *ledger.Judge
	chains         map[string]*chains.Chain
}

var lawLedgers = []string{"oarlock/publishers:acme", "oarlock/publishers:examples", "acme/one:oarlock-state"}

func newLedgers(t testing.TB, m *memory) *ledgers {
	t.Helper()
	l := &ledgers{t: t, site: ledgertest.NewKey(t, "site"), stranger: ledgertest.NewKey(t, "stranger")}
	var err error
	if l.judge, err = ledger.New(ledger.Options{Platforms: []trust.Signer{l.site.Trusted}}); err != nil {
		t.Fatal(err)
	}
	return l.over(m)
}

// over is the same site at another registry.
func (l *ledgers) over(m *memory) *ledgers {
	o := *l
	o.m, o.chains = m, map[string]*chains.Chain{}
	return &o
}

func (l *ledgers) ref(name string) format.Ref { return l.of(name).Ref }

func (l *ledgers) of(name string) *chains.Chain {
	c := l.chains[name]
	if c == nil {
		c = chains.New(l.t, name, l.site.Sign)
		l.chains[name] = c
	}
	return c
}

func (l *ledgers) acts() []string {
	return []string{"claim", "verify", "unverify", "forge", "cut", "swap", "drop", "key", "revoke"}
}

// act changes what lies in the registry. Acts that change no chain leave the
// good one to be put back by the next that does.
func (l *ledgers) act(name, act string) {
	c := l.of(name)
	shown := c
	begun := len(c.Entries) > 0
	switch {
	case act == "drop":
		l.m.untag(c.Ref.Repository(), c.Ref.Tag())
		return
	case !c.Ref.OfPublisher() && act != "forge" && act != "cut" && act != "swap":
		c.Add(l.t, "test.said", "admin:root", format.RolePlatform, struct{}{}, nil)
	case !begun:
		c.Claim(l.t, "person:ada")
	case act == "verify":
		c.Verify(l.t)
	case act == "unverify" && verified(c):
		c.Add(l.t, format.PublisherUnverified, "admin:root", format.RolePlatform, format.Unverified{Reason: "left"}, nil)
	case act == "key":
		c.Add(l.t, format.KeyAdded, "admin:root", format.RolePlatform, ledgertest.NewKey(l.t, "own").Body(fmt.Sprint("key ", len(c.Entries)), chains.Day), nil)
	case act == "revoke" && lastKey(c) != "":
		c.Add(l.t, format.KeyRevoked, "admin:root", format.RolePlatform, format.KeyEnd{ID: lastKey(c), From: chains.Day, Reason: "stolen"}, nil)
	case act == "forge":
		shown = c.Clone()
		shown.Sign = l.stranger.Sign
		shown.Verify(l.t)
	case act == "cut" && len(c.Entries) > 1:
		shown = c.Clone()
		shown.Entries = shown.Entries[:len(shown.Entries)-1]
	case act == "swap" && len(c.Entries) > 1:
		shown = c.Clone()
		shown.Entries[0], shown.Entries[1] = shown.Entries[1], shown.Entries[0]
	}
	l.m.put(l.t, shown)
}

func verified(c *chains.Chain) bool {
	yes := false
	for _, e := range c.Entries {
		switch e.Statement.Kind {
		case format.PublisherVerified:
			yes = true
		case format.PublisherUnverified:
			yes = false
		}
	}
	return yes
}

// lastKey is the key that was added last, unless it was revoked.
func lastKey(c *chains.Chain) (id string) {
	for _, e := range c.Entries {
		var body struct{ ID string }
		switch e.Statement.Kind {
		case format.KeyAdded:
			_ = json.Unmarshal(e.Statement.Body, &body)
			id = body.ID
		case format.KeyRevoked:
			id = ""
		}
	}
	return id
}

// seen is what the catalog shows of a plugin's publisher and ledgers.
func seen(t testing.TB, live *catalog.Live, repo string) (verified bool, problems []string) {
	t.Helper()
	p, ok := live.Current().Snapshot.Plugin(mustName(t, repo))
	if !ok {
		t.Fatalf("there is no %s", repo)
	}
	for _, b := range p.Broken {
		problems = append(problems, strings.Split(codes(b.Reasons), ",")...)
	}
	if of := codes(p.Publisher.Problems); of != "" {
		problems = append(problems, strings.Split(of, ",")...)
	}
	return p.Publisher.Verified, problems
}

func TestAVerifiedPublisherShows_B4(t *testing.T) {
	t.Parallel()
	m := newMemory()
	l := newLedgers(t, m)
	m.publish("acme/hello", "1.0.0")
	m.publish("examples/two", "1.0.0")
	in, live := run(t, m, func(o *ingest.Options) { o.Ledgers, o.ListDeniedUnsafe = l.judge, true })
	const acme = "oarlock/publishers:acme"
	for _, step := range []struct {
		act  string
		want bool
	}{{"claim", false}, {"verify", true}, {"unverify", false}, {"verify", true}} {
		l.act(acme, step.act)
		in.Notify(format.PublishersRepository, "acme", "", "")
		settle(t, in)
		if got, problems := seen(t, live, "acme/hello"); got != step.want || problems != nil {
			t.Fatalf("after %s: verified %v, %v, want %v", step.act, got, problems, step.want)
		}
	}
	m.publish("acme/later", "1.0.0")
	in.Touch("acme/later")
	settle(t, in)
	if got, _ := seen(t, live, "acme/later"); !got {
		t.Error("a plugin that came later is not of a verified publisher")
	}
	if got, _ := seen(t, live, "examples/two"); got {
		t.Error("another publisher is verified too")
	}
	found, err := live.Current().Snapshot.Query(catalog.Query{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range found.Items {
		row := (catalog.RowEncoder{}).EncodeRow(h, catalog.Fit{})
		if row.VerifiedPublisher != (row.Publisher == "acme") {
			t.Errorf("row of %s: verified_publisher %v", row.ID, row.VerifiedPublisher)
		}
	}
	s, ok := in.Publisher("acme")
	if !ok || s.Counts.Publisher.Verified == nil || s.Head.Sequence != 4 {
		t.Errorf("publisher: %+v", s)
	}
}

func TestABadLedgerIsNamedAndWhatWasKnownStays_E1(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"oarlock/publishers:acme", "acme/hello:oarlock-state"} {
		for act, code := range map[string]string{
			"forge": index.ReasonLedgerForged, "swap": index.ReasonLedgerReordered, "cut": index.ReasonLedgerTruncated, "drop": index.ReasonLedgerTruncated,
		} {
			t.Run(name+" "+act, func(t *testing.T) {
				t.Parallel()
				m := newMemory()
				l := newLedgers(t, m)
				m.publish("acme/hello", "1.0.0")
				l.act("oarlock/publishers:acme", "claim")
				l.act("oarlock/publishers:acme", "verify")
				l.act(name, "verify")
				l.act(name, "verify")
				in, live := run(t, m, func(o *ingest.Options) { o.Ledgers, o.ListDeniedUnsafe = l.judge, true })
				if got, problems := seen(t, live, "acme/hello"); !got || problems != nil {
					t.Fatalf("before: verified %v, %v", got, problems)
				}
				change := func(act string) {
					l.act(name, act)
					in.Notify(l.ref(name).Repository(), l.ref(name).Tag(), "", "")
					settle(t, in)
				}
				change(act)
				got, problems := seen(t, live, "acme/hello")
				if !got {
					t.Error("the verified publisher was lost with the bad ledger")
				}
				if len(problems) == 0 || problems[0] != code && problems[len(problems)-1] != code {
					t.Errorf("problems %v, want %s", problems, code)
				}
				if bad := in.BadLedgers(); len(bad) != 1 || bad[0].Ref.String() != name {
					t.Errorf("bad ledgers: %+v", bad)
				}
				if why, err := live.Current().Snapshot.Why(mustName(t, "acme/hello"), catalog.Fit{}); err != nil || !strings.Contains(whyCodes(why), code) {
					t.Errorf("why says %s (%v), want %s", whyCodes(why), err, code)
				}
				if p, ok := live.Current().Snapshot.Plugin(mustName(t, "acme/hello")); !ok || len(p.Versions) != 1 {
					t.Errorf("the versions went with the ledger: %+v", p)
				}
				change("verify")
				if got, problems := seen(t, live, "acme/hello"); !got || problems != nil || len(in.BadLedgers()) != 0 {
					t.Errorf("after it was mended: verified %v, %v", got, problems)
				}
			})
		}
	}
}

func whyCodes(all []index.WhyVersion) string {
	var out []string
	for _, w := range all {
		out = append(out, codes(w.Reasons))
	}
	return strings.Join(out, ",")
}

func TestWhatWasCutIsMissedAfterARestart_E1(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledgers.json")
	m := newMemory()
	l := newLedgers(t, m)
	m.publish("acme/hello", "1.0.0")
	const acme = "oarlock/publishers:acme"
	remembering := func(o *ingest.Options) { o.Ledgers, o.LedgerMemory, o.ListDeniedUnsafe = l.judge, path, true }
	t.Run("a first run", func(t *testing.T) {
		l.act(acme, "claim")
		l.act(acme, "verify")
		run(t, m, remembering)
	})
	l.act(acme, "cut") // while nobody looked
	in, live := run(t, m, remembering)
	if got, problems := seen(t, live, "acme/hello"); !got || cmp.Diff([]string{index.ReasonLedgerTruncated}, problems) != "" {
		t.Errorf("verified %v, %v, want the last good state and that it was cut", got, problems)
	}
	if c, err := in.Check(t.Context()); err != nil || len(c.Differ) != 0 {
		t.Errorf("check: %+v, %v", c, err)
	}
	forgetful, _ := run(t, m, func(o *ingest.Options) { o.Ledgers, o.ListDeniedUnsafe = l.judge, true })
	if bad := forgetful.BadLedgers(); len(bad) != 0 {
		t.Errorf("without memory: %+v", bad)
	}
}

func TestCheckMendsWhatIsKnownOfPublishers_C1(t *testing.T) {
	t.Parallel()
	m := newMemory()
	l := newLedgers(t, m)
	m.publish("acme/hello", "1.0.0")
	l.act("oarlock/publishers:acme", "claim")
	in, live := run(t, m, func(o *ingest.Options) { o.Ledgers = l.judge })
	l.act("oarlock/publishers:acme", "verify") // behind the back of the events
	if _, err := in.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, _ := seen(t, live, "acme/hello"); !got {
		t.Error("not mended")
	}
}

// A platform that is trusted no more vouches for nobody, not even for what is
// remembered.
func TestTrustThatEndsTakesWhatItVouchedFor_G3(t *testing.T) {
	t.Parallel()
	m := newMemory()
	l := newLedgers(t, m)
	m.publish("acme/hello", "1.0.0")
	l.act("oarlock/publishers:acme", "claim")
	l.act("oarlock/publishers:acme", "verify")
	in, live := run(t, m, func(o *ingest.Options) {
		o.Ledgers, o.ListDeniedUnsafe, o.Log = l.judge, true, slog.New(slog.DiscardHandler)
	})
	if err := l.judge.SetPlatforms(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, problems := seen(t, live, "acme/hello"); got || problems[0] != index.ReasonLedgerForged {
		t.Errorf("verified %v, %v, want unverified and forged", got, problems)
	}
}

// A plugin that changes while its publisher does keeps what is new of both.
func TestAPublisherAndItsPluginChangeAtOnce_C1(t *testing.T) {
	t.Parallel()
	m := newMemory()
	l := newLedgers(t, m)
	m.publish("acme/hello", "1.0.0")
	m.publish("acme/gone", "1.0.0")
	in, live := run(t, m, func(o *ingest.Options) {
		o.Ledgers, o.ListDeniedUnsafe, o.Interval = l.judge, true, 20*time.Millisecond
	})
	for i := range 21 {
		version := fmt.Sprintf("1.%d.0", i+1)
		m.publish("acme/hello", version)
		if i == 10 {
			m.untag("acme/gone", "1.0.0")
			in.Touch("acme/gone")
		}
		l.act("oarlock/publishers:acme", []string{"verify", "unverify"}[i%2])
		in.Notify("acme/hello", version, "", "")
		in.Notify(format.PublishersRepository, "acme", "", "")
	}
	settle(t, in)
	if p, ok := live.Current().Snapshot.Plugin(mustName(t, "acme/hello")); !ok || len(p.Versions) != 22 {
		t.Errorf("versions were lost: %+v", p)
	}
	if _, ok := live.Current().Snapshot.Plugin(mustName(t, "acme/gone")); ok {
		t.Error("a plugin that went came back")
	}
	if c, err := in.Check(t.Context()); err != nil || len(c.Differ) != 0 || c.Serving != c.Rebuilt {
		t.Errorf("check: %+v, %v", c, err)
	}
}
