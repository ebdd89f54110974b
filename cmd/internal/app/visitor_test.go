package app

import (
	"io"
	"net/http"
	"testing"
)

// visitor sends what the tests of this package send. Go's own transport belongs to
// all: the end of any httptest.Server closes its idle connections.
var visitor = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}

// answerTo is the answer to r, and its body, read whole.
func answerTo(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := visitor.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}
