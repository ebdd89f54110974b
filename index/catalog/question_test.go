package catalog

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// Proves C1 and E12: a question is read in one place, a state that is none is named with
// those that there are, and filters come repeated or with commas between.
func TestAQuestionIsReadOnce_C1_E12(t *testing.T) {
	t.Parallel()
	q, err := ParseQuery(index.Query{Verified: "true"}, url.Values{"state": {"Removed, deleted", "removed"}, "tier": {"pro", "free"}})
	if err != nil || !slices.Equal(q.States, []string{"Removed", "deleted", "removed"}) || !slices.Equal(q.Tiers, []string{"pro", "free"}) || q.Verified == nil || !*q.Verified {
		t.Errorf("%+v, %v", q, err)
	}
	for what, row := range map[string]struct {
		q      index.Query
		values url.Values
		code   string
		says   string
	}{
		"a state that is none":     {values: url.Values{"state": {"gone"}}, code: index.CodeInvalidParameter, says: "active, deprecated, suspended, removed, emergency-removed, deleted"},
		"a signature that is none": {values: url.Values{"signature": {"fine"}}, code: index.CodeInvalidParameter, says: "verified, unverified"},
		"neither true nor false":   {q: index.Query{PublisherVerified: "maybe"}, code: index.CodeInvalidParameter, says: "true or false"},
		"a version of no host":     {q: index.Query{HostVersion: "1"}, code: index.CodeInvalidParameter, says: "without host"},
		"a version that is none":   {q: index.Query{Host: "acme-editor", HostVersion: "x.y"}, code: index.CodeInvalidHostVersion, says: "x.y"},
	} {
		var p *index.Problem
		if _, err := ParseQuery(row.q, row.values); !errors.As(err, &p) || p.Status != 400 || p.Code != row.code || !strings.Contains(p.Detail, row.says) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for cursor, code := range map[string]string{"zz": index.CodeInvalidCursor, "": ""} {
		_, err := Empty().Query(Query{Cursor: cursor}, nil)
		var p *index.Problem
		if code == "" && err != nil || code != "" && (!errors.As(ProblemOf(err), &p) || p.Code != code || p.Status != 400) {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
	var p *index.Problem
	if _, err := Empty().Query(Query{Categories: slices.Repeat([]string{"cursor"}, MaxValues+1)}, nil); !errors.As(ProblemOf(err), &p) || p.Code != index.CodeInvalidParameter {
		t.Errorf("too many values: %v", err)
	}
}

// Proves E12: only what UntoldLedger makes says that a ledger could not be read, whatever
// the text of another reason is.
func TestOnlyTheLedgersReasonSaysThatItIsUnread_E12(t *testing.T) {
	t.Parallel()
	if why, is := WhyUntold(UntoldLedger("the disk does not answer")); !is || why != "the disk does not answer" || !ByLedger(UntoldLedger("")) {
		t.Errorf("%q, %v", why, is)
	}
	said := UntoldLedger("x").Detail
	for _, r := range []index.Reason{{Code: index.ReasonMalformed, Detail: said}, {Code: index.ReasonUnreadable, Detail: "its bytes: " + said}} {
		if _, is := WhyUntold(r); is || ByLedger(r) {
			t.Errorf("%+v is taken for one", r)
		}
	}
	v := Version{Version: version("1.0.0"), Digest: digestOf("v"), Plugin: &artifact.Plugin{}, Pending: []index.Reason{UntoldLedger("it is damaged")}}
	s := Empty().With([]Plugin{{ID: name("acme/untold"), State: index.StateActive, Versions: []Version{v}}}, nil)
	if w, _ := s.Withdrawn("acme/untold"); w == nil || !w.State.Unknown || w.Why != "it is damaged" {
		t.Errorf("the state of a plugin whose ledger could not be read: %+v", w)
	}
}
