package app

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
)

// Proves E1 and E12: a suspended plugin whose ledger has lost its tag, and of which
// the memory of ledgers has nothing either, is not free after kill -9: what lies in
// the repository tells that there was a ledger. With its tag back it is suspended.
func TestALedgerWithoutTagAndMemoryIsMissed_E1_E12(t *testing.T) {
	t.Parallel()
	for _, memory := range []string{"gone", "{}"} {
		for _, tag := range []string{"gone", "empty", "without its folder"} {
			for _, checkpoint := range []bool{true, false} {
				t.Run(fmt.Sprintf("memory %s, tag %s, checkpoint %v", memory, tag, checkpoint), func(t *testing.T) {
					t.Parallel()
					missedLedger(t, memory, tag, checkpoint)
				})
			}
		}
	}
}

func missedLedger(t *testing.T, memory, tag string, checkpoint bool) {
	const id = "acme/hello"
	c := configured(t)
	c.Dev, c.Trust = false, everybodyListed(t)
	var notice bytes.Buffer
	s, stop := startWith(t, c, &notice)
	admin := tokenText.FindString(notice.String())
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	for _, id := range []string{id, "acme/free"} {
		publish(t, s, admin, `{"id": "`+id+`", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	}
	if err := stop(); err != nil { // which writes the checkpoint
		t.Fatal(err)
	}
	p := started(t, c.Data, c.Trust)
	move := map[string]any{"move": "suspend", "reason": "security_review"}
	if status, body := answered(t, admin, "POST", p.url+"/api/v1/plugins/"+id+"/lifecycle", move); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	for told := false; !told; { // one of which nobody was told was begun, and is finished
		_, leaves := answered(t, admin, "GET", p.url+"/api/v1/log/leaves", nil)
		told = strings.Contains(string(leaves), format.OfPlugin(must(artifact.ParseName(id))).String())
	}
	p.kill()

	folder := filepath.Join(c.Data, "registry/docker/registry/v2/repositories", id, "_manifests/tags", artifact.StateTag)
	link := filepath.Join(folder, "current/link")
	was := must(os.ReadFile(link))
	switch tag {
	case "gone":
		must(0, os.Remove(link))
	case "empty":
		must(0, os.WriteFile(link, nil, 0o600))
	default:
		must(0, os.RemoveAll(folder))
	}
	remembered := filepath.Join(c.Data, "ledgers.json")
	must(0, os.RemoveAll(remembered))
	if memory != "gone" {
		must(0, os.WriteFile(remembered, []byte(memory), 0o600))
	}
	if !checkpoint {
		for _, at := range must(filepath.Glob(filepath.Join(c.Data, "catalog.checkpoint*"))) {
			must(0, os.RemoveAll(at))
		}
	}
	p = started(t, c.Data, c.Trust)
	if status := resolved(t, p, "acme/free"); status != http.StatusOK {
		t.Errorf("a plugin without a ledger is resolved with %d", status)
	}
	if status := resolved(t, p, id); status == http.StatusOK {
		t.Error("the suspended plugin is resolved")
	}
	_, why := answered(t, admin, "GET", p.url+"/api/v1/plugins/"+id+"/why", nil)
	if !strings.Contains(string(why), index.ReasonUnreadable) || !strings.Contains(string(why), "set the tag to it again") {
		t.Errorf("why: %s", why)
	}
	deprecate := map[string]any{"move": "deprecate", "reason": "superseded"}
	if status, body := answered(t, admin, "POST", p.url+"/api/v1/plugins/"+id+"/lifecycle", deprecate); status != http.StatusServiceUnavailable || !strings.Contains(string(body), "set the tag to it again") {
		t.Errorf("another ledger began, or why not is not said: %d %s", status, body)
	}
	p.kill()

	must(0, os.MkdirAll(filepath.Dir(link), 0o700))
	must(0, os.WriteFile(link, was, 0o600))
	p = started(t, c.Data, c.Trust)
	if status, body := answered(t, admin, "GET", p.url+"/api/v1/plugins/"+id, nil); status != http.StatusOK || !strings.Contains(string(body), `"suspended"`) {
		t.Errorf("with its tag back: %d %s", status, body)
	}
}

// Proves E1: a ledger that lost its tag, with the memory of it, is brought back whole
// and not by an older copy, which would undo what was said since.
func TestALostLedgerIsNotBroughtBackByAnOlderCopy_E1(t *testing.T) {
	t.Parallel()
	c := configured(t)
	c.Dev, c.Trust = false, everybodyListed(t)
	var notice bytes.Buffer
	s, stop := startWith(t, c, &notice)
	admin := tokenText.FindString(notice.String())
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	publish(t, s, admin, `{"id": "acme/hello", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	var lists [][]byte
	for _, move := range []string{"deprecate", "suspend"} {
		ask[any](t, s, admin, "POST", "/api/v1/plugins/acme/hello/lifecycle", map[string]any{"move": move, "reason": "security_review"}, http.StatusOK)
		_, raw := ledgerCall(t, s, admin, http.MethodGet, nil)
		lists = append(lists, raw)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	must(0, os.RemoveAll(filepath.Join(c.Data, "registry/docker/registry/v2/repositories/acme/hello/_manifests/tags", artifact.StateTag)))
	forgetCatalog(t, c.Data)
	s, _ = startWith(t, c, &notice)
	if err := s.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status, body := ledgerCall(t, s, admin, http.MethodPut, lists[0]); status != http.StatusForbidden {
		t.Errorf("an older copy: %d %s", status, body)
	}
	if status, body := ledgerCall(t, s, admin, http.MethodPut, lists[1]); status != http.StatusCreated {
		t.Errorf("the ledger: %d %s", status, body)
	}
	if err := s.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := ask[index.Lifecycle](t, s, admin, "GET", "/api/v1/plugins/acme/hello/lifecycle", nil, http.StatusOK); got.State != index.StateSuspended {
		t.Errorf("it is %s", got.State)
	}
}

// ledgerCall gets the ledger of acme/hello, or sets it.
func ledgerCall(t *testing.T, s *Server, token, method string, body []byte) (int, []byte) {
	t.Helper()
	const index = "application/vnd.oci.image.index.v1+json"
	r := must(http.NewRequestWithContext(t.Context(), method, "http://"+s.Addr()+"/v2/acme/hello/manifests/"+artifact.StateTag, bytes.NewReader(body)))
	r.SetBasicAuth("ci", token)
	r.Header.Set("Accept", index)
	r.Header.Set("Content-Type", index)
	resp := must(visitor.Do(r))
	defer resp.Body.Close()
	return resp.StatusCode, must(io.ReadAll(resp.Body))
}

// started is a server over dir once it is ready.
func started(t *testing.T, dir, trust string) *process {
	t.Helper()
	p := spawn(t, dir, childTrust+"="+trust)
	for status := 0; status != http.StatusOK; {
		status, _ = answered(t, "", "GET", p.url+"/readyz", nil)
	}
	return p
}

// resolved is the status of an install of id.
func resolved(t *testing.T, p *process, id string) int {
	t.Helper()
	status, _ := answered(t, "", "POST", p.url+"/api/v1/resolve", index.ResolveRequest{Plugins: []index.Want{{ID: id, Range: "*"}}})
	return status
}

// forgetCatalog takes away what a site remembers of ledgers and catalog.
func forgetCatalog(t *testing.T, data string) {
	t.Helper()
	for _, pattern := range []string{"ledgers.json", "catalog.checkpoint*"} {
		for _, at := range must(filepath.Glob(filepath.Join(data, pattern))) {
			must(0, os.RemoveAll(at))
		}
	}
}
