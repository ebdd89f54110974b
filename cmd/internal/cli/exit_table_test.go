package cli

import (
	"fmt"
	"net/http"
	"testing"

	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/registry/remote"
)

// Proves L3: one refusal has one exit code, whether a push, another client of a
// registry, or a call of the API was refused.
func TestARefusalHasOneExitCode_L3(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		status   int
		oci, api string
		want     int
	}{
		{http.StatusBadRequest, "MANIFEST_INVALID", index.CodeInvalid, exitUsage},
		{http.StatusUnauthorized, "UNAUTHORIZED", index.CodeUnauthorized, exitNotAuthorised},
		{http.StatusForbidden, "DENIED", index.CodeQuota, exitDenied},
		{http.StatusForbidden, "DENIED", index.CodeDenied, exitDenied},
		{http.StatusForbidden, "DENIED", index.CodeNotAuthorised, exitNotAuthorised},
		{http.StatusForbidden, "DENIED", index.CodeNamespaceUnclaimed, exitNotAuthorised},
		{http.StatusForbidden, "DENIED", index.CodeNamespaceClosed, exitDenied},
		{http.StatusForbidden, "DENIED", index.CodePublishingOff, exitDenied},
		{http.StatusConflict, "DENIED", index.CodeVersionTaken, exitConflict},
		{http.StatusPreconditionFailed, "DENIED", index.CodeConflict, exitConflict},
		{http.StatusUnprocessableEntity, "MANIFEST_INVALID", index.CodeUnverified, exitUnverified},
		{http.StatusNotFound, "MANIFEST_UNKNOWN", index.CodeVersionNotFound, exitNotFound},
		{http.StatusConflict, "DENIED", index.CodeConflict, exitConflict},
		{http.StatusTooManyRequests, "TOOMANYREQUESTS", index.CodeTooManyRequests, exitDenied},
		{http.StatusInsufficientStorage, "UNKNOWN", index.CodeStorage, exitFailure},
		{http.StatusServiceUnavailable, "UNAVAILABLE", index.CodeUnavailable, exitFailure},
		{http.StatusInternalServerError, "UNKNOWN", index.CodeInternal, exitFailure},
	} {
		oci := &errcode.ErrorResponse{StatusCode: row.status, Errors: errcode.Errors{{Code: row.oci, Detail: map[string]any{"code": row.api}}}}
		for by, err := range map[string]error{
			"push": remote.Wrap("127.0.0.1:7117/acme/hello:1.0.0", oci),
			"oras": oci,
			"API":  index.NewProblem(row.api, "refused"),
		} {
			if got := exitCode(fmt.Errorf("verb: %w", err)); got != row.want {
				t.Errorf("%s, %d (%s, %s): exit code %d, expected %d", by, row.status, row.oci, row.api, got, row.want)
			}
		}
	}
}

// The statuses decide where a registry gives no code of ours. Proves L3.
func TestARefusalOfAnotherRegistryHasTheExitCodeOfItsStatus_L3(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]int{400: exitUsage, 401: exitNotAuthorised, 403: exitDenied, 404: exitNotFound, 409: exitConflict,
		413: exitFailure, 429: exitDenied, 500: exitFailure, 503: exitFailure, 507: exitFailure} {
		for _, detail := range []any{nil, "words", map[string]any{"code": 7}, []any{"x"}, map[string]any{"code": "of its own"}} {
			oci := &errcode.ErrorResponse{StatusCode: status, Errors: errcode.Errors{{Code: "DENIED", Detail: detail}}}
			for _, err := range []error{oci, remote.Wrap("registry.example.org/acme/hello:1.0.0", oci)} {
				if got := exitCode(err); got != want {
					t.Errorf("%d with detail %v: exit code %d, expected %d", status, detail, got, want)
				}
			}
		}
	}
}
