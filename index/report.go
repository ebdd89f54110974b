package index

import "time"

// A HostStatus is how a plugin is on a host.
type HostStatus string

// The statuses.
const (
	HostUnknown HostStatus = "unknown"
	HostOK      HostStatus = "ok"      // the digest runs, and is healthy
	HostWaiting HostStatus = "waiting" // for something that comes by itself
	HostBlocked HostStatus = "blocked" // by the host's own policy, or by what is not there
	HostError   HostStatus = "error"
)

// A HostReport is what a host says of itself: all that runs, whether or not it was told to.
type HostReport struct {
	Epoch   Epoch            `json:"epoch" doc:"That of the document which the host goes by."`
	Items   []HostItem       `json:"items" maxItems:"1000" doc:"All plugins. One that is not named does not run."`
	Buckets []map[string]any `json:"buckets,omitempty" maxItems:"64" doc:"Counters, which are kept for a while."`
}

// A HostItem is one plugin on a host.
type HostItem struct {
	Plugin  string     `json:"plugin" example:"acme/hello"`
	Version string     `json:"version,omitempty" maxLength:"128"`
	Digest  string     `json:"digest,omitempty" doc:"What runs; absent where nothing does."`
	Since   *time.Time `json:"since,omitempty" doc:"Since when it runs."`
	Status  HostStatus `json:"status" enum:"unknown,ok,waiting,blocked,error"`
	Code    string     `json:"code,omitempty" maxLength:"64"`
	Message string     `json:"message,omitempty" doc:"The first 1,000 bytes are kept."`
	Trace   string     `json:"trace,omitempty" doc:"The first 16 KiB are kept."`
}

// HostReported is the answer to a report.
type HostReported struct {
	Changed int `json:"changed" doc:"Plugins of which something else runs than was reported before."`
}

// A LastReport is what a host reported last.
type LastReport struct {
	Epoch      string     `json:"epoch" example:"1.42"`
	ReportedAt time.Time  `json:"reported_at"`
	Items      []HostItem `json:"items" doc:"Without traces in lists."`
}

// A TenantPluginHost is what one host said last of a plugin.
type TenantPluginHost struct {
	Host    string     `json:"host" example:"editor-1"`
	Version string     `json:"version,omitempty"`
	Digest  string     `json:"digest,omitempty"`
	Since   *time.Time `json:"since,omitempty"`
	Status  HostStatus `json:"status" enum:"unknown,ok,waiting,blocked,error"`
	Code    string     `json:"code,omitempty"`
	Message string     `json:"message,omitempty"`
}
