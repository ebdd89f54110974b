package config

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// A Place is where blobs are kept: a driver of the registry and its parameters.
type Place struct {
	Driver     string
	Dir        string // of the filesystem driver, relative to data where it is ""
	Parameters map[string]any
	Redirect   bool // blobs are served by storage
	// RedirectFor is for how long a URL is good by which a blob is read from storage.
	RedirectFor time.Duration
}

// ParseStorage reads s:
//
//	""                                   DATA/registry
//	/path or file:///path                that directory
//	s3://bucket/prefix?region=…&endpoint=http://…
//
// The credentials of s3 are those of the environment (AWS_…), never the URL's.
func ParseStorage(s string) (Place, error) {
	if s == "" {
		return Place{Driver: "filesystem"}, nil
	}
	u, err := url.Parse(s)
	if err != nil {
		return Place{}, fmt.Errorf("%q: expected a directory or s3://bucket/prefix?region=…&endpoint=…", s)
	}
	switch u.Scheme {
	case "", "file", "filesystem":
		if u.Host != "" || u.Path == "" || u.RawQuery != "" {
			return Place{}, fmt.Errorf("%q: expected a directory such as /var/lib/oarlock or file:///var/lib/oarlock", s)
		}
		return Place{Driver: "filesystem", Dir: u.Path}, nil
	case "s3":
		return parseS3(u)
	}
	return Place{}, fmt.Errorf("%q: scheme %q, expected a directory or s3://…", s, u.Scheme)
}

// checkDB accepts what databaseURL can name.
func checkDB(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return fmt.Errorf("expected postgres://user@host/name, or nothing for the embedded default")
	case s == "" || u.Scheme == "postgres" || u.Scheme == "postgresql" || u.Scheme == "sqlite":
		return nil
	}
	return fmt.Errorf("scheme %q: expected postgres://…, or nothing for the embedded default", u.Scheme)
}

// DatabaseURL is where the site's own state is kept: DATA/oarlock.db by default.
func (c *Config) DatabaseURL() string {
	if c.DB == "" {
		return "sqlite://" + filepath.Join(c.Data, "oarlock.db")
	}
	return c.DB
}

// Shared reports whether other processes may use the same state and storage.
func (c *Config) Shared() bool { return strings.HasPrefix(c.DB, "postgres") }

// Replicated reports whether other servers may write to the same storage.
func (c *Config) Replicated() bool { return c.Shared() && strings.HasPrefix(c.Storage, "s3://") }
