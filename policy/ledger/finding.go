package ledger

import (
	"fmt"

	"github.com/opencontainers/go-digest"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/policy"
)

// The codes of findings about ledgers. They are stable.
const (
	CodeVerified    = "ledger_verified"
	CodeEmpty       = "ledger_empty"
	CodeForged      = "ledger_forged"
	CodeMalformed   = "ledger_malformed"
	CodeReordered   = "ledger_reordered"
	CodeTruncated   = "ledger_truncated"
	CodeForked      = "ledger_forked"
	CodeTime        = "ledger_time"
	CodeNotEntitled = "ledger_not_entitled"
)

const name = "ledger"

// A Finding is one about a ledger, and at which statement.
type Finding struct {
	policy.Finding
	// Sequence is the place of the statement in the list, from 1; 0 is the
	// ledger as a whole.
	Sequence int `json:"sequence,omitempty"`
}

func found(code string, at int, d digest.Digest, format string, args ...any) *Finding {
	detail := fmt.Sprintf(format, args...)
	if at > 0 {
		detail = fmt.Sprintf("statement %d, %s: %s", at, d, detail)
	}
	outcome := policy.Deny
	if code == policy.CodeUnreadable {
		outcome = policy.Unknown
	}
	return &Finding{policy.Finding{Code: code, Outcome: outcome, Detail: detail, Digest: d, Judge: name}, at}
}

// A Judgement is what was found out about one ledger.
type Judgement struct {
	Ref format.Ref `json:"ledger"`
	// List is the digest of the index, "" where there is none.
	List digest.Digest `json:"digest,omitempty"`
	// Head is that of the whole list, whether it holds or not.
	Head format.Head `json:"head"`
	// State is what the statements say that hold; State.Head is the last of them.
	State State `json:"state"`
	// Kept says that the statements that hold go at least as far as the head
	// that the caller remembered, and contain it.
	Kept bool `json:"-"`
	// Findings vote; all of them allow where the ledger holds.
	Findings []Finding `json:"findings"`
}

// A Standing is what is known of a publisher: the state that counts, and what
// is wrong with the ledger that lies in the registry, if anything is.
type Standing struct {
	Judgement
	// Counts is the last state that held. It is Judgement.State, unless that
	// lost what was known before.
	Counts State
}

// Verdict has every finding vote.
func (j Judgement) Verdict() policy.Verdict {
	var v policy.Verdict
	for _, f := range j.Findings {
		v.Findings = append(v.Findings, f.Finding)
	}
	return v
}

// Problems are the findings that keep the ledger from being good.
func (j Judgement) Problems() []Finding {
	var out []Finding
	for _, f := range j.Findings {
		if !f.Outcome.Allowed() {
			out = append(out, f)
		}
	}
	return out
}
