package ledger_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"pgregory.net/rapid"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	chains "github.com/oarlock/oarlock/artifact/ledger/ledgertest"
	"github.com/oarlock/oarlock/policy/ledger"
	"github.com/oarlock/oarlock/policy/ledger/ledgertest"
)

func ledgerOf(t testing.TB, name string) format.Ref {
	t.Helper()
	ref, err := format.ParseRef(name)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

var (
	one, two = digest.FromString("1.0.0"), digest.FromString("2.0.0")
	broken   = format.Grounds{Reason: format.ReasonBroken, Text: "it deletes files"}
)

// bodies has a body for each kind that is right where the kind is legal.
func bodies() map[format.Kind]any {
	return map[format.Kind]any{
		format.PluginDeprecated:   format.Deprecated{Grounds: broken, Replacement: "acme/next", Guide: "https://acme.example/next", EndOfLife: day(300)},
		format.PluginUndeprecated: format.Back{},
		format.PluginSuspended:    format.Suspended{Grounds: broken, Existing: format.KeepRunning, Until: day(3)},
		format.PluginResumed:      format.Back{Text: "it is repaired"},
		format.PluginRemoved:      format.PluginGone{Grounds: broken},
		format.PluginRestored:     format.Back{Reason: format.ReasonByRequest},
		format.PluginDeleted:      format.Deleted{Grounds: broken},
		format.VersionYanked:      format.Yanked{Grounds: broken, Version: "1.0.0"},
		format.VersionUnyanked:    format.Unyanked{Version: "1.0.0"},
		format.EmergencyDeclared:  format.Emergency{Grounds: broken, Digests: []digest.Digest{one}, All: true, ApprovedBy: []string{"person:bob"}},
		format.EmergencyUndone:    format.EmergencyEnd{Grounds: broken, ApprovedBy: []string{"person:bob"}},
	}
}

func day(n int) *time.Time {
	at := chains.Day.Add(time.Duration(n) * 24 * time.Hour)
	return &at
}

// A history is a plugin's ledger and what it says.
type history struct {
	t     testing.TB
	site  ledgertest.Key
	chain *chains.Chain
	ledger.State
}

func begin(t testing.TB, site ledgertest.Key) *history {
	return &history{t: t, site: site, chain: chains.New(t, "acme/hello:oarlock-state", site.Sign)}
}

// say makes a statement in a role, and takes it into the state if it may be.
func (h *history) say(kind format.Kind, role string, body any) error {
	h.t.Helper()
	chain := h.chain.Clone()
	e := chain.Add(h.t, kind, "person:ada", role, body, func(s *format.Statement) {
		if strings.HasPrefix(string(kind), "version.") {
			s.Subject = one
		}
	})
	next, err := h.State.Next(&e.Statement, e.Descriptor.Digest, h.site.ID())
	if err == nil {
		h.State, h.chain = next, chain
	}
	return err
}

func (h *history) clone() *history { c := *h; return &c }

// in is a history whose plugin is in a state, by who acts in a role where that
// role may.
func in(t testing.TB, site ledgertest.Key, state ledger.PluginState, role string) *history {
	t.Helper()
	h := begin(t, site)
	way := map[ledger.PluginState]format.Kind{ledger.DeprecatedState: format.PluginDeprecated, ledger.SuspendedState: format.PluginSuspended,
		ledger.RemovedState: format.PluginRemoved, ledger.DeletedState: format.PluginDeleted, ledger.EmergencyRemoved: format.EmergencyDeclared}
	if kind, ok := way[state]; ok {
		if role != format.RoleOwner || kind == format.EmergencyDeclared {
			role = format.RolePlatform
		}
		if err := h.say(kind, role, bodies()[kind]); err != nil {
			t.Fatal(err)
		}
	}
	if got := h.Plugin.State(); got != state {
		t.Fatalf("the plugin is %s, want %s", got, state)
	}
	return h
}

// Proves E1, E6: every move, from every state, in every role, is legal where its
// rule says so, and refused otherwise; a refused one changes nothing.
func TestEveryMove(t *testing.T) {
	t.Parallel()
	site := ledgertest.NewKey(t, "site")
	for _, f := range format.Forms() {
		if !f.Plugin {
			continue
		}
		i := slices.IndexFunc(ledger.Lifecycle(), func(r ledger.LifecycleRule) bool { return r.Kind == f.Kind })
		if i < 0 || bodies()[f.Kind] == nil {
			t.Fatalf("%s has no rule, or this test no body", f.Kind)
		}
		rule := ledger.Lifecycle()[i]
		for _, state := range ledger.PluginStates() {
			for _, role := range []string{format.RoleOwner, format.RolePlatform, "maintainer"} {
				h := in(t, site, state, role)
				body := bodies()[f.Kind]
				switch f.Kind {
				case format.VersionUnyanked: // of what is yanked
					by := map[bool]string{true: format.RoleOwner, false: format.RolePlatform}[role == format.RoleOwner]
					if err := h.say(format.VersionYanked, by, bodies()[format.VersionYanked]); err != nil && state != ledger.EmergencyRemoved && state != ledger.DeletedState {
						t.Fatal(err)
					}
				case format.EmergencyUndone: // of one that is declared
					if state != ledger.EmergencyRemoved {
						if err := h.say(format.EmergencyDeclared, format.RolePlatform, format.Emergency{Grounds: broken, Digests: []digest.Digest{two}}); err != nil {
							t.Fatal(err)
						}
					}
					body = format.EmergencyEnd{Grounds: broken, Of: h.Head.Digest}
				}
				before := h.clone()
				err := h.say(f.Kind, role, body)
				want := map[bool]error{
					true: nil, false: artifact.ErrConflict,
				}[slices.Contains(rule.From, state)]
				if role == "maintainer" || role == format.RoleOwner && !rule.Owner {
					want = artifact.ErrDenied
				}
				if !errors.Is(err, want) {
					t.Errorf("%s as %s from %s: %v, want %v", f.Kind, role, state, err, want)
				}
				if err != nil && h.Head != before.Head {
					t.Errorf("%s as %s from %s was refused, and the state went on", f.Kind, role, state)
				}
				legal := slices.Contains(ledger.Legal(before.Plugin, role), f.Kind)
				if role != "maintainer" && legal != (want == nil) {
					t.Errorf("%s as %s from %s is told as legal: %t", f.Kind, role, state, legal)
				}
			}
		}
	}
}

// Proves E4: owners do not delete what the platform looks into.
func TestOwnersDeleteNothingThatThePlatformHolds_E4(t *testing.T) {
	t.Parallel()
	site := ledgertest.NewKey(t, "site")
	for _, kind := range []format.Kind{format.PluginSuspended, format.PluginRemoved, format.EmergencyDeclared} {
		h, body := begin(t, site), bodies()[kind]
		if kind == format.EmergencyDeclared {
			body = format.Emergency{Grounds: broken, Digests: []digest.Digest{two}} // of a version: the plugin is active
		}
		if err := h.say(kind, format.RolePlatform, body); err != nil {
			t.Fatal(err)
		}
		if err := h.say(format.PluginDeleted, format.RoleOwner, bodies()[format.PluginDeleted]); !errors.Is(err, artifact.ErrDenied) {
			t.Errorf("after %s of the platform: %v", kind, err)
		}
		if err := h.say(format.PluginDeleted, format.RolePlatform, bodies()[format.PluginDeleted]); err != nil || !h.Plugin.IsDeleted() {
			t.Errorf("after %s, by the platform: %v", kind, err)
		}
	}
}

// Proves E1, E3, E4, E11: what is taken back leaves what was before, through any
// way there and back.
func TestBackToWhereItWas(t *testing.T) {
	t.Parallel()
	site := ledgertest.NewKey(t, "site")
	outer := t
	rapid.Check(t, func(t *rapid.T) {
		h := begin(outer, site)
		back := map[format.Kind]format.Kind{format.PluginDeprecated: format.PluginUndeprecated, format.PluginSuspended: format.PluginResumed,
			format.PluginRemoved: format.PluginRestored, format.EmergencyDeclared: format.EmergencyUndone}
		type step struct {
			kind   format.Kind
			before ledger.PluginState
			digest digest.Digest
		}
		var steps []step
		for range rapid.IntRange(1, 5).Draw(t, "moves") {
			kind := rapid.SampledFrom([]format.Kind{format.PluginDeprecated, format.PluginSuspended, format.PluginRemoved, format.EmergencyDeclared}).Draw(t, "move")
			before := h.Plugin.State()
			if h.say(kind, format.RolePlatform, bodies()[kind]) == nil {
				steps = append(steps, step{kind, before, h.Head.Digest})
			}
		}
		for i := len(steps) - 1; i >= 0; i-- {
			body := bodies()[back[steps[i].kind]]
			if steps[i].kind == format.EmergencyDeclared {
				body = format.EmergencyEnd{Grounds: broken, Of: steps[i].digest}
			}
			if err := h.say(back[steps[i].kind], format.RolePlatform, body); err != nil {
				t.Fatalf("%s: %v", back[steps[i].kind], err)
			}
			if got := h.Plugin.State(); got != steps[i].before {
				t.Fatalf("after %s the plugin is %s, want %s", back[steps[i].kind], got, steps[i].before)
			}
		}
	})
}

// Proves the clear refusals of E2 and E5: what came, what was expected.
func TestWhatMovesRefuse(t *testing.T) {
	t.Parallel()
	site := ledgertest.NewKey(t, "site")
	past := chains.Day.Add(-time.Hour)
	for name, c := range map[string]struct {
		kind format.Kind
		body any
		says string
	}{
		"no reason":                     {format.PluginDeprecated, format.Deprecated{}, `reason ""`},
		"a reason of one's own":         {format.PluginSuspended, format.Suspended{Grounds: format.Grounds{Reason: "mood"}, Existing: "keep"}, "expected one of malware"},
		"a replacement by itself":       {format.PluginDeprecated, format.Deprecated{Grounds: broken, Replacement: "acme/hello"}, "the plugin itself"},
		"a replacement of no name":      {format.PluginDeprecated, format.Deprecated{Grounds: broken, Replacement: "hello"}, "hello"},
		"an end of life that is past":   {format.PluginDeprecated, format.Deprecated{Grounds: broken, EndOfLife: &past}, "is past"},
		"a guide that is a script":      {format.PluginDeprecated, format.Deprecated{Grounds: broken, Guide: "javascript:alert(1)"}, "expected an https address"},
		"a text that drives a terminal": {format.PluginRemoved, format.PluginGone{Grounds: format.Grounds{Reason: format.ReasonLegal, Text: "a\x1b[2J"}}, "control character"},
		"a text that is a book":         {format.PluginRemoved, format.PluginGone{Grounds: format.Grounds{Reason: format.ReasonLegal, Text: strings.Repeat("a", 5000)}}, "5000 bytes"},
		"a suspension of nobody":        {format.PluginSuspended, format.Suspended{Grounds: broken}, "expected keep or stop"},
		"an emergency of nothing":       {format.EmergencyDeclared, format.Emergency{Grounds: broken}, "no digests"},
		"one who approves himself":      {format.EmergencyDeclared, format.Emergency{Grounds: broken, Digests: []digest.Digest{one}, ApprovedBy: []string{"person:ada"}}, "expected others"},
		"the end of no emergency":       {format.EmergencyUndone, format.EmergencyEnd{Grounds: broken, Of: one}, "no emergency"},
		"a yank of no version":          {format.VersionYanked, format.Yanked{Grounds: broken, Version: "latest"}, "latest"},
		"an unyank of what is not":      {format.VersionUnyanked, format.Unyanked{Version: "1.0.0"}, "not yanked"},
		"a body that says it twice":     {format.PluginRemoved, json.RawMessage(`{"reason":"legal","Reason":"broken"}`), "body of"},
	} {
		h := begin(t, site)
		err := h.say(c.kind, format.RolePlatform, c.body)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want it to say %q", name, err, c.says)
		}
	}
}

// A hard emergency counts before a soft one of the same digest, whichever was
// declared first (E5).
func TestHardEmergencyCountsFirst(t *testing.T) {
	t.Parallel()
	h := begin(t, ledgertest.NewKey(t, "site"))
	for _, soft := range []bool{true, false} {
		if err := h.say(format.EmergencyDeclared, format.RolePlatform, format.Emergency{Grounds: broken, Digests: []digest.Digest{one}, Soft: soft}); err != nil {
			t.Fatal(err)
		}
	}
	if e, ok := h.Plugin.EmergencyOf(one); !ok || e.Soft {
		t.Errorf("%+v, %t, want the hard one", e, ok)
	}
	if _, ok := h.Plugin.EmergencyOf(two); ok {
		t.Error("another digest is in an emergency")
	}
	if got := h.Plugin.State(); got != ledger.Active {
		t.Errorf("an emergency of one version makes the plugin %s", got)
	}
}

// Proves E4, F14: what the platform did is in force until the platform takes it
// back, whatever owners do before and after; and then what owners did is again.
func TestOwnersUndoNothingOfThePlatform_E4_F14(t *testing.T) {
	t.Parallel()
	site := ledgertest.NewKey(t, "site")
	for _, c := range []struct {
		do, back format.Kind
		state    ledger.PluginState
	}{
		{format.PluginDeprecated, format.PluginUndeprecated, ledger.DeprecatedState},
		{format.PluginSuspended, format.PluginResumed, ledger.SuspendedState},
		{format.PluginRemoved, format.PluginRestored, ledger.RemovedState},
		{format.VersionYanked, format.VersionUnyanked, ledger.Active},
	} {
		for _, ownersFirst := range []bool{false, true} {
			h := begin(t, site)
			say := func(kind format.Kind, role string, want error) {
				t.Helper()
				if err := h.say(kind, role, bodies()[kind]); !errors.Is(err, want) {
					t.Errorf("owners first %t: %s in the role %s: %v, want %v", ownersFirst, kind, role, err, want)
				}
			}
			inForce := func() (owners, platform bool) {
				moves := map[format.Kind]*ledger.Move{}
				p := h.Plugin
				if p.Deprecated != nil {
					moves[format.PluginDeprecated] = &p.Deprecated.Move
				}
				if p.Suspended != nil {
					moves[format.PluginSuspended] = &p.Suspended.Move
				}
				if p.Removed != nil {
					moves[format.PluginRemoved] = &p.Removed.Move
				}
				if y, is := p.YankOf(one); is {
					moves[format.VersionYanked] = &y.Move
				}
				m := moves[c.do]
				return m != nil && m.Role == format.RoleOwner, m != nil && m.Role == format.RolePlatform
			}
			if ownersFirst {
				say(c.do, format.RoleOwner, nil)
			}
			say(c.do, format.RolePlatform, nil)
			say(c.do, format.RolePlatform, artifact.ErrConflict)
			say(c.do, format.RoleOwner, artifact.ErrConflict)
			say(c.back, format.RoleOwner, artifact.ErrDenied)
			if got := h.Plugin.State(); got != c.state {
				t.Errorf("%s: %s", c.do, got)
			}
			if _, platform := inForce(); !platform {
				t.Errorf("owners first %t: %s of the platform is not in force", ownersFirst, c.do)
			}
			if slices.Contains(ledger.Legal(h.Plugin, format.RoleOwner), c.back) && c.do != format.VersionYanked {
				t.Errorf("%s is told to owners as legal", c.back)
			}
			say(c.back, format.RolePlatform, nil)
			if owners, platform := inForce(); owners != ownersFirst || platform {
				t.Errorf("after %s of the platform %s is in force: by owners %t (want %t), by the platform %t", c.back, c.do, owners, ownersFirst, platform)
			}
			if ownersFirst {
				say(c.back, format.RoleOwner, nil)
			}
		}
	}
}

// Owners who remove over a suspension of the platform's and restore are where
// they were: suspended.
func TestARemovalHidesNoSuspension_E4(t *testing.T) {
	t.Parallel()
	h := begin(t, ledgertest.NewKey(t, "site"))
	for _, step := range []struct {
		kind format.Kind
		role string
		want ledger.PluginState
	}{
		{format.PluginSuspended, format.RolePlatform, ledger.SuspendedState}, {format.PluginRemoved, format.RoleOwner, ledger.RemovedState},
		{format.PluginRestored, format.RoleOwner, ledger.SuspendedState},
	} {
		if err := h.say(step.kind, step.role, bodies()[step.kind]); err != nil || h.Plugin.State() != step.want {
			t.Fatalf("%s: %v, %s", step.kind, err, h.Plugin.State())
		}
	}
}
