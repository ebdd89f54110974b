package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
)

// VerifyPublisher implements api.Publishers. A domain and a login prove
// themselves, so that owners may ask for them; an administrator's word is
// given by those who may verify publishers.
func (d desk) VerifyPublisher(ctx context.Context, name string, v index.VerifyRequest) (index.Publisher, error) {
	body := format.Verified{Evidence: v.Evidence}
	if v.Evidence == format.EvidenceAdministrator {
		by, err := d.may(ctx, auth.PublisherVerify, auth.Site())
		if err != nil {
			return index.Publisher{}, err
		}
		body.Note = v.Note
		return d.stated(ctx, by, audit.Right{Action: auth.PublisherVerify, On: auth.Site()}, auth.PublisherVerify, name, format.PublisherVerified, body)
	}
	by, err := d.may(ctx, auth.NamespaceManage, auth.InNamespace(name))
	if err != nil {
		return index.Publisher{}, err
	}
	switch v.Evidence {
	case format.EvidenceDNS:
		body.Domain = strings.TrimSuffix(strings.ToLower(v.Domain), ".")
		body.Record, err = d.ledgers.findRecord(ctx, name, body.Domain)
	case format.EvidenceOIDC:
		body.Issuer, body.Claim, err = d.organisation(ctx, by, name)
	default:
		err = fmt.Errorf("evidence %q: expected dns, oidc or administrator: %w", v.Evidence, artifact.ErrInvalid)
	}
	if err != nil {
		return index.Publisher{}, err
	}
	return d.stated(ctx, by, audit.Right{Action: auth.NamespaceManage, On: auth.InNamespace(name)}, auth.PublisherVerify, name, format.PublisherVerified, body)
}

// UnverifyPublisher implements api.Publishers.
func (d desk) UnverifyPublisher(ctx context.Context, name, reason string) (index.Publisher, error) {
	needs := audit.Right{Action: auth.NamespaceManage, On: auth.InNamespace(name)}
	by, err := d.may(ctx, needs.Action, needs.On)
	if err != nil {
		needs = audit.Right{Action: auth.PublisherVerify, On: auth.Site()}
		if by, err = d.may(ctx, needs.Action, needs.On); err != nil {
			return index.Publisher{}, err
		}
	}
	return d.stated(ctx, by, needs, auth.PublisherVerify, name, format.PublisherUnverified, format.Unverified{Reason: reason})
}

// lookupWithin bounds one question to the DNS.
const lookupWithin = 10 * time.Second

// findRecord finds the TXT record of a domain that names the publisher. That
// there is none is unverified; that the DNS does not answer could not tell.
func (l *ledgers) findRecord(ctx context.Context, publisher, domain string) (string, error) {
	if !isDomain(domain) {
		return "", fmt.Errorf("domain %.260q: expected a name such as acme.example.org: %w", domain, artifact.ErrInvalid)
	}
	s, ok := l.index.ingest.Publisher(publisher)
	if !ok || s.Counts.Publisher == nil {
		return "", fmt.Errorf("publisher %q: there is no ledger of it here: %w", publisher, artifact.ErrNotFound)
	}
	want := proofs(s.Counts)
	ctx, cancel := context.WithTimeout(ctx, lookupWithin)
	defer cancel()
	records, err := l.dns.LookupTXT(ctx, domain)
	var answer *net.DNSError
	if err != nil && !(errors.As(err, &answer) && answer.IsNotFound) {
		return "", index.NewProblem(index.CodeUnavailable, fmt.Sprintf("could not tell whether %s names %s: %s", domain, publisher, err), "try again when the DNS answers")
	}
	for _, r := range records {
		if r = strings.TrimSpace(r); slices.ContainsFunc(want, func(w string) bool { return strings.EqualFold(w, r) }) {
			return r, nil
		}
	}
	return "", index.NewProblem(index.CodeUnverified, fmt.Sprintf("%s has no TXT record that names %s (%d others were found)", domain, publisher, len(records)),
		fmt.Sprintf("add a TXT record to %s with the text %s, and ask again", domain, want[0]))
}

// isDomain reports whether s has at least two labels of a host name.
func isDomain(s string) bool {
	labels := strings.Split(s, ".")
	if len(s) > 253 || len(labels) < 2 {
		return false
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return net.ParseIP(s) == nil
}

// organisation is what the claims of the caller's login make them in the
// namespace: the provider says that they belong to it, and the configuration
// says that what the provider says is meant so.
func (d desk) organisation(ctx context.Context, by auth.Principal, name string) (issuer, claim string, err error) {
	if by.Kind != auth.Person {
		return "", "", index.NewProblem(index.CodeUnverified, fmt.Sprintf("%s is no person who logged in through a provider", by.Name), "log in with oarlock login HOST --browser")
	}
	p, err := d.a.store.Person(ctx, by.Name)
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
