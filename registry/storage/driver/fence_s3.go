package driver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go/aws"         //nolint:staticcheck // distribution's driver speaks version 1
	"github.com/aws/aws-sdk-go/aws/request" //nolint:staticcheck // as above
	"github.com/aws/aws-sdk-go/service/s3"  //nolint:staticcheck // as above
	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
)

// conditionKey marks a context with the header that its PUT is to carry: this
// version of the library knows no field for it.
type conditionKey struct{}

type condition struct{ name, value string }

// putCondition sends the condition of a PUT; it is signed like every header.
func putCondition(r *request.Request) {
	if c, ok := r.Context().Value(conditionKey{}).(condition); ok && r.Operation.Name == "PutObject" {
		r.HTTPRequest.Header.Set(c.name, c.value)
	}
}

// conflictTries is how often a write is sent again that met another one to the
// same object under way, which the store refuses without having looked.
const conflictTries = 5

func (s *s3Store) read(ctx context.Context, at string) (Held, error) {
	got, err := s.client.GetObjectWithContext(ctx, &s3.GetObjectInput{Bucket: aws.String(s.bucket), Key: aws.String(s.S3BucketKey(at))})
	if status, _ := bucketAnswer(err); status == http.StatusNotFound {
		return Held{}, storagedriver.PathNotFoundError{Path: at, DriverName: s.Name()}
	}
	if err != nil {
		return Held{}, storagedriver.Error{DriverName: s.Name(), Detail: err}
	}
	defer got.Body.Close()
	content, err := io.ReadAll(got.Body)
	if err != nil {
		return Held{}, storagedriver.Error{DriverName: s.Name(), Detail: err}
	}
	return Held{There: true, version: aws.StringValue(got.ETag), Content: string(content)}, nil
}

func (s *s3Store) replace(ctx context.Context, at string, content []byte, was Held) error {
	c := condition{"If-None-Match", "*"}
	if was.There {
		if was.version == "" {
			return fmt.Errorf("%w: the storage gives %s no ETag", errUnfenced, at)
		}
		c = condition{"If-Match", was.version}
	}
	ctx = context.WithValue(ctx, conditionKey{}, c)
	for try := 0; ; try++ {
		err := s.PutContent(ctx, at, content)
		switch status, code := bucketAnswer(err); {
		case status == http.StatusPreconditionFailed, status == http.StatusNotFound && was.There && code != "NoSuchBucket", was.There && IsNotFound(err):
			return ErrMoved
		case status == http.StatusNotImplemented, code == "NotImplemented":
			return fmt.Errorf("%w: it answers %s to %s: %s", errUnfenced, code, c.name, fenceWords)
		case status == http.StatusConflict && try < conflictTries:
			if err := pause(ctx, time.Duration(20<<try)*time.Millisecond); err != nil {
				return err
			}
			continue
		}
		return err
	}
}

// remove leaves an empty object: DELETE has no condition in most stores.
func (s *s3Store) remove(ctx context.Context, _, at string, was Held) error {
	return s.replace(ctx, at, nil, was)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// bucketAnswer is status and code of what a bucket answered, 0 where err is no
// answer of a bucket.
func bucketAnswer(err error) (status int, code string) {
	told, ok := bucketError(err)
	if !ok {
		return 0, ""
	}
	var failed interface{ StatusCode() int }
	if errors.As(told, &failed) {
		status = failed.StatusCode()
	}
	return status, told.Code()
}
