package app

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// storage is where blobs are kept: a driver of the registry and its parameters.
type storage struct {
	driver     string
	dir        string // of the filesystem driver, relative to data where it is ""
	parameters map[string]any
	redirect   bool // blobs are served by storage
}

// parseStorage reads s:
//
//	""                                   DATA/registry
//	/path or file:///path                that directory
//	s3://bucket/prefix?region=…&endpoint=http://…
//
// The credentials of s3 are those of the environment (AWS_…), never the URL's.
func parseStorage(s string) (storage, error) {
	if s == "" {
		return storage{driver: "filesystem"}, nil
	}
	u, err := url.Parse(s)
	if err != nil {
		return storage{}, fmt.Errorf("%q: expected a directory or s3://bucket/prefix?region=…&endpoint=…", s)
	}
	switch u.Scheme {
	case "", "file", "filesystem":
		if u.Host != "" || u.Path == "" || u.RawQuery != "" {
			return storage{}, fmt.Errorf("%q: expected a directory such as /var/lib/oarlock or file:///var/lib/oarlock", s)
		}
		return storage{driver: "filesystem", dir: u.Path}, nil
	case "s3":
		return parseS3(u)
	}
	return storage{}, fmt.Errorf("%q: scheme %q, expected a directory or s3://…", s, u.Scheme)
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

// databaseURL is where the site's own state is kept: DATA/oarlock.db by default.
func (c *Config) databaseURL() string {
	if c.DB == "" {
		return "sqlite://" + filepath.Join(c.Data, "oarlock.db")
	}
	return c.DB
}

// shared reports whether other processes may use the same state and storage.
func (c *Config) shared() bool { return strings.HasPrefix(c.DB, "postgres") }

// replicated reports whether other servers may write to the same storage.
func (c *Config) replicated() bool { return c.shared() && strings.HasPrefix(c.Storage, "s3://") }
