package notify

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// A Scope is what a subscription is about.
type Scope string

// The scopes.
const (
	// OfEverything is all that the owner may know of.
	OfEverything Scope = "everything"
	OfPublisher  Scope = "publisher"
	OfPlugin     Scope = "plugin"
	// OfTenant is the plugins that a tenant has, enabled or not.
	OfTenant Scope = "tenant"
)

// A Subscription has one account told of some events.
type Subscription struct {
	ID string
	// Owner is the account, by its principal: "person:ada".
	Owner string
	// Channel is by what it is told, and Receiver where: the id of a webhook,
	// or what the channel knows addresses by.
	Channel, Receiver string
	Scope             Scope
	// About is the publisher, plugin or tenant; "" for everything.
	About  string
	Events []Pattern
	// Frequency is "" for AtOnce.
	Frequency Frequency
	CreatedAt time.Time
}

// Wants reports whether the subscription names events of a type.
func (s Subscription) Wants(t Type) bool {
	return slices.ContainsFunc(s.Events, func(p Pattern) bool { return p.Matches(t) })
}

// maxEvents bounds the patterns of one subscription.
const maxEvents = 32

// ParsePatterns reads what a subscription names; none names all. Errors join all
// that is wrong, and wrap artifact.ErrInvalid.
func ParsePatterns(texts []string) ([]Pattern, error) {
	if len(texts) > maxEvents {
		return nil, fmt.Errorf("%d events: expected at most %d; a group such as \"plugin.*\" names many: %w", len(texts), maxEvents, artifact.ErrInvalid)
	}
	var out []Pattern
	var wrong []error
	for _, text := range texts {
		p, err := ParsePattern(text)
		if err != nil {
			wrong = append(wrong, err)
		} else if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	if len(texts) == 0 {
		out = []Pattern{"*"}
	}
	return out, errors.Join(wrong...)
}

// JoinPatterns is how patterns are kept.
func JoinPatterns(all []Pattern) string {
	texts := make([]string, len(all))
	for i, p := range all {
		texts[i] = string(p)
	}
	return strings.Join(texts, ",")
}

// SplitPatterns reads what JoinPatterns wrote.
func SplitPatterns(text string) []Pattern {
	var out []Pattern
	for part := range strings.SplitSeq(text, ",") {
		out = append(out, Pattern(part))
	}
	return out
}
