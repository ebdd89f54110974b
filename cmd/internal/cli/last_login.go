package cli

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/artifact/durable"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// maxProbe is how long a server may take to say whether it is a catalog.
const maxProbe = 3 * time.Second

// lastLogin is the file that names the server of the last login: the default
// of what asks a catalog.
func lastLogin() (string, error) {
	dir, err := os.UserConfigDir()
	return filepath.Join(dir, "oarlock", "server"), err
}

// defaultServer is the server of the last login, else where one without
// settings listens.
func defaultServer() string {
	if path, err := lastLogin(); err == nil {
		if raw, err := bounded.ReadFile(path, bounded.Key); err == nil {
			if host := strings.TrimSpace(string(raw)); host != "" && hostOf(host) == host {
				return host
			}
		}
	}
	return localServer
}

// rememberLogin makes host the default server where it has a catalog; logins of
// other registries change nothing.
func (c *console) rememberLogin(ctx context.Context, host string) error {
	path, err := lastLogin()
	if err != nil || !c.isCatalog(ctx, host) {
		return nil // a machine without a home remembers nothing
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return durable.Replace(path, []byte(host+"\n"), 0o600)
}

// forgetLogin takes host out of its place as the default server.
func forgetLogin(host string) error {
	path, err := lastLogin()
	if err != nil || defaultServer() != host {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// isCatalog reports whether host answers as a catalog does, with one or with a
// problem of one: no login is needed to tell.
func (c *console) isCatalog(ctx context.Context, host string) bool {
	ctx, cancel := context.WithTimeout(ctx, maxProbe)
	defer cancel()
	cl, err := client.New(c.origin(ctx, host), client.Options{HTTPClient: http.DefaultClient, UserAgent: c.userAgent(), PlainHTTP: c.plainHTTP})
	if err != nil {
		return false
	}
	_, err = cl.Catalog(ctx)
	var problem *index.Problem
	return err == nil || errors.As(err, &problem) && problem.Code != ""
}
