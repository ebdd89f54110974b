package index

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
)

// DesiredStateType is the payload type of the DSSE envelope of a desired state.
const DesiredStateType = "application/vnd.oarlock.desired-state.v1+json"

// A DesiredState says what one host is to run: the payload of a DSSE envelope that
// the site's online key signs. Readers pass over fields that they do not know.
type DesiredState struct {
	Tenant string `json:"tenant"`
	Host   string `json:"host"`
	// Epoch rises with each change of what follows but the times.
	Epoch Epoch `json:"epoch"`
	// Generation and CatalogDigest are of the catalog that the items were chosen from.
	Generation    int64         `json:"generation"`
	CatalogDigest digest.Digest `json:"catalog_digest"`
	IssuedAt      time.Time     `json:"issued_at"`
	// ExpiresAt is until when it is current, and GraceUntil until when a host goes on
	// by it where nobody answers.
	ExpiresAt  time.Time       `json:"expires_at"`
	GraceUntil time.Time       `json:"grace_until"`
	Items      []DesiredItem   `json:"items"`
	Notices    []DesiredNotice `json:"notices"`
}

// A DesiredNotice is what is to be known of a plugin.
type DesiredNotice struct {
	Plugin string `json:"plugin"`
	Notice
}

// A DesiredAction is what a host does about a plugin.
type DesiredAction string

// The actions. A plugin that no item names is not to run, and keeps its data.
const (
	// DesiredRun has the digest run.
	DesiredRun DesiredAction = "run"
	// DesiredStop has nothing of the plugin run.
	DesiredStop DesiredAction = "stop"
	// DesiredHold has what runs go on, and nothing new come.
	DesiredHold DesiredAction = "hold"
	// DesiredUninstall is stop, and takes away what the plugin keeps.
	DesiredUninstall DesiredAction = "uninstall"
)

// A DesiredItem is what is to be of one plugin.
type DesiredItem struct {
	Plugin  string        `json:"plugin"`
	Version string        `json:"version,omitempty"`
	Digest  digest.Digest `json:"digest,omitempty"`
	// PlatformDigest is the build for the host's platform; absent where the version
	// has one for all.
	PlatformDigest digest.Digest `json:"platform_digest,omitempty"`
	// ConfigDigest is of the plugin's configuration for the tenant; absent where it has none.
	ConfigDigest digest.Digest `json:"config_digest,omitempty"`
	// License is what entitles the tenant; absent where nothing has to.
	License json.RawMessage `json:"license,omitempty"`
	Action  DesiredAction   `json:"action"`
	Reason  *Reason         `json:"reason,omitempty"` // why the action is not simply to run
	// HoldID names the tenant's own act by which the version is below that which the
	// host was given before; a host goes back by it alone.
	HoldID string `json:"hold_id,omitempty"`
	// RequestedBy are the plugins that need it; "request" is the tenant itself.
	RequestedBy []string   `json:"requested_by,omitempty"`
	NotBefore   *time.Time `json:"not_before,omitempty"`
}

// An Epoch numbers the desired states of one host. Key is the number of the site's
// online key, which rises when the root of the catalog names another, and Counter
// rises under each. The zero Epoch is before all.
type Epoch struct {
	Key     int64 `json:"key"`
	Counter int64 `json:"counter"`
}

// Compare is below 0 where e is before o, and above 0 where it is after.
func (e Epoch) Compare(o Epoch) int {
	if e.Key != o.Key {
		if e.Key < o.Key {
			return -1
		}
		return 1
	}
	switch {
	case e.Counter < o.Counter:
		return -1
	case e.Counter > o.Counter:
		return 1
	}
	return 0
}

// String is the text that ParseEpoch reads, such as "1.42".
func (e Epoch) String() string {
	return strconv.FormatInt(e.Key, 10) + "." + strconv.FormatInt(e.Counter, 10)
}

// ParseEpoch reads the number of a key and a counter with a dot between. Errors wrap
// artifact.ErrInvalid.
func ParseEpoch(s string) (Epoch, error) {
	key, counter, _ := strings.Cut(s, ".")
	k, err := strconv.ParseUint(key, 10, 62)
	c, err2 := strconv.ParseUint(counter, 10, 62)
	if err != nil || err2 != nil {
		return Epoch{}, fmt.Errorf("epoch %.60q: expected the number of a key and a counter, such as 1.42: %w", s, artifact.ErrInvalid)
	}
	return Epoch{Key: int64(k), Counter: int64(c)}, nil
}

// A HostSecret is what a host logs in with. It is shown once.
type HostSecret struct {
	TenantHost
	Secret string `json:"secret" doc:"What the host logs in with. It is shown once and kept nowhere."`
}

// An EpochConflict is a host that is ahead of its server, as after the server was
// restored from a backup.
type EpochConflict struct {
	Server HostStanding `json:"server"`
	Host   HostStanding `json:"host"`
}

// A HostStanding is what one side says of a host.
type HostStanding struct {
	Epoch string        `json:"epoch" example:"1.42"`
	Items []HostRunning `json:"items" doc:"What is to run as the server says, and what ran at its last report as the host does."`
}

// HostRunning is one plugin on a host.
type HostRunning struct {
	Plugin  string `json:"plugin"`
	Version string `json:"version,omitempty"`
	Digest  string `json:"digest,omitempty"`
}

// A DesiredQuery is how somebody asks for a desired state.
type DesiredQuery struct {
	// Epoch is that of the document which the host goes by; the zero Epoch is none.
	Epoch Epoch
	// ETag is that of the document which the caller has, and Issued when it was
	// signed; zero values are not known.
	ETag   string
	Issued time.Time
}

// Desired is the answer to a DesiredQuery.
type Desired struct {
	ETag string
	// Unchanged says that what the caller has is still good, and for long enough.
	Unchanged bool
	// Envelope is the DSSE envelope, unless Unchanged.
	Envelope []byte
	IssuedAt time.Time
	// Moved is closed when another answer may be due.
	Moved <-chan struct{}
}

// An EpochChoice decides for a host that is ahead of its server.
type EpochChoice struct {
	Take  string `json:"take" enum:"server,host" doc:"Whose state counts."`
	Epoch string `json:"epoch" maxLength:"60" doc:"That which the host goes by." example:"1.42"`
}

// EpochResolved is what was decided.
type EpochResolved struct {
	Epoch  string   `json:"epoch" doc:"After that of the host: its next document has it." example:"1.43"`
	Pinned []string `json:"pinned" doc:"Plugins, with versions, that the tenant was pinned to."`
}
