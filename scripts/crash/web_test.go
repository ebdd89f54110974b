//go:build e2e

package crash

import "net/http"

// web sends what the tests of this package send. Go's own transport belongs to
// all: the end of any httptest.Server closes its idle connections.
var web = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
