package driver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"                  //nolint:staticcheck // distribution's driver speaks version 1
	"github.com/aws/aws-sdk-go/aws/awserr"           //nolint:staticcheck // as above
	awsclient "github.com/aws/aws-sdk-go/aws/client" //nolint:staticcheck // as above
	"github.com/aws/aws-sdk-go/service/s3"           //nolint:staticcheck // as above
	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	s3driver "github.com/distribution/distribution/v3/registry/storage/driver/s3-aws" // registers "s3"
)

// An s3Store completes distribution's S3 driver. A store has no rename, no
// folders and no clock of ours; what the registry needs of it is that a PUT is
// seen by every later GET and LIST, which S3 promises since December 2020.
type s3Store struct {
	*s3driver.Driver
	client *s3.S3
	bucket string
	// signedFor is for how long a URL is good that RedirectURL signs, and signedAt
	// where clients reach the bucket, where that is another endpoint; else nil.
	signedFor time.Duration
	signedAt  *url.URL
}

// signedUsually is for how long a signed URL of a bucket is good where nobody says it.
const signedUsually = 5 * time.Minute

// newS3Store makes distribution's driver and completes it.
func newS3Store(ctx context.Context, parameters map[string]any) (*s3Store, error) {
	// Where AWS_CA_BUNDLE is set, the library gives it to the client of the
	// whole process, which is nobody else's business.
	before := http.DefaultClient.Transport
	patience, ok := parameters["patience"].(time.Duration) // ours, not the driver's
	if !ok || patience <= 0 {
		patience = bucketPatience
	}
	signedFor, ok := parameters["redirectfor"].(time.Duration) // ours, as well
	if !ok || signedFor <= 0 {
		signedFor = signedUsually
	}
	signedAt, err := redirectEndpoint(parameters)
	if err != nil {
		return nil, err
	}
	d, err := s3driver.FromParameters(ctx, parameters)
	if err != nil {
		return nil, err
	}
	// The client is an exported field of an unexported type.
	field := reflect.Indirect(reflect.ValueOf(d.StorageDriver)).FieldByName("S3")
	if !field.IsValid() {
		return nil, fmt.Errorf("unexpected driver %T", d.StorageDriver)
	}
	client, ok := field.Interface().(*s3.S3)
	if !ok {
		return nil, fmt.Errorf("unexpected client %T", field.Interface())
	}
	t := s3Transport()
	if made, ok := client.Config.HTTPClient.Transport.(*http.Transport); ok && made.TLSClientConfig != nil {
		t.TLSClientConfig = made.TLSClientConfig.Clone()
	}
	client.Config.HTTPClient = &http.Client{Transport: &patientTransport{t, patience, max(patience, bucketWork)}}
	client.Retryer = bucketRetryer{awsclient.DefaultRetryer{NumMaxRetries: bucketRetries}}
	client.Handlers.Build.PushBack(putCondition)
	if http.DefaultClient.Transport != before {
		http.DefaultClient.Transport = before
	}
	return &s3Store{Driver: d, client: client, bucket: fmt.Sprint(parameters["bucket"]), signedFor: signedFor, signedAt: signedAt}, nil
}

// redirectEndpoint is under which clients reach the bucket; nil is as the server does.
func redirectEndpoint(parameters map[string]any) (*url.URL, error) {
	text, ok := parameters["redirectendpoint"].(string)
	if !ok || text == "" {
		return nil, nil
	}
	return url.Parse(text)
}

// RedirectURL is by which a client reads an object from the bucket, for a while.
// Distribution's is good for 20 minutes, whatever is set.
func (s *s3Store) RedirectURL(r *http.Request, at string) (string, error) {
	if r.Method != http.MethodGet {
		return "", nil
	}
	asked, _ := s.client.GetObjectRequest(&s3.GetObjectInput{Bucket: aws.String(s.bucket), Key: aws.String(s.S3BucketKey(at))})
	if s.signedAt != nil {
		asked.HTTPRequest.URL.Scheme, asked.HTTPRequest.URL.Host = s.signedAt.Scheme, s.signedAt.Host
	}
	signed, err := asked.Presign(s.signedFor)
	if err != nil {
		return "", fmt.Errorf("sign a URL of the bucket: %w", err)
	}
	return signed, nil
}

// s3Transport keeps more than the two idle connections that are Go's default.
func s3Transport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          128,
		MaxIdleConnsPerHost:   128,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// Stat asks for an object alone where path can only be one. Distribution's
// lists after every miss, which costs a request more and takes an object whose
// name merely begins like path for a folder.
func (s *s3Store) Stat(ctx context.Context, at string) (storagedriver.FileInfo, error) {
	if !isObject(at) {
		return s.Driver.Stat(ctx, at)
	}
	head, err := s.client.HeadObjectWithContext(ctx, &s3.HeadObjectInput{Bucket: aws.String(s.bucket), Key: aws.String(s.S3BucketKey(at))})
	var failed awserr.RequestFailure
	if errors.As(err, &failed) && failed.StatusCode() == http.StatusNotFound {
		return nil, storagedriver.PathNotFoundError{Path: at, DriverName: s.Name()}
	}
	if err != nil {
		return nil, storagedriver.Error{DriverName: s.Name(), Detail: err}
	}
	return storagedriver.FileInfoInternal{FileInfoFields: storagedriver.FileInfoFields{
		Path: at, Size: aws.Int64Value(head.ContentLength), ModTime: aws.TimeValue(head.LastModified),
	}}, nil
}

// isObject reports whether the registry keeps a file at path whenever it keeps
// anything there.
func isObject(at string) bool {
	switch path.Base(at) {
	case "data":
		return strings.HasPrefix(at, BlobRoot+"/") || strings.Contains(at, "/_uploads/")
	case "startedat":
		return strings.Contains(at, "/_uploads/")
	case "link":
		return strings.HasSuffix(at, "/current/link") && strings.Contains(at, "/_manifests/tags/") ||
			strings.Contains(at, "/_manifests/revisions/") || strings.Contains(at, "/_layers/")
	case MarkFile:
		return true
	}
	return strings.HasPrefix(at, "/oarlock/gc/bytes/") || strings.HasPrefix(at, "/oarlock/gc/removed/")
}

// S3Hint says what to do about what keeps a store from being used; the text of
// err holds no credentials.
func S3Hint(err error) error {
	var wrapped storagedriver.Error // has no Unwrap of its own
	if errors.As(err, &wrapped) && wrapped.Detail != nil {
		err = wrapped.Detail
	}
	var told awserr.Error
	if !errors.As(err, &told) {
		return err
	}
	fix := ""
	switch told.Code() {
	case "NoCredentialProviders":
		return errors.New("no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write ~/.aws/credentials")
	case "InvalidAccessKeyId", "SignatureDoesNotMatch":
		fix = "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
	case "NoSuchBucket":
		fix = "make the bucket first"
	case "AccessDenied", "Forbidden":
		fix = "these credentials need to list the bucket and to get, put and delete its objects"
	case "RequestError":
		fix = "check the endpoint"
	default:
		return err
	}
	return fmt.Errorf("%w; %s", err, fix)
}
