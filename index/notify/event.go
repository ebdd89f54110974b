package notify

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
)

// A Change is what is known of an event at the moment at which it is written
// down: enough to find the rest. It is of a type, or is a statement of a ledger.
type Change struct {
	// ID is the event's, for ever: of two with one ID the first is told.
	ID string `json:"id"`
	// At is when it happened, Noted when this site wrote it down.
	At    time.Time `json:"at"`
	Noted time.Time `json:"noted"`

	Type    Type           `json:"type,omitempty"`
	Plugin  string         `json:"plugin,omitempty"`
	Version string         `json:"version,omitempty"`
	Digest  digest.Digest  `json:"digest,omitempty"`
	Details map[string]any `json:"details,omitempty"`

	// Ledger is that of the statement, Sequence which one, and Statement its kind.
	Ledger    string `json:"ledger,omitempty"`
	Sequence  int    `json:"sequence,omitempty"`
	Statement string `json:"statement,omitempty"`
}

// An Event is what is told.
type Event struct {
	ID   string
	Type Type
	// At is when it happened, and Noted when this site learned of it.
	At, Noted time.Time
	// Number counts the events of this site in the order in which they were
	// kept: it rises, and has gaps.
	Number int64
	// Publisher is whom it is about; Plugin, Version and Digest are "" where
	// it is about none.
	Publisher, Plugin, Version string
	Digest                     digest.Digest
	// Data is an index.EventData in JSON.
	Data json.RawMessage
}

// Subject is the plugin, with its version where it is about one, or else the
// publisher.
func (e Event) Subject() string {
	switch {
	case e.Plugin == "":
		return e.Publisher
	case e.Version == "":
		return e.Plugin
	}
	return e.Plugin + "@" + e.Version
}

// CloudEvent is the event in the structured JSON of CloudEvents 1.0. Source is
// the URL of the site.
func (e Event) CloudEvent(source string) ([]byte, error) {
	out := index.CloudEvent{SpecVersion: "1.0", ID: e.ID, Source: source, Type: string(e.Type), Subject: e.Subject(), Time: e.At.UTC(),
		DataContentType: "application/json"}
	if err := json.Unmarshal(e.Data, &out.Data); err != nil {
		return nil, fmt.Errorf("event %s: %w", e.ID, err)
	}
	return json.Marshal(out)
}

// CloudEventsType is the media type of a CloudEvent.
const CloudEventsType = "application/cloudevents+json; charset=utf-8"

// typesOf are the types of statements. A kind that is not here is not told.
var typesOf = map[format.Kind]Type{
	format.PluginDeprecated: PluginDeprecated, format.PluginUndeprecated: PluginUndeprecated, format.PluginSuspended: PluginSuspended,
	format.PluginResumed: PluginResumed, format.PluginRemoved: PluginRemoved, format.PluginRestored: PluginRestored,
	format.VersionYanked: VersionYanked, format.VersionUnyanked: VersionUnyanked,
	format.EmergencyDeclared: EmergencyDeclared, format.EmergencyUndone: EmergencyUndone,
	format.PublisherClaimed: OwnerChanged, format.PublisherTransferred: OwnerChanged, format.PublisherClosed: PublisherClosed,
	format.PublisherVerified: PublisherVerified, format.PublisherUnverified: PublisherUnverified,
	format.KeyAdded: KeyAdded, format.KeyRevoked: KeyRevoked,
}

// told reports whether a change is told at all.
func (c Change) told() bool {
	if c.Statement == "" {
		return c.Type != ""
	}
	_, ok := typesOf[format.Kind(c.Statement)]
	return ok
}

// event is the change with what its statement says; s is nil where it is none.
func (c Change) event(s *index.LedgerStatement) (Event, error) {
	e := Event{ID: c.ID, Type: c.Type, At: c.At, Noted: c.Noted, Plugin: c.Plugin, Version: c.Version, Digest: c.Digest}
	data := index.EventData{Plugin: c.Plugin, Version: c.Version, Digest: c.Digest, Details: c.Details}
	if s != nil {
		ref, err := format.ParseRef(c.Ledger)
		if err != nil {
			return e, err
		}
		e.Type, e.Publisher = typesOf[format.Kind(s.Kind)], ref.Publisher()
		if !ref.OfPublisher() {
			e.Plugin = ref.Plugin().String()
		}
		if v, ok := s.Body["version"].(string); ok && e.Plugin != "" {
			e.Version = v
			if s.Subject != ref.Subject() {
				e.Digest = s.Subject
			}
		}
		data = index.EventData{Plugin: e.Plugin, Version: e.Version, Digest: e.Digest, Details: s.Body,
			Statement: &index.EventStatement{Ledger: c.Ledger, Sequence: s.Sequence, Digest: s.Digest, Kind: s.Kind, Actor: s.Actor, Role: s.Role}}
	}
	if e.Plugin != "" {
		id, err := artifact.ParseName(e.Plugin)
		if err != nil {
			return e, err
		}
		e.Publisher = id.Publisher()
	}
	if e.ID == "" || e.Type == "" || e.Publisher == "" || e.At.IsZero() {
		return e, fmt.Errorf("change %+v: it needs an id, a type, a time and whom it is about: %w", c, artifact.ErrInvalid)
	}
	data.Publisher = e.Publisher
	var err error
	e.Data, err = json.Marshal(data)
	return e, err
}

// stops has an event say what its emergency names: the version, where it is one.
func (e *Event) stops(names Stopped) error {
	if names.All || len(names.Versions) == 0 {
		return nil
	}
	var data index.EventData
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return err
	}
	data.Versions = names.Versions
	if len(names.Versions) == 1 && !names.Others {
		e.Version, e.Digest = names.Versions[0], names.Digest
		data.Version, data.Digest = e.Version, e.Digest
	}
	var err error
	e.Data, err = json.Marshal(data)
	return err
}
