package notify

import (
	"time"

	"github.com/opencontainers/go-digest"
)

// An EmergencyStep is a step of an emergency that no ledger tells of: a request and a
// proposal, of which those hear who decide, and what is in force here alone.
type EmergencyStep struct {
	Type               Type
	Emergency          string // its id
	Plugin, Version    string
	Digest             digest.Digest // "" for all versions
	By, Reason, Text   string
	Soft               bool
	At, Noted, Expires time.Time
}

// Change is the step as it is told; its id follows from the emergency.
func (s EmergencyStep) Change() Change {
	details := map[string]any{"emergency": s.Emergency, "reason": s.Reason, "by": s.By}
	if s.Text != "" {
		details["text"] = s.Text
	}
	if s.Soft {
		details["soft"] = true
	}
	if s.Digest == "" {
		details["all"] = true
	}
	if !s.Expires.IsZero() {
		details["expires_at"] = s.Expires.UTC().Format(time.RFC3339)
	}
	return Change{
		ID: idOf("emergency", s.Emergency, string(s.Type)), At: s.At, Noted: s.Noted, Type: s.Type,
		Plugin: s.Plugin, Version: s.Version, Digest: s.Digest, Details: details,
	}
}
