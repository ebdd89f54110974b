package jobs

import (
	"errors"
	"fmt"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// A Job is something to do.
type Job struct {
	// Kind says who does it, like "ledger" or "webhook".
	Kind string
	// Key names what the job occupies, like one webhook or one ledger: jobs of
	// a kind with the same key never run at the same time.
	Key string
	// Payload is for the one who does it.
	Payload []byte
	// AskedAt is when the change that asks for it was made.
	AskedAt time.Time
	// At is the time before which it is not done, zero where it is due at once.
	At time.Time
}

// Due is the time from which the job may be done.
func (j Job) Due() time.Time {
	if j.At.IsZero() {
		return j.AskedAt
	}
	return j.At
}

// check refuses a job that no queue can keep.
func (j Job) check() error {
	if j.Kind == "" || j.Key == "" || j.AskedAt.IsZero() {
		return fmt.Errorf("job %q for %q, asked for at %s: a job needs a kind, a key and that time: %w", j.Kind, j.Key, j.AskedAt, artifact.ErrInvalid)
	}
	return nil
}

// Check refuses jobs that no queue can keep, with an error that is
// artifact.ErrInvalid. Each Queue asks it before it writes.
func Check(all ...Job) error {
	for _, j := range all {
		if err := j.check(); err != nil {
			return err
		}
	}
	return nil
}

// An Attempt is a job that was leased to somebody.
type Attempt struct {
	Job
	// ID is the job's own, the same in every attempt.
	ID int64
	// Number counts the attempts, this one included.
	Number int
	// Until is when the lease ends, and the job is anybody's again.
	Until time.Time
	// LastError is why the attempt before failed, and "" where there was none
	// or it never told.
	LastError string
}

// ErrLeaseLost says that an attempt took longer than its lease: the job is
// leased to another, or done.
var ErrLeaseLost = errors.New("the lease of the job has ended")
