package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/policy/trust"
)

// A rule is one kind of statement about a publisher: what its body must be,
// who may act so, and what it changes.
type rule struct {
	// owner lets owners act; the platform may always.
	owner bool
	// key lets a key of the publisher sign it.
	key   bool
	apply func(p *Publisher, s *format.Statement) error
}

var rules = map[format.Kind]rule{
	format.PublisherClaimed:     {owner: true, apply: applied(claim)},
	format.PublisherConfigured:  {owner: true, apply: applied(configure)},
	format.PublisherTransferred: {owner: true, apply: applied(transfer)},
	format.PublisherClosed:      {owner: true, apply: applied(closePublisher)},
	format.PublisherVerified:    {owner: true, apply: applied(verify)},
	format.PublisherUnverified:  {owner: true, apply: applied(unverify)},
	format.MemberSet:            {owner: true, apply: applied(setMember)},
	format.MemberRemoved:        {owner: true, apply: applied(removeMember)},
	format.KeyAdded:             {owner: true, key: true, apply: applied(addKey)},
	format.KeyRevoked:           {owner: true, key: true, apply: applied(revokeKey)},
}

// applied reads the body before it does what it says.
func applied[T any](do func(*Publisher, *format.Statement, T) error) func(*Publisher, *format.Statement) error {
	return func(p *Publisher, s *format.Statement) error {
		var body T
		if err := artifact.UnmarshalStrict(s.Body, &body); err != nil {
			return fmt.Errorf("body of %s: %s: %w", s.Kind, err, artifact.ErrInvalid)
		}
		return do(p, s, body)
	}
}

func claim(p *Publisher, s *format.Statement, body format.Claimed) error {
	if body.Owner == "" {
		return invalid("no owner")
	}
	p.ClaimedAt, p.Private, p.Members = s.Time, body.Private, map[string]string{body.Owner: format.RoleOwner}
	return nil
}

func configure(p *Publisher, _ *format.Statement, body format.Configured) error {
	p.Private, p.PublishingOff = body.Private, body.PublishingOff
	return nil
}

func transfer(p *Publisher, _ *format.Statement, body format.Transferred) error {
	if body.To == "" {
		return invalid("to nobody")
	}
	for _, principal := range body.From {
		if principal != body.To {
			delete(p.Members, principal)
		}
	}
	p.Members[body.To] = format.RoleOwner
	return nil
}

func closePublisher(p *Publisher, s *format.Statement, _ format.Closed) error {
	if p.ClosedAt != nil {
		return fmt.Errorf("publisher %q is closed already: %w", p.Name, artifact.ErrConflict)
	}
	p.ClosedAt = &s.Time
	return nil
}

func setMember(p *Publisher, _ *format.Statement, body format.Member) error {
	if body.Principal == "" || !slices.Contains([]string{"owner", "maintainer", "publisher", "reader"}, body.Role) {
		return invalid("member %q with role %q", body.Principal, body.Role)
	}
	p.Members[body.Principal] = body.Role
	return p.keepsOwner()
}

func removeMember(p *Publisher, _ *format.Statement, body format.Removed) error {
	delete(p.Members, body.Principal)
	return p.keepsOwner()
}

func (p *Publisher) keepsOwner() error {
	if len(p.Owners()) == 0 {
		return fmt.Errorf("publisher %q would have no owner: %w", p.Name, artifact.ErrConflict)
	}
	return nil
}

func addKey(p *Publisher, s *format.Statement, body format.Key) error {
	key, err := trust.ParseKey([]byte(body.PEM))
	if err != nil {
		return err
	}
	signer, err := trust.NewSigner(body.Name, key)
	if err != nil {
		return err
	}
	switch {
	case signer.ID.String() != body.ID:
		return invalid("key %q is %s, and its id says %q", body.Name, signer.ID, body.ID)
	case body.From.IsZero():
		return invalid("key %q: no time from which it counts", body.Name)
	}
	for _, k := range p.Keys {
		if k.ID == body.ID || k.Name == body.Name && k.RevokedAt == nil {
			return fmt.Errorf("key %q (%s) is there already, as %q: %w", body.Name, body.ID, k.Name, artifact.ErrConflict)
		}
	}
	if len(p.Keys) >= maxKeys {
		return fmt.Errorf("publisher %q has %d keys, and can have no more: %w", p.Name, len(p.Keys), artifact.ErrConflict)
	}
	p.Keys = append(p.Keys, Key{Key: body, AddedAt: s.Time})
	return nil
}

// maxKeys bounds how many keys a publisher ever has.
const maxKeys = 256

func revokeKey(p *Publisher, s *format.Statement, body format.KeyEnd) error {
	i := slices.IndexFunc(p.Keys, func(k Key) bool { return k.ID == body.ID })
	switch {
	case i < 0:
		return fmt.Errorf("publisher %q has no key %q: %w", p.Name, body.ID, artifact.ErrNotFound)
	case body.From.IsZero() || body.From.After(s.Time.Add(time.Minute)):
		return invalid("key %q: revoked from %s, expected a time that is over", body.ID, body.From)
	case body.Reason == "":
		return invalid("key %q: revoked for no reason", body.ID)
	}
	k := p.Keys[i]
	if k.RevokedFrom != nil && !body.From.Before(*k.RevokedFrom) {
		return fmt.Errorf("key %q is revoked from %s on already: %w", body.ID, k.RevokedFrom.Format(time.RFC3339), artifact.ErrConflict)
	}
	k.RevokedAt, k.RevokedFrom, k.Reason = &s.Time, &body.From, body.Reason
	p.Keys[i] = k
	return nil
}

func verify(p *Publisher, s *format.Statement, body format.Verified) error {
	switch body.Evidence {
	case format.EvidenceDNS:
		if body.Domain == "" || body.Record == "" {
			return invalid("evidence %q without domain or record", body.Evidence)
		}
	case format.EvidenceOIDC:
		if body.Issuer == "" || body.Claim == "" {
			return invalid("evidence %q without issuer or claim", body.Evidence)
		}
	case format.EvidenceAdministrator:
		if s.Role != format.RolePlatform {
			return fmt.Errorf("%s in the role %q cannot vouch as an administrator: %w", s.Actor, s.Role, artifact.ErrDenied)
		}
	default:
		return invalid("evidence %q, expected dns, oidc or administrator", body.Evidence)
	}
	p.Verified = &Verification{Verified: body, At: s.Time, By: s.Actor, Sequence: s.Sequence}
	return nil
}

func unverify(p *Publisher, _ *format.Statement, body format.Unverified) error {
	switch {
	case p.Verified == nil:
		return fmt.Errorf("publisher %q is not verified: %w", p.Name, artifact.ErrConflict)
	case body.Reason == "":
		return invalid("no reason")
	}
	p.Verified = nil
	return nil
}

func invalid(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, artifact.ErrInvalid)...)
}

// Known reports whether kind is one whose meaning is known in that ledger: about
// publishers in theirs, about plugins in theirs.
func Known(in format.Ref, kind format.Kind) bool {
	if in.OfPublisher() {
		_, ok := rules[kind]
		return ok
	}
	_, ok := lifecycleRule(kind)
	return ok
}
