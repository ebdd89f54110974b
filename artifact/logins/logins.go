// Package logins opens the store of logins that docker, oras and oarlock share.
package logins

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"oras.land/oras-go/v2/registry/remote/credentials"
)

// ErrNoHome is the error of Writable where nothing says where logins are kept.
var ErrNoHome = errors.New("neither DOCKER_CONFIG nor HOME is set")

// Open opens the store for reading. Services have no home directory, and need
// none for what is public: without one, nobody is logged in.
func Open() (credentials.Store, error) {
	path, err := path()
	if errors.Is(err, ErrNoHome) {
		return credentials.NewMemoryStore(), nil
	}
	if err != nil {
		return nil, err
	}
	return open(path, credentials.StoreOptions{})
}

// Writable opens the store for logging in and out. A configuration that is a
// symbolic link (dotfiles, mounted secrets) stays one: what it points to is
// written. Errors wrap ErrNoHome where there is no place for a store.
func Writable() (credentials.Store, error) {
	path, err := path()
	if err != nil {
		return nil, err
	}
	return open(path, credentials.StoreOptions{AllowPlaintextPut: true})
}

func open(path string, o credentials.StoreOptions) (credentials.Store, error) {
	store, err := credentials.NewStore(path, o)
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	return store, nil
}

// Path is the file that logins are kept in, whether it is there or not. Its
// credsStore may keep them elsewhere. Errors wrap ErrNoHome where there is no
// place for it.
func Path() (string, error) { return path() }

// path is the configuration of docker, with symbolic links followed: the file
// is replaced by a rename, which would replace the link.
func path() (string, error) {
	dir := os.Getenv("DOCKER_CONFIG")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("credentials: %w", ErrNoHome)
		}
		dir = filepath.Join(home, ".docker")
	}
	return follow(filepath.Join(dir, "config.json"))
}

// follow gives what a symbolic link points to, whether that exists or not.
func follow(path string) (string, error) {
	at := path
	for range 40 { // as deep as systems go
		target, err := os.Readlink(at)
		if err != nil {
			if info, statErr := os.Lstat(at); statErr == nil && info.Mode()&fs.ModeSymlink != 0 {
				return "", fmt.Errorf("credentials: %w", err)
			}
			return at, nil // no link, or nothing yet
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(at), target)
		}
		at = target
	}
	return "", fmt.Errorf("credentials: %q: a chain of symbolic links without an end", path)
}
