package client

import (
	"path/filepath"

	"github.com/oarlock/oarlock/index"
)

// A Remembered is what the active set of a store was asked with, so that the
// next change asks the same where it is not told otherwise.
type Remembered struct {
	Host       index.HostQuery `json:"host"`
	Platform   string          `json:"platform,omitempty"`
	Channel    string          `json:"channel,omitempty"`
	Prerelease bool            `json:"prerelease,omitempty"`
	MinimumAge string          `json:"minimum_age,omitempty"`
	Origin
}

// An Origin names where a store is filled from and who is trusted, in the words
// of the program that fills it: URLs, references and absolute paths. A store
// keeps it for that program and does not read it.
type Origin struct {
	Server  string `json:"server,omitempty"`  // the catalog's URL
	Catalog string `json:"catalog,omitempty"` // or the registry of a signed catalog,
	Root    string `json:"root,omitempty"`    // and the root that is trusted there
	Policy  string `json:"policy,omitempty"`  // trust policy
	Key     string `json:"key,omitempty"`     // or the key of the only trusted signer
}

// ReadRemembered reads what the store in dir was asked with; the zero value for
// a store without a change. Errors are those of OpenStore.
func ReadRemembered(dir string) (Remembered, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Remembered{}, err
	}
	st, err := (&Store{dir: abs}).readState()
	return st.Current.Asked, err
}

// recall completes the question by what the store was asked with: a change that
// names no host must not leave the set that fits the host there is.
func (o *StoreOptions) recall(r Remembered) {
	if o.Host.ID == "" {
		o.Host.ID = r.Host.ID
	}
	if o.Host.Version == "" && o.Host.ID == r.Host.ID {
		o.Host.Version = r.Host.Version
	}
	if o.Origin == (Origin{}) {
		o.Origin = r.Origin
	}
}

// asks is what the next change is asked with.
func (s *Store) asks() Remembered {
	return Remembered{Host: s.options.Host, Platform: s.options.Puller.Platform().String(),
		Channel: s.options.Channel, Prerelease: s.options.Prerelease, MinimumAge: s.options.MinimumAge, Origin: s.options.Origin}
}
