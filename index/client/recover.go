package client

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/artifact/durable"
)

// ErrLost is the kind of error of a store whose state is damaged or gone, so that
// what it holds is not known. Such an error wraps artifact.ErrUnverified too.
var ErrLost = errors.New("lost")

// A lostError is of the kinds ErrLost and artifact.ErrUnverified, and says the
// latter.
type lostError struct{}

func (lostError) Error() string   { return artifact.ErrUnverified.Error() }
func (lostError) Unwrap() []error { return []error{ErrLost, artifact.ErrUnverified} }

// wayBack is what can be done about a lost state.
func (s *Store) wayBack() string {
	path := filepath.Join(s.dir, lockFile)
	if _, err := ReadLockfile(path); err != nil {
		return "restore it from a backup, or move the store away and install again what it held"
	}
	return fmt.Sprintf("restore it from a backup, or bring back what its lock file names: oarlock install --lock %q --dir %q, with the server and the policy that it was filled with", path, s.dir)
}

// recovered is the state that a change begins with which may bring a store back:
// nothing, where the state is lost and the options allow that. Nothing is tidied up
// then, so that what is there stays until the change is made.
func (s *Store) recovered() (state, error) {
	st, err := s.readState()
	switch {
	case err == nil:
		return st, s.tidy(st)
	case !s.options.Recover || !errors.Is(err, ErrLost):
		return state{}, err
	}
	return state{lost: true}, errors.Join(s.noLinks(), ownOnly(s.dir))
}

// keepDamaged keeps a copy of a damaged state, which the next is written over.
func (s *Store) keepDamaged() error {
	raw, err := bounded.ReadFile(filepath.Join(s.dir, stateFile), maxStoreFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = durable.Replace(filepath.Join(s.dir, damagedFile), raw, 0o644)
	}
	if err != nil {
		return fmt.Errorf("store: state: %w", err)
	}
	return nil
}
