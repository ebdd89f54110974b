package driver

import (
	"errors"
	"fmt"
	"net/http"
	"syscall"

	"github.com/aws/aws-sdk-go/aws/awserr" //nolint:staticcheck // distribution's driver speaks version 1
	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
)

// bucketError finds in err what a bucket answered, or why it could not be asked.
func bucketError(err error) (awserr.Error, bool) {
	for ; err != nil; err = within(err) {
		var told awserr.Error
		if errors.As(err, &told) {
			return told, true
		}
	}
	return nil, false
}

// isFullBucket reports whether a bucket says that it has no room.
func isFullBucket(err error) bool {
	status, code := bucketAnswer(err)
	switch code {
	case "QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "NoSpaceLeftOnDevice", "InsufficientCapacity", "QuotaExceededException":
		return true
	}
	return status == http.StatusInsufficientStorage
}

// Silence is why the storage gave no answer, in words for a client: false where
// err is of something else. Details of the store are for the log.
func Silence(err error) (why string, ok bool) {
	silent, cut := false, false
	for inner := err; inner != nil; inner = within(inner) {
		silent = silent || errors.Is(inner, errSilent)
		cut = cut || errors.Is(inner, errCut)
		if errors.Is(inner, syscall.EMFILE) || errors.Is(inner, syscall.ENFILE) {
			return "the server has too many files open", true
		}
	}
	_, told := bucketError(err)
	switch {
	case silent:
		return "it does not answer in time", true
	case cut:
		return "its answer was cut", true
	case !told:
		return "", false
	}
	status, code := bucketAnswer(err)
	switch {
	case code == "RequestCanceled":
		return "", false // its client left
	case status == 0:
		return "it cannot be reached", true
	case code == "NoSuchKey" || code == "NotFound":
		return "", false // an answer like any other
	case status == http.StatusTooManyRequests || code == "SlowDown" || code == "ServiceUnavailable":
		return "it asks to be asked less often", true
	}
	if status >= http.StatusInternalServerError {
		return fmt.Sprintf("it fails (%s)", code), true
	}
	return fmt.Sprintf("it refuses (%s)", code), true
}

// within is what err was made of, where errors.As cannot look.
func within(err error) error {
	var wrapped storagedriver.Error // has no Unwrap of its own
	if errors.As(err, &wrapped) {
		return wrapped.Detail
	}
	var told awserr.Error
	if errors.As(err, &told) {
		return told.OrigErr()
	}
	return nil
}

// HasSilence reports whether err says that the storage gave no answer.
func HasSilence(err error) bool { _, ok := Silence(err); return ok }
