package publisher

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/policy/ledger"
)

// lookupWithin bounds one question to the DNS.
const lookupWithin = 10 * time.Second

// findRecord finds the TXT record of a domain that names the publisher. That
// there is none is unverified; that the DNS does not answer could not tell.
func (s *Service) findRecord(ctx context.Context, publisher, domain string) (string, error) {
	if !isDomain(domain) {
		return "", fmt.Errorf("domain %.260q: expected a name such as acme.example.org: %w", domain, artifact.ErrInvalid)
	}
	known, ok := s.o.Catalog.Publisher(publisher)
	if !ok || known.Counts.Publisher == nil {
		return "", fmt.Errorf("publisher %q: there is no ledger of it here: %w", publisher, artifact.ErrNotFound)
	}
	want := proofs(known.Counts)
	ctx, cancel := context.WithTimeout(ctx, lookupWithin)
	defer cancel()
	records, err := s.o.DNS.LookupTXT(ctx, domain)
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

// isDomain reports whether name has at least two labels of a host name.
func isDomain(name string) bool {
	labels := strings.Split(name, ".")
	if len(name) > 253 || len(labels) < 2 {
		return false
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return net.ParseIP(name) == nil
}

// proofs are the TXT records that prove that a domain's owner means this
// publisher: by the ledger's first statement, which is nowhere else, or by the
// fingerprint of a key.
func proofs(s ledger.State) []string {
	if s.Publisher == nil {
		return []string{""}
	}
	out := []string{record(s.Publisher.Name, fingerprint(s.First.String())[:32])}
	for _, k := range s.Publisher.ActiveKeys() {
		out = append(out, record(s.Publisher.Name, k.ID))
	}
	return out
}

const recordPrefix = "oarlock-verify="

func record(publisher, token string) string {
	return recordPrefix + publisher + ":" + strings.ToLower(token)
}
