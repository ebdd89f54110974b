package ledger

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
)

// A LifecycleRule is one kind of statement about a plugin: from which states it
// may be made, and by whom. The rules are the only place that says so: what
// judges, what refuses and what tells people their choices reads them.
//
// What the platform did is taken back by the platform alone. It may do over what
// owners did: taking that back leaves the owners' in force.
type LifecycleRule struct {
	Kind format.Kind
	// From are the states of the plugin in which the move is legal.
	From []PluginState
	// Owner lets owners of the plugin's publisher make it; the platform may
	// make every one.
	Owner bool
	// Takes is the kind of statement that the move takes back; "" for one that
	// takes nothing back.
	Takes format.Kind

	apply func(p *Plugin, s *format.Statement, m Move) error
}

var lifecycle = []LifecycleRule{
	{format.PluginDeprecated, []PluginState{Active}, true, "", moved(deprecate)},
	{format.PluginUndeprecated, []PluginState{DeprecatedState}, true, format.PluginDeprecated, moved(undeprecate)},
	{format.PluginSuspended, []PluginState{Active, DeprecatedState}, true, "", moved(suspend)},
	{format.PluginResumed, []PluginState{SuspendedState}, true, format.PluginSuspended, moved(resume)},
	{format.PluginRemoved, []PluginState{Active, DeprecatedState, SuspendedState}, true, "", moved(remove)},
	{format.PluginRestored, []PluginState{RemovedState}, true, format.PluginRemoved, moved(restore)},
	{format.PluginDeleted, []PluginState{Active, DeprecatedState, SuspendedState, RemovedState}, true, "", moved(erase)},
	{format.VersionYanked, []PluginState{Active, DeprecatedState, SuspendedState, RemovedState}, true, "", moved(yank)},
	{format.VersionUnyanked, []PluginState{Active, DeprecatedState, SuspendedState, RemovedState}, true, format.VersionYanked, moved(unyank)},
	{format.EmergencyDeclared, PluginStates(), false, "", moved(declare)},
	{format.EmergencyUndone, PluginStates(), false, "", moved(undo)},
}

// Lifecycle is the rule of each kind of statement about plugins.
func Lifecycle() []LifecycleRule { return slices.Clone(lifecycle) }

func lifecycleRule(kind format.Kind) (LifecycleRule, bool) {
	i := slices.IndexFunc(lifecycle, func(r LifecycleRule) bool { return r.Kind == kind })
	if i < 0 {
		return LifecycleRule{}, false
	}
	return lifecycle[i], true
}

// Legal are the kinds of statements that may be made about a plugin in a role.
// Those about versions are there where they may be made of some version.
func Legal(p *Plugin, role string) []format.Kind {
	var out []format.Kind
	for _, r := range lifecycle {
		if p.may(r, role, "") == nil {
			out = append(out, r.Kind)
		}
	}
	return out
}

// May says why a statement of a kind may not be made about a plugin, in a role;
// subject is the digest of the version that it is about, or "" for some version. Its errors are of
// artifact.ErrDenied where another may make it, else of artifact.ErrConflict.
func (p *Plugin) May(kind format.Kind, role string, subject digest.Digest) error {
	r, known := lifecycleRule(kind)
	if !known {
		return invalid("kind %.80q is no move of a plugin", string(kind))
	}
	return p.may(r, role, subject)
}

func (p *Plugin) may(r LifecycleRule, role string, subject digest.Digest) error {
	if role != format.RolePlatform && (!r.Owner || role != format.RoleOwner) {
		return denied("%s: the role %q, expected %s", r.Kind, role, r.roles())
	}
	there, inForce := p.inForce(r.Kind, subject)
	back, takes := p.inForce(r.Takes, subject)
	over := inForce && role == format.RolePlatform && there.Role != format.RolePlatform
	switch state := p.State(); {
	case over && state == stateOf(r.Kind):
	case !slices.Contains(r.From, state):
		return fmt.Errorf("%s: the plugin is %s, expected %s: %w", r.Kind, state, join(r.From), artifact.ErrConflict)
	case r.Kind == format.PluginDeleted && role != format.RolePlatform && p.heldByPlatform() != "":
		return denied("%s: %s, and what it looks into stays: an admin of the site ends that first", r.Kind, p.heldByPlatform())
	case r.Kind == format.VersionYanked && subject != "" && inForce && !over:
		return fmt.Errorf("%s: the version with digest %s was yanked at %s: %w", r.Kind, subject, there.At.Format(rfc3339), artifact.ErrConflict)
	case r.Takes == format.VersionYanked && !takes && subject != "":
		return fmt.Errorf("%s: the version with digest %s is not yanked: %w", r.Kind, subject, artifact.ErrConflict)
	case takes && back.Role == format.RolePlatform && role != format.RolePlatform:
		return denied("%s: %s of %s was the platform's, by %s, and the platform alone takes it back", r.Kind, r.Takes, back.At.Format(rfc3339), back.By)
	}
	return nil
}

// stateOf is the state that a kind of statement puts a plugin in; "" for others.
func stateOf(kind format.Kind) PluginState {
	switch kind {
	case format.PluginDeprecated:
		return DeprecatedState
	case format.PluginSuspended:
		return SuspendedState
	case format.PluginRemoved:
		return RemovedState
	}
	return ""
}

// move takes a statement about a plugin into its state.
func (p *Plugin) move(st *format.Statement, d digest.Digest) error {
	r, known := lifecycleRule(st.Kind)
	if !known {
		return nil // of a later time
	}
	if err := p.may(r, st.Role, st.Subject); err != nil {
		return fmt.Errorf("%s: %w", st.Actor, err)
	}
	return r.apply(p, st, Move{At: st.Time, By: st.Actor, Role: st.Role, Sequence: st.Sequence, Digest: d})
}

func (r LifecycleRule) roles() string {
	if r.Owner {
		return format.RoleOwner + " or " + format.RolePlatform
	}
	return format.RolePlatform
}

func join(states []PluginState) string {
	words := make([]string, len(states))
	for i, s := range states {
		words[i] = string(s)
	}
	return strings.Join(words, ", ")
}

// moved reads the body before it does what it says.
func moved[T any](do func(*Plugin, *format.Statement, T, Move) error) func(*Plugin, *format.Statement, Move) error {
	return func(p *Plugin, s *format.Statement, m Move) error {
		var body T
		if err := artifact.UnmarshalStrict(s.Body, &body); err != nil {
			return fmt.Errorf("body of %s: %s: %w", s.Kind, err, artifact.ErrInvalid)
		}
		return do(p, s, body, m)
	}
}

// maxText bounds what people write, in bytes.
const maxText = 4096

func grounded(g format.Grounds) error {
	if !slices.Contains(format.Reasons(), g.Reason) {
		return invalid("reason %.80q, expected one of %s", g.Reason, strings.Join(format.Reasons(), ", "))
	}
	return artifact.CheckText(g.Text, maxText)
}

func backGrounds(b format.Back) error {
	if b.Reason == "" {
		return artifact.CheckText(b.Text, maxText)
	}
	return grounded(format.Grounds(b))
}

// ahead holds a date that somebody promises to the time after the statement.
func ahead(what string, at *time.Time, s *format.Statement) error {
	if at != nil && !at.After(s.Time) {
		return invalid("%s %s is past: the statement is of %s", what, at.Format(rfc3339), s.Time.Format(rfc3339))
	}
	return nil
}

func deprecate(p *Plugin, s *format.Statement, body format.Deprecated, m Move) error {
	if err := grounded(body.Grounds); err != nil {
		return err
	}
	if body.Replacement != "" {
		switch name, err := artifact.ParseName(body.Replacement); {
		case err != nil:
			return fmt.Errorf("replacement: %w", err)
		case name == p.Name:
			return invalid("replacement %q is the plugin itself", body.Replacement)
		}
	}
	if err := webAddress("guide", body.Guide); err != nil {
		return err
	}
	if err := ahead("end of life", body.EndOfLife, s); err != nil {
		return err
	}
	p.Owners.Deprecated = p.Deprecated
	p.Deprecated = &Deprecation{body, m}
	return nil
}

func webAddress(what, address string) error {
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || len(address) > 2048 {
		return invalid("%s %.200q, expected an https address of at most 2048 bytes without a user", what, address)
	}
	return artifact.CheckText(address, 2048)
}

func undeprecate(p *Plugin, _ *format.Statement, body format.Back, _ Move) error {
	p.Deprecated, p.Owners.Deprecated = p.Owners.Deprecated, nil
	return backGrounds(body)
}

func suspend(p *Plugin, s *format.Statement, body format.Suspended, m Move) error {
	if err := grounded(body.Grounds); err != nil {
		return err
	}
	if body.Existing != format.KeepRunning && body.Existing != format.StopRunning {
		return invalid("existing %.40q, expected %s or %s", string(body.Existing), format.KeepRunning, format.StopRunning)
	}
	if err := ahead("until", body.Until, s); err != nil {
		return err
	}
	p.Owners.Suspended = p.Suspended
	p.Suspended = &Suspension{body, m}
	return nil
}

func resume(p *Plugin, _ *format.Statement, body format.Back, _ Move) error {
	p.Suspended, p.Owners.Suspended = p.Owners.Suspended, nil
	return backGrounds(body)
}

func remove(p *Plugin, _ *format.Statement, body format.PluginGone, m Move) error {
	p.Owners.Removed = p.Removed
	p.Removed = &Removal{body, m}
	return grounded(body.Grounds)
}

func restore(p *Plugin, _ *format.Statement, body format.Back, _ Move) error {
	p.Removed, p.Owners.Removed = p.Owners.Removed, nil
	return backGrounds(body)
}

// heldByPlatform is what of the platform's is in force that keeps owners from
// deleting what it is about; "" where nothing is.
func (p *Plugin) heldByPlatform() string {
	switch {
	case p == nil:
	case len(p.Emergencies) > 0:
		return "an emergency is in force, since " + p.Emergencies[0].At.Format(rfc3339)
	case p.Suspended != nil && p.Suspended.Role == format.RolePlatform:
		return "the platform suspended the plugin, at " + p.Suspended.At.Format(rfc3339)
	case p.Removed != nil && p.Removed.Role == format.RolePlatform:
		return "the platform removed the plugin, at " + p.Removed.At.Format(rfc3339)
	}
	return ""
}

func erase(p *Plugin, _ *format.Statement, body format.Deleted, m Move) error {
	p.Deleted = &Deletion{body, m}
	return grounded(body.Grounds)
}

func yank(p *Plugin, s *format.Statement, body format.Yanked, m Move) error {
	if err := grounded(body.Grounds); err != nil {
		return err
	}
	if err := versioned(body.Version, s); err != nil {
		return err
	}
	switch y, is := p.Yanked[s.Subject]; {
	case is && (m.Role != format.RolePlatform || y.Role == format.RolePlatform):
		return fmt.Errorf("version %s was yanked at %s: %w", y.Version, y.At.Format(rfc3339), artifact.ErrConflict)
	case is:
		p.Owners.Yanked = with(p.Owners.Yanked, s.Subject, y)
	}
	p.Yanked = with(p.Yanked, s.Subject, Yank{body, m})
	return nil
}

func unyank(p *Plugin, s *format.Statement, body format.Unyanked, _ Move) error {
	if err := versioned(body.Version, s); err != nil {
		return err
	}
	y, is := p.Yanked[s.Subject]
	if !is || y.Version != body.Version {
		return fmt.Errorf("version %s with digest %s is not yanked: %w", body.Version, s.Subject, artifact.ErrConflict)
	}
	if under, is := p.Owners.Yanked[s.Subject]; is {
		p.Yanked[s.Subject] = under
		delete(p.Owners.Yanked, s.Subject)
	} else {
		delete(p.Yanked, s.Subject)
	}
	return backGrounds(format.Back{Reason: body.Reason, Text: body.Text})
}

func with(yanks map[digest.Digest]Yank, d digest.Digest, y Yank) map[digest.Digest]Yank {
	if yanks == nil {
		yanks = map[digest.Digest]Yank{}
	}
	yanks[d] = y
	return yanks
}

// versioned wants a statement about a version to name its digest too.
func versioned(version string, s *format.Statement) error {
	if _, err := artifact.ParseVersion(version); err != nil {
		return err
	}
	if s.Subject == s.Ledger.Subject() {
		return invalid("version %s: the statement's subject is the plugin, expected the digest of the version", version)
	}
	return nil
}

func declare(p *Plugin, _ *format.Statement, body format.Emergency, m Move) error {
	if err := grounded(body.Grounds); err != nil {
		return err
	}
	if len(body.Digests) == 0 {
		return invalid("no digests: an emergency names all that must not run")
	}
	for i, d := range body.Digests {
		if d.Validate() != nil || slices.Contains(body.Digests[:i], d) {
			return invalid("digest %.100q is none, or is there twice", string(d))
		}
	}
	if err := approved(body.ApprovedBy, m.By); err != nil {
		return err
	}
	p.Emergencies = append(p.Emergencies, Emergency{body, m})
	return nil
}

func undo(p *Plugin, _ *format.Statement, body format.EmergencyEnd, m Move) error {
	if err := grounded(body.Grounds); err != nil {
		return err
	}
	if err := approved(body.ApprovedBy, m.By); err != nil {
		return err
	}
	i := slices.IndexFunc(p.Emergencies, func(e Emergency) bool { return e.Digest == body.Of })
	if i < 0 {
		return fmt.Errorf("no emergency that is in force was declared by statement %.100q: %w", string(body.Of), artifact.ErrNotFound)
	}
	p.Emergencies = slices.Delete(p.Emergencies, i, i+1)
	return nil
}

// approved wants those who approved to be others than who acted.
func approved(by []string, actor string) error {
	for i, who := range by {
		if who == "" || who == actor || slices.Contains(by[:i], who) {
			return invalid("approved by %.80q: expected others than %.80q, each once", who, actor)
		}
	}
	return nil
}
