package storage

import (
	"context"
	"fmt"
	"regexp"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// recordRoot keeps small facts of the process that all replicas must agree on.
const recordRoot = "/oarlock/records"

var recordName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)

// SwapRecord replaces the record name, which is no part of any repository, by
// what change makes of it; change gets nothing where there is none, and is
// asked again where another replica was faster. What is returned without an
// error was decided on what every replica saw. An unusable name wraps
// artifact.ErrInvalid.
func (s *Storage) SwapRecord(ctx context.Context, name string, change func(have []byte) ([]byte, error)) error {
	if !recordName.MatchString(name) {
		return fmt.Errorf("record %.80q: expected %s: %w", name, recordName, artifact.ErrInvalid)
	}
	if s.opts.ReadOnly {
		return fmt.Errorf("record %s: the registry was opened read-only: %w", name, artifact.ErrDenied)
	}
	unlock, err := s.opts.Locker.Lock(ctx, "record/"+name, false)
	if err != nil {
		return LockError(err)
	}
	defer unlock()
	err = s.driver.Swap(ctx, recordRoot+"/"+name, func(was driver.Held) ([]byte, error) { return change([]byte(was.Content)) })
	return Describe(err, "record %s", name)
}
