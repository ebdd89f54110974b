package pack

import (
	"errors"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
)

// A Code names one way in which an archive is refused. Codes are stable.
type Code string

// The ways in which an archive is refused.
const (
	CodeMediaType       Code = "media_type_unknown"
	CodeMalformed       Code = "archive_malformed"
	CodeTrailingGarbage Code = "trailing_garbage"
	CodePathAbsolute    Code = "path_absolute"
	CodePathTraversal   Code = "path_traversal"
	CodePathUnsafe      Code = "path_unsafe"
	CodePathTooLong     Code = "path_too_long"
	CodePathTooDeep     Code = "path_too_deep"
	CodeLinkEscape      Code = "link_escape"
	CodeLinkTarget      Code = "link_target_missing"
	CodeBelowLink       Code = "entry_below_link"
	CodeSpecialFile     Code = "special_file"
	CodeDuplicate       Code = "duplicate_entry"
	CodeCollision       Code = "name_collision"
	CodeTooLarge        Code = "too_large"
	CodeTooMany         Code = "too_many_entries"
	CodeRatio           Code = "ratio_exceeded"
)

// An UnpackError refuses an archive. It wraps artifact.ErrInvalid.
type UnpackError struct {
	Code   Code
	Entry  string // name in the archive; "" for the archive as a whole
	Detail string
}

func (e *UnpackError) Error() string {
	if e.Entry == "" {
		return fmt.Sprintf("unpack: %s: %s", e.Code, e.Detail)
	}
	return fmt.Sprintf("unpack: %s: entry %.200q: %s", e.Code, e.Entry, e.Detail)
}

// Unwrap makes errors.Is(err, artifact.ErrInvalid) hold.
func (e *UnpackError) Unwrap() error { return artifact.ErrInvalid }

func refuse(code Code, entry, format string, args ...any) *UnpackError {
	return &UnpackError{Code: code, Entry: entry, Detail: fmt.Sprintf(format, args...)}
}

// detail is what an *UnpackError says, without the entry that it says it of.
func detail(err error) error {
	if bad, ok := errors.AsType[*UnpackError](err); ok {
		return errors.New(bad.Detail)
	}
	return err
}
