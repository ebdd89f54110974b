package index

import (
	"time"

	"github.com/opencontainers/go-digest"
)

// A CloudEvent is what happened, as CloudEvents 1.0 writes it in JSON.
type CloudEvent struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id" doc:"The same however often it is told."`
	Source          string    `json:"source" doc:"URL of the site."`
	Type            string    `json:"type" example:"dev.oarlock.plugin.published.v1"`
	Subject         string    `json:"subject" example:"acme/hello@1.2.0"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            EventData `json:"data"`
}

// EventData is what an event is about.
type EventData struct {
	Publisher string          `json:"publisher,omitempty" doc:"Whose it is; absent in a test of a webhook alone."`
	Plugin    string          `json:"plugin,omitempty" example:"acme/hello"`
	Version   string          `json:"version,omitempty"`
	Versions  []string        `json:"versions,omitempty" doc:"Of an emergency the versions that it names; absent where it names all."`
	Digest    digest.Digest   `json:"digest,omitempty"`
	Details   map[string]any  `json:"details,omitempty" doc:"What the statement says: reason, text, replacement, end_of_life and the like."`
	Statement *EventStatement `json:"statement,omitempty"`
}

// An EventStatement is the statement of a ledger that an event tells of.
type EventStatement struct {
	Ledger   string        `json:"ledger" example:"acme/hello:oarlock-state"`
	Sequence int           `json:"sequence"`
	Digest   digest.Digest `json:"digest"`
	Kind     string        `json:"kind" example:"plugin.deprecated"`
	Actor    string        `json:"actor"`
	Role     string        `json:"role"`
}
