package publog_test

import "net/http"

// visitor sends what the tests of this package send. Go's own transport belongs to
// all: the end of any httptest.Server closes its idle connections.
var visitor = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
