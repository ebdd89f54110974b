package cli

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/publog"
)

// liar stands before a server and changes what it answers about its log.
type liar struct {
	up  http.Handler
	lie func(path string, body []byte) (int, []byte)
}

func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.lie == nil || r.Method != http.MethodGet {
		l.up.ServeHTTP(w, r)
		return
	}
	r.Header.Del("Accept-Encoding")
	said := httptest.NewRecorder()
	l.up.ServeHTTP(said, r)
	status, body := l.lie(r.URL.Path, said.Body.Bytes())
	for name, values := range said.Header() {
		if name != "Content-Length" {
			w.Header()[name] = values
		}
	}
	if status == 0 {
		status = said.Code
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// pageOf changes the leaves that are told.
func pageOf(change func(items []index.LogLeaf) []index.LogLeaf) func(string, []byte) (int, []byte) {
	return func(path string, body []byte) (int, []byte) {
		var page index.LogPage
		if path != "/api/v1/log/leaves" || json.Unmarshal(body, &page) != nil {
			return 0, body
		}
		page.Items = change(page.Items)
		raw, err := json.Marshal(page)
		if err != nil {
			return http.StatusInternalServerError, nil
		}
		return 0, raw
	}
}

// without leaves out the first leaf of a kind.
func without(kind publog.Kind) func([]index.LogLeaf) []index.LogLeaf {
	return func(items []index.LogLeaf) []index.LogLeaf {
		n := slices.IndexFunc(items, func(l index.LogLeaf) bool {
			e, err := publog.ReadEvent(l.Event)
			return err == nil && e.Kind == kind
		})
		return append([]index.LogLeaf{}, slices.Delete(items, n, n+1)...)
	}
}

// onPath answers one path otherwise.
func onPath(at string, with func(body []byte) []byte) func(string, []byte) (int, []byte) {
	return func(path string, body []byte) (int, []byte) {
		if strings.HasPrefix(path, at) {
			return http.StatusOK, with(body)
		}
		return 0, body
	}
}

// Proves G6: a server that leaves leaves out, tells others, or shows another history
// than before is caught by a publisher who watches, and what it could not be made to
// say is no answer: nothing is taken for looked at.
func TestAServerThatLiesToAWatcherIsCaught_G6(t *testing.T) {
	dir := t.TempDir()
	for name, value := range map[string]string{"HOME": dir, "DOCKER_CONFIG": dir, "COSIGN_PASSWORD": ""} {
		t.Setenv(name, value)
	}
	l := &liar{}
	front := httptest.NewServer(l)
	t.Cleanup(front.Close)
	t.Setenv("OARLOCK_SERVER", front.URL)
	l.up = httputil.NewSingleHostReverseProxy(serveForTape(t, dir, front.URL))
	run := func(args ...string) (int, string) {
		t.Helper()
		var out, said bytes.Buffer
		code := Run(t.Context(), args, Streams{strings.NewReader(""), &out, &said}, "")
		return code, out.String() + said.String()
	}
	do := func(args string) {
		t.Helper()
		if code, said := run(strings.Fields(strings.NewReplacer("DIR", dir, "HOST", strings.TrimPrefix(front.URL, "http://")).Replace(args))...); code != exitOK {
			t.Fatalf("oarlock %s: exit code %d\n%s", args, code, said)
		}
	}
	for _, args := range []string{
		"init DIR/hello --id acme/hello", "publisher claim acme", "publisher claim other", "push DIR/hello HOST/acme/hello:0.1.0",
		"yank acme/hello@0.1.0 --reason broken", "unyank acme/hello@0.1.0", "log prove acme/hello@0.1.0", "log verify", "log watch --publisher acme",
	} {
		do(args)
	}
	_, early := run("log", "watch", "--publisher", "acme", "--output", "json")
	watched := filepath.Join(dir, ".config", "oarlock", "watched.json")
	before := fileText(t, watched)

	for what, lie := range map[string]struct {
		lie  func(string, []byte) (int, []byte)
		code int
		say  string
	}{
		"a version's leaf is left out":     {pageOf(without(publog.Published)), exitUnverified, "the server did not tell of that leaf"},
		"a statement's leaf is left out":   {pageOf(without(publog.Lifecycle)), exitUnverified, "the server leaves leaves out"},
		"nothing is told":                  {pageOf(func([]index.LogLeaf) []index.LogLeaf { return []index.LogLeaf{} }), exitUndecided, "it is late, or leaves it out"},
		"a leaf is told twice":             {pageOf(func(i []index.LogLeaf) []index.LogLeaf { return append(i, i[len(i)-1]) }), exitUnverified, "or tells them twice"},
		"a leaf is told as another":        {pageOf(func(i []index.LogLeaf) []index.LogLeaf { i[0].Event = i[1].Event; return i }), exitUnverified, "the log has another leaf there"},
		"a salt is another":                {pageOf(func(i []index.LogLeaf) []index.LogLeaf { i[0].Salt[0] ^= 1; return i }), exitUnverified, "the log has another leaf there"},
		"a tile is another":                {onPath("/log/tile/", func(b []byte) []byte { b[0] ^= 1; return b }), exitUnverified, "the tiles are not those of the tree"},
		"a tile is cut":                    {onPath("/log/tile/", func(b []byte) []byte { return b[1:] }), exitUnverified, "bytes, expected"},
		"the checkpoint is another's":      {onPath("/log/checkpoint", func(b []byte) []byte { return bytes.Replace(b, []byte("/log/"), []byte("/log/x"), 1) }), exitUnverified, "checkpoint"},
		"the log is gone":                  {func(p string, b []byte) (int, []byte) { return gone(p, "/log/", b) }, exitUnverified, "is not there"},
		"the leaves do not come":           {func(p string, b []byte) (int, []byte) { return gone(p, "/api/v1/log/leaves", b) }, exitNotFound, "not found"},
		"the answer is cut in the middle":  {func(p string, b []byte) (int, []byte) { return 0, b[:len(b)/2] }, exitUnverified, ""},
		"the catalog names one of another": {onPath("/api/v1/plugins", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("acme/hello"), []byte("evil/hello")) }), exitUnverified, "evil/hello"},
	} {
		l.lie = lie.lie
		code, said := run("log", "watch", "--publisher", "acme", "--from", "0")
		if what == "the answer is cut in the middle" { // wherever it is cut, it is no yes
			if code == exitOK || code == exitPartial {
				t.Errorf("%s: exit code %d\n%s", what, code, said)
			}
		} else if code != lie.code || !strings.Contains(said, lie.say) {
			t.Errorf("%s: exit code %d, expected %d and %q\n%s", what, code, lie.code, lie.say, said)
		}
		if now := fileText(t, watched); now != before {
			t.Errorf("%s: what was looked at is remembered: %s", what, now)
		}
	}
	l.lie = nil
	if code, now := run("log", "watch", "--publisher", "acme", "--output", "json"); code != exitOK || now != early {
		t.Errorf("without lies: exit code %d, %s, expected %s", code, now, early)
	}
}

func gone(path, under string, body []byte) (int, []byte) {
	if !strings.HasPrefix(path, under) {
		return 0, body
	}
	raw, _ := json.Marshal(index.NewProblem(index.CodeNotFound, "not found", "nothing"))
	return http.StatusNotFound, raw
}

// Proves G6: a server that goes back to an earlier checkpoint, or to another log,
// is refused by who saw a later one.
func TestAWatcherRefusesAnEarlierCheckpoint_G6(t *testing.T) {
	dir := t.TempDir()
	for name, value := range map[string]string{"HOME": dir, "DOCKER_CONFIG": dir, "COSIGN_PASSWORD": ""} {
		t.Setenv(name, value)
	}
	l := &liar{}
	front := httptest.NewServer(l)
	t.Cleanup(front.Close)
	t.Setenv("OARLOCK_SERVER", front.URL)
	l.up = httputil.NewSingleHostReverseProxy(serveForTape(t, dir, front.URL))
	run := func(want int, args ...string) string {
		t.Helper()
		var out, said bytes.Buffer
		if code := Run(t.Context(), args, Streams{strings.NewReader(""), &out, &said}, ""); code != want {
			t.Fatalf("oarlock %v: exit code %d, expected %d\n%s%s", args, code, want, out.String(), said.String())
		}
		return out.String() + said.String()
	}
	host := strings.TrimPrefix(front.URL, "http://")
	run(exitOK, "init", dir+"/hello", "--id", "acme/hello")
	run(exitOK, "publisher", "claim", "acme")
	run(exitOK, "push", dir+"/hello", host+"/acme/hello:0.1.0")
	run(exitOK, "log", "prove", "acme/hello@0.1.0")
	var earlier []byte
	l.lie = onPath("/log/checkpoint", func(b []byte) []byte { earlier = slices.Clone(b); return b })
	run(exitOK, "log", "watch", "--publisher", "acme")
	l.lie = nil
	run(exitOK, "yank", "acme/hello@0.1.0", "--reason", "broken")
	run(exitOK, "log", "watch", "--publisher", "acme")
	l.lie = onPath("/log/checkpoint", func([]byte) []byte { return earlier })
	for _, verb := range [][]string{{"log", "watch", "--publisher", "acme"}, {"log", "verify"}} {
		if said := run(exitUnverified, verb...); !strings.Contains(said, "some were taken away") {
			t.Errorf("%v: %s", verb, said)
		}
	}
}

func fileText(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
