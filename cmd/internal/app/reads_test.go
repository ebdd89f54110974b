package app

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestWhatAReadAllocates: the answers of a read cost what they did when the
// registry was first measured beside its peers. The client writes the same
// bytes and reads into one buffer, so that what is counted is the server's.
func TestWhatAReadAllocates(t *testing.T) {
	if raceDetected() {
		t.Skip("the race detector makes pools forget, and so allocates by itself")
	}
	s, _ := start(t, configured(t))
	pushAs(t, s, "", 1)
	repository := "acme/p1"
	digest, layer := manifestOf(t, s, repository, "1.1.0")
	most := map[string]float64{
		"blobs/" + layer:      48,
		"manifests/" + digest: 40,
		"manifests/1.1.0":     46,
		"referrers/" + digest: 37,
	}
	got := map[string]float64{}
	for range 3 { // what the server does besides, such as signing its catalog, allocates too
		for what := range most {
			n := allocationsOf(t, s.Addr(), "/v2/"+repository+"/"+what)
			if least, is := got[what]; !is || n < least {
				got[what] = n
			}
		}
	}
	for what, n := range got {
		t.Logf("%s: %v allocations", what, n)
		if n > most[what] {
			t.Errorf("a read of %s makes %.0f allocations, expected at most %.0f", what, n, most[what])
		}
	}
}

func manifestOf(t *testing.T, s *Server, repository, tag string) (digest, layer string) {
	t.Helper()
	resp, err := visitor.Get(s.URL() + "/v2/" + repository + "/manifests/" + tag)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var m ocispec.Manifest
	if err := json.NewDecoder(resp.Body).Decode(&m); err != nil || len(m.Layers) == 0 {
		t.Fatalf("%+v, %v", m, err)
	}
	return resp.Header.Get("Docker-Content-Digest"), m.Layers[0].Digest.String()
}

func allocationsOf(t *testing.T, address, path string) float64 {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, address)
	if _, err := conn.Write(request); err != nil {
		t.Fatal(err)
	}
	answer := &sized{Reader: conn}
	resp, err := http.ReadResponse(bufio.NewReaderSize(answer, 1<<16), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s: %d, %v", path, resp.StatusCode, err)
	}
	buf := make([]byte, answer.n)
	least := math.Inf(1)
	for range 5 {
		least = min(least, testing.AllocsPerRun(300, func() {
			if _, err := conn.Write(request); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(conn, buf); err != nil {
				t.Fatal(err)
			}
		}))
	}
	return least
}

func raceDetected() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "-race" && s.Value == "true" })
}

// sized counts what was read.
type sized struct {
	io.Reader
	n int
}

func (s *sized) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	s.n += n
	return n, err
}
