package cli

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	orasregistry "oras.land/oras-go/v2/registry"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

const (
	maxListing  = 5 * time.Second        // how long push waits for the catalog's word
	listingStep = 100 * time.Millisecond // between two questions
)

// pendingReason is why a version is stored and not listed, and what to do.
type pendingReason struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"`
}

// listing is whether the catalog lists what was pushed; Listed is nil where no
// catalog said so.
type listing struct {
	Listed  *bool           `json:"listed,omitempty"`
	Pending []pendingReason `json:"pending,omitempty"`
}

func (l listing) text(w io.Writer) error {
	for _, p := range l.Pending {
		if err := writeLine(w, "stored, not listed yet: %s: %s", p.Code, strings.TrimPrefix(p.Detail, p.Code+": ")); err != nil {
			return err
		}
		if p.Fix != "" {
			if err := writeLine(w, "  %s", p.Fix); err != nil {
				return err
			}
		}
	}
	return nil
}

// listed asks the catalog of the registry that was pushed to. A registry without
// one, or one that is too slow, has not said anything: the push has succeeded.
func (c *console) listed(ctx context.Context, r pushResult, ref orasregistry.Reference, signed bool) listing {
	id, err := client.NameOf(ref)
	tag, tagErr := artifact.ParseTag(ref.Reference)
	if err != nil || tagErr != nil || tag.Kind() != artifact.TagVersion {
		return listing{}
	}
	ctx, cancel := context.WithTimeout(ctx, maxListing)
	defer cancel()
	cl, err := client.New(c.origin(ctx, ref.Registry), client.Options{HTTPClient: http.DefaultClient, UserAgent: c.userAgent(), PlainHTTP: c.plainHTTP,
		Login: c.tokenAt})
	if err != nil {
		return listing{}
	}
	last := listing{}
	for {
		v, err := cl.Version(ctx, id, tag.Version())
		switch {
		case err == nil && v.Digest.String() == r.Digest:
			if last = listingOf(v, r.Reference); *last.Listed || !signed || !last.waitsForSignature() {
				return last
			}
		case err != nil && !stillUnknown(err):
			return last
		}
		select {
		case <-ctx.Done():
			return last
		case <-time.After(listingStep):
		}
	}
}

// stillUnknown holds for a catalog that has not seen the version yet.
func stillUnknown(err error) bool {
	var problem *index.Problem
	return errors.As(err, &problem) && problem.Status == http.StatusNotFound && problem.Code != ""
}

func listingOf(v *index.VersionDetail, reference string) listing {
	yes := v.Pending == nil || len(v.Pending.Reasons) == 0
	l := listing{Listed: &yes}
	if yes {
		return l
	}
	for _, reason := range v.Pending.Reasons {
		l.Pending = append(l.Pending, pendingReason{reason.Code, reason.Detail, pendingFix(reason.Code, reference, v.ID+"@"+v.Version.Version)})
	}
	if l.isStopped() { // nobody reads it, so nobody signs it either
		for i := range l.Pending {
			l.Pending[i].Fix = "when that is over: " + l.Pending[i].Fix
			if stops(l.Pending[i].Code) {
				l.Pending[i].Fix = "see what it is about, and who could end it: oarlock emergency-remove list --plugin " + v.ID
			}
		}
	}
	return l
}

// stops reports whether a reason keeps everybody from reading the version.
func stops(code string) bool {
	return code == index.ReasonEmergency || code == index.ReasonBlocked
}

// isStopped reports whether nobody can read what was pushed.
func (l listing) isStopped() bool {
	return slices.ContainsFunc(l.Pending, func(p pendingReason) bool { return stops(p.Code) })
}

func (l listing) isListed() bool { return l.Listed != nil && *l.Listed }

// waitsForSignature holds where a signature that was just written may not have
// been seen yet.
func (l listing) waitsForSignature() bool {
	return slices.ContainsFunc(l.Pending, func(p pendingReason) bool { return p.Code == index.ReasonUnsigned })
}

// pendingFix is what whoever pushed can do.
func pendingFix(code, reference, version string) string {
	switch code {
	case index.ReasonUnsigned:
		return "sign it: oarlock sign " + reference + " --key KEY"
	case index.ReasonSignatureUnknown, index.ReasonSignatureInvalid:
		return "sign it with a key that the site's trust policy names: oarlock sign " + reference + " --key KEY"
	case index.ReasonAttestMissing, index.ReasonAttestUnverified, index.ReasonAttestInvalid:
		return "attest it: oarlock attest " + reference + " --type TYPE --predicate FILE --key KEY"
	case index.ReasonNoTrust:
		return "ask the operator to name the namespace in the trust policy"
	case index.ReasonMalformed:
		return "publish a corrected version under the next number"
	}
	return "see: oarlock policy explain " + version
}
