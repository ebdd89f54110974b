package app

import (
	"io"
	"testing"
)

// readyz is what /readyz says of a server that serves.
func readyz(t *testing.T, s *Server) string {
	t.Helper()
	resp, err := visitor.Get(s.URL() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s: %s, %v", resp.Status, said, err)
	}
	return string(said)
}
