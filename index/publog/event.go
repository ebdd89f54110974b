package publog

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
)

// A Kind says what an event is about.
type Kind string

// The kinds of events. Published is a version that is listed for the first time;
// Channel is a channel that was set, moved or removed, or a statement about one;
// the others are a statement that was appended to a ledger.
const (
	Published Kind = "published"
	Lifecycle Kind = "lifecycle"
	Channel   Kind = "channel"
	Owner     Kind = "owner"
	Signer    Kind = "key"
	Review    Kind = "review"
)

// An Event is what one leaf stands for. Its canonical form is its JSON without
// white space, the fields in this order and the empty ones left out.
type Event struct {
	Kind Kind `json:"kind"`
	// Plugin and Version are those that were published.
	Plugin  string `json:"plugin,omitempty"`
	Version string `json:"version,omitempty"`
	// Channel is the channel of Plugin that was moved, Sequence how often it was
	// until then, and Statement ChannelSet or ChannelRemoved. Digest is what it
	// means now, or meant before it was removed.
	Channel string `json:"channel,omitempty"`
	// Ledger is where the statement is, and Sequence and Statement which one and
	// of what kind.
	Ledger    string `json:"ledger,omitempty"`
	Sequence  int    `json:"sequence,omitempty"`
	Statement string `json:"statement,omitempty"`
	// Digest is that of the version's manifest, or of the statement's.
	Digest digest.Digest `json:"digest"`
	// At is when it came to this site, or when the statement was made: UTC, to
	// the microsecond.
	At time.Time `json:"at"`
}

// KindOf is the kind of the events that tell of statements of a kind.
func KindOf(statement string) Kind {
	switch word, _, _ := strings.Cut(statement, "."); word {
	case "publisher", "member":
		return Owner
	case "key":
		return Signer
	case "channel":
		return Channel
	case "review":
		return Review
	}
	return Lifecycle
}

func (e Event) canonical() ([]byte, error) {
	e.At = e.At.UTC().Truncate(time.Microsecond)
	if e.Kind == "" || e.At.IsZero() || e.Digest.Validate() != nil {
		return nil, fmt.Errorf("event %+v: it needs a kind, a digest and a time: %w", e, artifact.ErrInvalid)
	}
	return json.Marshal(e)
}

// ReadEvent reads a canonical event, so that no two texts are one event. Errors
// wrap artifact.ErrInvalid.
func ReadEvent(raw []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, fmt.Errorf("event: %w: %w", err, artifact.ErrInvalid)
	}
	if again, err := e.canonical(); err != nil || !bytes.Equal(again, raw) {
		return e, fmt.Errorf("event %.200q is not in its canonical form: %w", raw, artifact.ErrInvalid)
	}
	return e, nil
}

// A LeafKey tells one event from every other: of those with one key the first
// counts, for ever.
type LeafKey [16]byte

// Key is the key of the event: its time is no part of it, nor the version, which
// the digest means. Of a channel that was moved the sequence is all that counts.
func (e Event) Key() LeafKey {
	if e.Channel != "" {
		return channelKey(e.Plugin, e.Channel, e.Sequence)
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{string(e.Kind), e.Plugin, e.Ledger, strconv.Itoa(e.Sequence), e.Digest.String()}, "\x00")))
	return LeafKey(sum[:16])
}

// PublishedKey is the key of the publication of a version.
func PublishedKey(plugin string, d digest.Digest) LeafKey {
	return Event{Kind: Published, Plugin: plugin, Digest: d}.Key()
}

const saltSize = 32

// entryOf is what the tree holds of an event.
func entryOf(salt, event []byte) [32]byte {
	h := sha256.New()
	h.Write([]byte("oarlock log entry 1\n"))
	h.Write(salt)
	h.Write(event)
	return [32]byte(h.Sum(nil))
}

// Publisher is whom the event is about; "" where it does not say.
func (e Event) Publisher() string {
	repo, tag, _ := strings.Cut(cmp.Or(e.Ledger, e.Plugin), ":")
	if repo == format.PublishersRepository {
		return tag
	}
	publisher, _, _ := strings.Cut(repo, "/")
	return publisher
}
