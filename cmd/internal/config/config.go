package config

import (
	"errors"
	"fmt"
	"time"

	"github.com/oarlock/oarlock/registry/gc"
)

// Config is everything that an operator can set. Its koanf tags are the keys of
// the configuration file; the environment variable of a key is OARLOCK_ and
// the key in upper case with "_" for ".".
type Config struct {
	Data   string `koanf:"data" json:"data"`
	Listen string `koanf:"listen" json:"listen"`
	// Metrics is the address on which /metrics is answered instead of on Listen;
	// empty answers it there.
	Metrics   string `koanf:"metrics" json:"metrics"`
	PublicURL string `koanf:"public_url" json:"public_url"`
	TLSCert   string `koanf:"tls_cert" json:"tls_cert"`
	TLSKey    string `koanf:"tls_key" json:"tls_key"`
	// TrustedProxies are addresses and networks whose X-Forwarded-For,
	// X-Forwarded-Host and Forwarded are believed.
	TrustedProxies []string            `koanf:"trusted_proxies" json:"trusted_proxies"`
	Storage        string              `koanf:"storage" json:"storage"`
	DB             string              `koanf:"db" json:"db"`
	Dev            bool                `koanf:"dev" json:"dev"`
	Trust          string              `koanf:"trust" json:"trust"`
	Namespaces     map[string]Settings `koanf:"namespaces" json:"namespaces"`
	Log            Log                 `koanf:"log" json:"log"`
	Limits         Limits              `koanf:"limits" json:"limits"`
	// Publishing is the switch of the whole site: "on", or "off", which
	// refuses new versions everywhere.
	Publishing string `koanf:"publishing" json:"publishing"`
	// Tiers are what tenants are divided into, the lowest first; a plugin may ask
	// for one or a higher one.
	Tiers []string `koanf:"tiers" json:"tiers"`
	// Anonymous is what may be done without a login: "pull" what is public,
	// read the "catalog" of that and its pages, or "none".
	Anonymous string `koanf:"anonymous" json:"anonymous"`
	// Bootstrap is about the first admin token.
	Bootstrap Bootstrap `koanf:"bootstrap" json:"bootstrap"`
	Quota     Quota     `koanf:"quota" json:"quota"`
	Rate      Rate      `koanf:"rate" json:"rate"`
	OIDC      OIDC      `koanf:"oidc" json:"oidc"`
	Audit     Audit     `koanf:"audit" json:"audit"`
	GC        GC        `koanf:"gc" json:"gc"`
	Scrub     Scrub     `koanf:"scrub" json:"scrub"`
	// RepairFrom are the registries that damaged bytes are fetched from.
	RepairFrom []string `koanf:"repair_from" json:"repair_from"`
	Catalog    Signing  `koanf:"catalog" json:"catalog"`
	// Outbound says what may be reached besides public addresses by requests
	// whose address others chose.
	Outbound Outbound `koanf:"outbound" json:"outbound"`
	// Seal is with which key secrets of tenants are sealed.
	Seal Seal `koanf:"seal" json:"seal"`
	// Mail is by which server people are told by e-mail.
	Mail  Mail  `koanf:"mail" json:"mail"`
	Drill Drill `koanf:"drill" json:"drill"`
	// Desired is for how long hosts go by what they are told to run.
	Desired Desired `koanf:"desired" json:"desired"`
	// MinimumAge is what the catalog asks of every version that it chooses.
	MinimumAge MinimumAge `koanf:"minimum_age" json:"minimum_age"`
	// Approvers is how many people's words an emergency takes, and its end: 2, or 1 at
	// a site of one admin, which every notice of it then says.
	Approvers int `koanf:"approvers" unit:"count" json:"approvers"`
}

// Settings are those of one namespace.
type Settings struct {
	FreeTags bool `koanf:"free_tags" json:"free_tags"`
	// Quota replaces those limits of the site's that it sets; -1 lifts one.
	Quota Quota `koanf:"quota" json:"quota"`
}

// Log says what is logged to stderr, and how; and who cosigns the publication log.
type Log struct {
	Level  string `koanf:"level" json:"level"`   // debug, info, warn, error
	Format string `koanf:"format" json:"format"` // text, json
	// Witnesses are asked to cosign the checkpoints of the publication log.
	Witnesses []LogWitness `koanf:"witnesses" json:"witnesses"`
}

// Limits keep one client from taking what others need.
type Limits struct {
	Body       int64         `koanf:"body" json:"body"`               // bytes of an API request
	ReadHeader time.Duration `koanf:"read_header" json:"read_header"` // until all headers are here
	Idle       time.Duration `koanf:"idle" json:"idle"`               // of a kept connection
	Drain      time.Duration `koanf:"drain" json:"drain"`             // for requests in flight at the end
	// BodyGrace is how long a request's body may stand still; one that is no
	// upload has to be here within it.
	BodyGrace time.Duration `koanf:"body_grace" json:"body_grace"`
	// UploadRate is the bytes per second below which the time that an upload,
	// or a download, stands still adds up. 0 does not limit.
	UploadRate  int64 `koanf:"upload_rate" json:"upload_rate"`
	Connections int   `koanf:"connections" unit:"count" json:"connections"` // at once; 0 does not limit
	// ConnectionsPerAddress is the share of one address; 0 does not limit.
	ConnectionsPerAddress int `koanf:"connections_per_address" unit:"count" json:"connections_per_address"`
	// Unready is how long /readyz says at the end that the server goes, while
	// it goes on to serve, so that nobody is sent here any more. A server with
	// dev, to which nobody sends anybody, does not wait unless this is set.
	Unready time.Duration `koanf:"unready" json:"unready"`
	// Reserve are the bytes that are kept on each disk for acts of safety; 0
	// keeps none.
	Reserve  int64 `koanf:"reserve" json:"reserve"`
	Requests int   `koanf:"requests" unit:"count" json:"requests"` // at once, health apart; 0 does not limit
	Cache    int64 `koanf:"cache" json:"cache"`                    // bytes of manifests kept in memory
	Claims   int   `koanf:"claims" unit:"count" json:"claims"`     // namespaces that one account may claim; 0 does not limit
	// Tokens are how many tokens and invitations that have not ended one account
	// may have made, and how many of its logins last; 0 does not limit.
	Tokens int `koanf:"tokens" unit:"count" json:"tokens"`
}

// Default is the configuration that needs nothing.
func Default() Config {
	return Config{
		Data:       "./oarlock-data",
		Listen:     "127.0.0.1:7117",
		Namespaces: map[string]Settings{},
		Log:        Log{Level: "info", Format: "text"},
		Limits: Limits{
			Body:                  1 << 20,
			ReadHeader:            10 * time.Second,
			Idle:                  2 * time.Minute,
			Drain:                 20 * time.Second,
			Unready:               5 * time.Second,
			BodyGrace:             30 * time.Second,
			UploadRate:            1 << 10,
			Connections:           10000,
			ConnectionsPerAddress: 2500,
			Reserve:               8 << 20,
			Cache:                 64 << 20,
			Claims:                20,
			Tokens:                1000,
		},
		Mail:       Mail{TLS: "starttls"},
		Publishing: "on",
		Approvers:  2,
		Anonymous:  "pull",
		Bootstrap:  defaultBootstrap,
		GC:         GC{Every: 24 * time.Hour, Grace: gc.DefaultGrace},
		Scrub:      defaultScrub,
		Catalog:    defaultSigning(),
		Desired:    Desired{Lifetime: 24 * time.Hour, Grace: 7 * 24 * time.Hour},
		Rate:       Rate{Logins: 1, LoginBurst: 10},
	}
}

// A Error holds every problem of a configuration at once.
type Error struct{ Problems []string }

func (e *Error) Error() string {
	s := fmt.Sprintf("configuration: %d problem", len(e.Problems))
	if len(e.Problems) != 1 {
		s += "s"
	}
	for _, p := range e.Problems {
		s += "\n  " + redact(p)
	}
	return s
}

// ErrUnusable is wrapped by what keeps a server from starting: configuration,
// data directory or address.
var ErrUnusable = errors.New("cannot start")

// Unusable is err as what keeps a server from starting.
func Unusable(err error) error { return &Error{[]string{err.Error()}} }

// Unwrap makes errors.Is(err, ErrUnusable) hold.
func (e *Error) Unwrap() error { return ErrUnusable }
