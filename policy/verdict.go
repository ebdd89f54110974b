package policy

import "github.com/opencontainers/go-digest"

// A Finding is one thing that a judge found out.
type Finding struct {
	// Code is stable and made for programs, such as "signature_invalid".
	Code    string  `json:"code"`
	Outcome Outcome `json:"outcome"`
	// Detail is a sentence for people.
	Detail string `json:"detail"`
	// Digest is what the finding is about: the version, or a piece of evidence.
	Digest digest.Digest `json:"digest,omitempty"`
	// Judge is who found it out, such as "signature".
	Judge string `json:"judge"`
}

// About is the detail with the digest that it is about.
func (f Finding) About() string {
	if f.Digest == "" {
		return f.Detail
	}
	return f.Digest.String() + ": " + f.Detail
}

// A Verdict is a list of findings that each vote. The zero Verdict could not tell.
type Verdict struct {
	Findings []Finding `json:"findings"`
}

// Outcome combines the findings as Combine does.
func (v Verdict) Outcome() Outcome {
	votes := make([]Outcome, len(v.Findings))
	for i, f := range v.Findings {
		votes[i] = f.Outcome
	}
	return Combine(votes...)
}

// And is the verdict of both: every finding of either votes.
func (v Verdict) And(o Verdict) Verdict {
	all := make([]Finding, 0, len(v.Findings)+len(o.Findings))
	return Verdict{append(append(all, v.Findings...), o.Findings...)}
}

// Reasons are the findings that keep the verdict from allowing.
func (v Verdict) Reasons() []Finding {
	var out []Finding
	for _, f := range v.Findings {
		if !f.Outcome.Allowed() {
			out = append(out, f)
		}
	}
	return out
}

// A Step is one step of how a judgement came about, in order, for people.
type Step struct {
	Outcome  Outcome `json:"outcome"`
	Sentence string  `json:"sentence"`
}
