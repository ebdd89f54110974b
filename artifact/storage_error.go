package artifact

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// ErrStorage says that the storage takes nothing: it is full, over its quota or
// read only. What was asked for may be right, and works once the operator has seen to it.
var ErrStorage = errors.New("the storage takes nothing")

// The reasons of a StorageError.
const (
	StorageFull     = "full"
	StorageQuota    = "over the quota of its disk"
	StorageReadOnly = "read only"
	StorageDenied   = "not writable: the server's user may not write there"
)

// A StorageError is a write that the storage did not take. It wraps ErrStorage
// and what the storage said.
type StorageError struct {
	Reason string // one of the reasons above
	Err    error
}

func (e *StorageError) Error() string { return fmt.Sprintf("the storage is %s: %v", e.Reason, e.Err) }

// Unwrap makes errors.Is(err, ErrStorage) hold, and keeps the cause.
func (e *StorageError) Unwrap() []error { return []error{ErrStorage, e.Err} }

// StorageErrorOf is err as a StorageError, or nil where it is none: one that
// err is or wraps, or what the operating system says of a disk. It is the one
// place that knows what the operating system says.
func StorageErrorOf(err error) *StorageError {
	var known *StorageError
	if errors.As(err, &known) {
		return known
	}
	for _, one := range [...]struct {
		errno  error
		reason string
	}{{syscall.ENOSPC, StorageFull}, {syscall.EDQUOT, StorageQuota}, {syscall.EROFS, StorageReadOnly}} {
		if errors.Is(err, one.errno) {
			return &StorageError{one.reason, err}
		}
	}
	return nil
}

// WriteError is err as it is, or as a StorageError where it says that the
// storage did not take a write. Unlike StorageErrorOf it is told that err is
// the answer to a write, so that a denied one counts.
func WriteError(err error) error {
	if err == nil {
		return nil
	}
	if known := StorageErrorOf(err); known != nil {
		if errors.Is(err, ErrStorage) {
			return err
		}
		return known
	}
	if errors.Is(err, fs.ErrPermission) {
		return &StorageError{StorageDenied, err}
	}
	return err
}
