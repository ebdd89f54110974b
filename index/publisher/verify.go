package publisher

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
)

// VerifyPublisher says that a publisher is who it seems to be. A domain and a login prove
// themselves, so that owners may ask for them; an administrator's word is
// given by those who may verify publishers.
func (s *Service) VerifyPublisher(ctx context.Context, name string, v index.VerifyRequest) (index.Publisher, error) {
	body := format.Verified{Evidence: v.Evidence}
	if v.Evidence == format.EvidenceAdministrator {
		needs := audit.Right{Action: auth.PublisherVerify, On: auth.Site()}
		by, err := s.may(ctx, needs)
		if err != nil {
			return index.Publisher{}, err
		}
		body.Note = v.Note
		return s.stated(ctx, by, needs, auth.PublisherVerify, name, format.PublisherVerified, body)
	}
	needs := audit.Right{Action: auth.NamespaceManage, On: auth.InNamespace(name)}
	by, err := s.may(ctx, needs)
	if err != nil {
		return index.Publisher{}, err
	}
	switch v.Evidence {
	case format.EvidenceDNS:
		body.Domain = strings.TrimSuffix(strings.ToLower(v.Domain), ".")
		body.Record, err = s.findRecord(ctx, name, body.Domain)
	case format.EvidenceOIDC:
		body.Issuer, body.Claim, err = s.organisation(ctx, by, name)
	default:
		err = fmt.Errorf("evidence %q: expected dns, oidc or administrator: %w", v.Evidence, artifact.ErrInvalid)
	}
	if err != nil {
		return index.Publisher{}, err
	}
	return s.stated(ctx, by, needs, auth.PublisherVerify, name, format.PublisherVerified, body)
}

// UnverifyPublisher withdraws a verification, for a reason.
func (s *Service) UnverifyPublisher(ctx context.Context, name, reason string) (index.Publisher, error) {
	needs := audit.Right{Action: auth.PublisherVerify, On: auth.Site()}
	switch mine, err := s.o.Rights.Can(ctx, auth.NamespaceManage, auth.InNamespace(name)); {
	case err != nil:
		return index.Publisher{}, err
	case mine:
		needs = audit.Right{Action: auth.NamespaceManage, On: auth.InNamespace(name)}
	}
	by, err := s.may(ctx, needs)
	if err != nil {
		return index.Publisher{}, err
	}
	return s.stated(ctx, by, needs, audit.PublisherUnverify, name, format.PublisherUnverified, format.Unverified{Reason: reason})
}

// organisation is what the claims of the caller's login make them in the
// namespace: the provider says that they belong to it, and the configuration
// says that what the provider says is meant so.
func (s *Service) organisation(ctx context.Context, by auth.Principal, name string) (issuer, claim string, err error) {
	if by.Kind != auth.Person {
		return "", "", index.NewProblem(index.CodeUnverified, fmt.Sprintf("%s is no person who logged in through a provider", by.Name), "log in with oarlock login HOST --browser")
	}
	p, err := s.o.Store.Person(ctx, by.Name)
	if err != nil {
		return "", "", err
	}
	for _, role := range []auth.Role{auth.RoleOwner, auth.RoleMaintainer} {
		grant := auth.Grant{Role: role, Namespace: name}.String()
		if p.Issuer != "" && slices.Contains(p.Grants, grant) {
			return p.Issuer, grant, nil
		}
	}
	return "", "", index.NewProblem(index.CodeUnverified, fmt.Sprintf("the login of %s through %q carries no claim that makes them owner or maintainer of %s", by.Name, p.Issuer, name),
		fmt.Sprintf("have the operator map the organisation's claim to maintainer@%s under oidc.grants, and log in again", name))
}
