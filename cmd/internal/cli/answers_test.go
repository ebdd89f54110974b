package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// asked are verbs that ask the API, in an order in which a new server does what
// they ask for. DIR is a directory of the test, NEW one that is made by each
// run, HOOK an endpoint that takes all. WEBHOOK, DELIVERY and EMERGENCY are what was
// answered last of that kind. What begins with + is done once, for those after it,
// and what begins with ? again until the answer names a delivery.
var asked = []string{
	"publisher claim acme",
	"+push DIR/hello HOST/acme/hello:0.1.0 --sign --key DIR/acme.key",
	"search", "show acme/hello", "show acme/hello@0.1.0", "why acme/hello",
	"resolve acme/hello",
	"install acme/hello --dir NEW --key DIR/acme.pub",
	"push --status HOST/acme/hello:0.1.0",
	"lint DIR/hello --online",
	"channel set acme/hello@0.1.0 beta", "channel list acme/hello", "channel remove acme/hello beta",
	"webhook add HOOK --events plugin.*", "webhook list", "webhook test WEBHOOK", "subscription add WEBHOOK --plugin acme/hello", "subscription list",
	"deprecate acme/hello --reason superseded", "undeprecate acme/hello", "history acme/hello",
	"yank acme/hello@0.1.0 --reason broken", "unyank acme/hello@0.1.0",
	"publisher configure acme --publishing on", "publisher usage acme", "publisher list", "publisher show acme", "publisher history acme",
	"publisher invite acme --role reader", "publisher verify acme --administrator --note known",
	"token create ci --namespace acme --scope repository:acme/*:pull", "token list --namespace acme",
	"account create ada", "account list", "account token ada laptop",
	"tenant create north", "tenant list", "tenant show north", "tenant set north --canary", "tenant members list north",
	"tenant quota north --hosts 5", "tenant host add north editor-1 --host example-host --host-version 1.2", "tenant host list north",
	"tenant host rotate north editor-1", "tenant desired north editor-1", "tenant host resolve north editor-1 --take server --epoch 1.7",
	"tenant host set north editor-1 --host-version 1.3", "tenant enable north acme/hello", "tenant pin north acme/hello@0.1.0", "tenant unpin north acme/hello",
	"tenant hold north acme/hello --until 9d", "tenant unhold north acme/hello", "tenant hold north --until 9d", "tenant unhold north",
	"tenant configure north acme/hello -f DIR/hello/plugin.json", "tenant config show north acme/hello", "tenant config show north acme/hello --revision 1",
	"tenant config revisions north acme/hello", "tenant config restore north acme/hello 1", "tenant plugins north", "tenant attention north", "tenant disable north acme/hello",
	"whoami", "audit search", "audit export", "audit verify",
	"block acme/hello@0.1.0 --reason test --code blocked", "block list", "block lift acme/hello@0.1.0",
	"policy show", "policy explain acme/hello@0.1.0",
	"rebuild --check", "scrub --status",
	"ledger keys", "log verify --forget",
	"?webhook deliveries WEBHOOK", "webhook deliveries WEBHOOK DELIVERY", "subscription deliveries SUBSCRIPTION", "subscription deliveries SUBSCRIPTION DELIVERY",
	"subscription replay SUBSCRIPTION", "webhook replay WEBHOOK DELIVERY", "webhook rotate WEBHOOK --yes",
	"emergency-remove acme/hello@0.1.0 --reason malware", "emergency-remove list",
	"emergency-remove list EMERGENCY", "emergency-remove confirm EMERGENCY", "emergency-remove undo EMERGENCY",
	"delete acme/hello --reason discontinued --yes",
}

// named finds what later verbs are given, by the words of asked.
var named = map[string]*regexp.Regexp{
	"WEBHOOK":      regexp.MustCompile(`"(wh_[0-9a-f]+)"`),
	"SUBSCRIPTION": regexp.MustCompile(`"(sub_[0-9a-f]+)"`),
	"DELIVERY":     regexp.MustCompile(`"(dl_[0-9a-f]+)"`),
	"EMERGENCY":    regexp.MustCompile(`^\{(?:"\$schema":"[^"]*",)?"id":"([a-z0-9]{12,})"`),
}

// fromElsewhere are answers that no verb reads, or none of the list above can make.
var fromElsewhere = []string{"catalog", "lifecycle", "change-account", "rotateCatalogRoot", "accept-invitation", "close-namespace",
	"add-publisher-key", "revoke-publisher-key", "unverify-publisher", "recover-log", "resend-confirmation", "confirm-address", "end-of-life", "plugin-end-of-life", "tenant-host", "tenant-plugin", "report-host"}

// An exchange is one request and its answer, as it was recorded.
type exchange struct {
	method, path string
	status       int
	header       http.Header
	body         []byte
}

// A tape stands between the verbs and a server: it records, or it answers from
// what it recorded, with one answer changed.
type tape struct {
	mu      sync.Mutex
	up      *httputil.ReverseProxy
	replay  bool
	all     []exchange
	changed int // of all; -1 for none
	with    []byte
}

func (tp *tape) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	if !tp.replay {
		r.Header.Del("Accept-Encoding") // answers are recorded as they are read
		rec := httptest.NewRecorder()
		tp.up.ServeHTTP(rec, r)
		tp.all = append(tp.all, exchange{r.Method, r.URL.RequestURI(), rec.Code, rec.Header().Clone(), rec.Body.Bytes()})
		tp.answer(w, len(tp.all)-1)
		return
	}
	for n, e := range slices.Backward(tp.all) {
		if e.method == r.Method && e.path == r.URL.RequestURI() {
			tp.answer(w, n)
			return
		}
	}
	http.Error(w, "nothing of that was recorded", http.StatusNotImplemented)
}

// remember takes what was answered of those that are named.
func (tp *tape) remember(last map[string]string) {
	for _, e := range tp.all {
		for name, pattern := range named {
			if m := pattern.FindSubmatch(e.body); m != nil && (name != "EMERGENCY" || strings.HasSuffix(e.path, "/emergencies")) {
				last[name] = string(m[1])
			}
		}
	}
}

func (tp *tape) answer(w http.ResponseWriter, n int) {
	e := tp.all[n]
	maps.Copy(w.Header(), e.header)
	body := e.body
	if tp.replay && n == tp.changed {
		body = tp.with
		w.Header().Del("Content-Length")
		w.Header().Del("ETag")
	}
	w.WriteHeader(e.status)
	w.Write(body)
}

// operations are those of the API whose answer is one JSON value.
type operation struct {
	ID     string
	method string
	path   *regexp.Regexp
	schema *shape
}

// A shape is the part of a JSON schema that says what must be there.
type shape struct {
	Ref        string            `json:"$ref"`
	Type       any               `json:"type"`
	Required   []string          `json:"required"`
	Properties map[string]*shape `json:"properties"`
	Items      *shape            `json:"items"`
}

type apiDescription struct {
	Paths map[string]map[string]struct {
		ID        string `json:"operationId"`
		Responses map[string]struct {
			Content map[string]struct {
				Schema *shape `json:"schema"`
			} `json:"content"`
		} `json:"responses"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]*shape `json:"schemas"`
	} `json:"components"`
}

func readDescription(t *testing.T) (d apiDescription, all []operation) {
	t.Helper()
	raw, err := os.ReadFile("../../../index/api/openapi.json")
	if err == nil {
		err = json.Unmarshal(raw, &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	for path, methods := range d.Paths {
		for method, o := range methods {
			for status, r := range o.Responses {
				if c, ok := r.Content["application/json"]; ok && status < "3" {
					pattern := regexp.MustCompile(`\\\{[^}]*\\\}`).ReplaceAllString(regexp.QuoteMeta(path), `[^/]+`)
					all = append(all, operation{o.ID, strings.ToUpper(method), regexp.MustCompile("^" + pattern + `(\?.*)?$`), c.Schema})
				}
			}
		}
	}
	return d, all
}

// of gives the shape that s is or refers to.
func (d apiDescription) of(s *shape) *shape {
	if s != nil && s.Ref != "" {
		return d.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
	}
	return s
}

// spoil calls try with value changed at each required field in turn: left out,
// null, of another type. Of a list the first element stands for all.
func (d apiDescription) spoil(s *shape, value any, try func(field, how string)) {
	s = d.of(s)
	if s == nil {
		return
	}
	if list, ok := value.([]any); ok && len(list) > 0 {
		d.spoil(s.Items, list[0], try)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return
	}
	for _, field := range s.Required {
		was, there := object[field]
		if !there {
			try(field, "which the server does not give")
			continue
		}
		inner := d.of(s.Properties[field])
		delete(object, field)
		try(field, "left out")
		if inner.Type != nil || len(inner.Properties) > 0 { // else it may be anything
			object[field] = nil
			try(field, "null")
			object[field] = ofAnotherType(was)
			try(field, "of another type")
		}
		object[field] = was
	}
	for field, inner := range s.Properties {
		if object[field] != nil {
			d.spoil(inner, object[field], try)
		}
	}
}

func ofAnotherType(v any) any {
	switch v.(type) {
	case string, bool:
		return 7
	case []any:
		return map[string]any{}
	}
	return []any{"x"}
}

// An answer that lacks what the description of the API says it has, or has it as
// null or as something else, is no answer: every verb says which field, prints
// nothing for scripts to take, and ends as one that could not tell. Proves L2, L3.
func TestAnAnswerThatIsNotWholeIsRefusedByEveryVerb_L2_L3(t *testing.T) {
	if testing.Short() {
		t.Skip("runs each verb for each field of its answer")
	}
	dir := t.TempDir()
	for name, value := range map[string]string{"HOME": dir, "DOCKER_CONFIG": dir, "COSIGN_PASSWORD": ""} {
		t.Setenv(name, value)
	}
	tp := &tape{changed: -1}
	front := httptest.NewServer(tp)
	t.Cleanup(front.Close)
	t.Setenv("OARLOCK_SERVER", front.URL)
	t.Setenv("OARLOCK_APPROVERS", "1")
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(hook.Close)
	news, last := 0, map[string]string{}
	run := func(args string) (int, string, string) {
		news++
		words := strings.Fields(strings.NewReplacer("DIR", dir, "NEW", filepath.Join(dir, fmt.Sprint("new", news)), "HOST", strings.TrimPrefix(front.URL, "http://"),
			"HOOK", hook.URL, "WEBHOOK", last["WEBHOOK"], "DELIVERY", last["DELIVERY"],
			"SUBSCRIPTION", last["SUBSCRIPTION"], "EMERGENCY", last["EMERGENCY"]).Replace(args))
		var out, said bytes.Buffer
		code := Run(t.Context(), words, Streams{strings.NewReader(""), &out, &said}, "")
		return code, out.String(), said.String()
	}
	for _, made := range []string{"init DIR/hello --id acme/hello", "key generate DIR/acme"} {
		if code, _, said := run(made); code != exitOK {
			t.Fatal(said)
		}
	}
	tp.up = httputil.NewSingleHostReverseProxy(serveForTape(t, dir, front.URL))
	d, operations := readDescription(t)
	met := map[string]bool{}
	for _, args := range asked {
		tp.replay, tp.all, tp.changed = false, nil, -1
		args, once := strings.CutPrefix(args, "+")
		args, again := strings.CutPrefix(args, "?")
		code, _, said := run(args)
		for end := time.Now().Add(time.Minute); again && code == exitOK && last["DELIVERY"] == "" && time.Now().Before(end); {
			tp.all = nil
			code, _, said = run(args)
			tp.remember(last)
		}
		tp.remember(last)
		if code != exitOK {
			t.Errorf("oarlock %s: exit code %d\n%s", args, code, said)
			continue
		}
		if once {
			continue
		}
		tp.replay = true
		if code, _, said = run(args); code != exitOK {
			t.Errorf("oarlock %s, from the tape: exit code %d\n%s", args, code, said)
			continue
		}
		for n, e := range tp.all {
			o := slices.IndexFunc(operations, func(o operation) bool {
				return o.method == e.method && o.path.MatchString(e.path) && e.status < 300
			})
			if o < 0 || met[operations[o].ID] {
				continue
			}
			met[operations[o].ID] = true
			var value any
			if err := json.Unmarshal(e.body, &value); err != nil {
				t.Errorf("oarlock %s: %s: %.80q: %v", args, e.path, e.body, err)
				continue
			}
			tp.changed = n
			d.spoil(operations[o].schema, value, func(field, how string) {
				var err error
				if tp.with, err = json.Marshal(value); err != nil {
					t.Fatal(err)
				}
				code, out, said := run(args)
				if strings.HasPrefix(args, "lint ") {
					out = "" // it says what it found itself, too
				}
				if code != exitFailure && code != exitUndecided || out != "" || !strings.Contains(said, "answer: ") || !strings.Contains(said, field) || foreign.MatchString(said) {
					t.Errorf("oarlock %s, %s of %s %s: exit code %d, expected %d or %d and the field named; stdout %.80q\n%s",
						args, field, operations[o].ID, how, code, exitFailure, exitUndecided, out, said)
				}
			})
			tp.changed = -1
		}
	}
	for _, o := range operations {
		if !met[o.ID] && !slices.Contains(fromElsewhere, o.ID) {
			t.Errorf("no verb asked for %s", o.ID)
		}
	}
}

// serveForTape runs a server for whoever comes, and gives its address.
func serveForTape(t *testing.T, dir, public string) *url.URL {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	log, ended := newLogTail(), make(chan int, 1)
	go func() {
		ended <- Run(ctx, []string{"serve", "--dev", "--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0", "--public-url", public}, Streams{strings.NewReader(""), io.Discard, log}, "v0.0.0-test")
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	at, problem := log.wait(regexp.MustCompile(`msg=listening.* url=(\S+)`), ended)
	if problem != "" {
		t.Fatal(problem)
	}
	if _, problem = log.wait(regexp.MustCompile(`msg="(catalog serves|checkpoint serves)"()`), ended); problem != "" {
		t.Fatal(problem)
	}
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
