package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// What a server advises is for whoever calls its API, and what Go's libraries
// say is for programmers. People at a command line read it in its own words.

// codeUnreachable is the code of a server that gave no answer at all.
const codeUnreachable = "unreachable"

// wordings are how the words of the API and of Go's libraries are said here, in
// this order.
var wordings = []struct {
	api *regexp.Regexp
	cli string
}{
	// The API's advice.
	{regexp.MustCompile(`GET /api/v1/plugins/([^/\s?]+/[^/\s?]+)/why says`), `oarlock why $1 says`},
	{regexp.MustCompile(`search with GET /api/v1/plugins\?q=([a-z0-9-]+)`), `search for it: oarlock search $1`},
	{regexp.MustCompile(`search with GET /api/v1/plugins\?q=\S*`), `search for it: oarlock search TEXT`},
	{regexp.MustCompile(`host_version came without host\b`), `--host-version came without --host`},
	{regexp.MustCompile(`add host=<id of the host>`), `give --host ID`},
	{regexp.MustCompile(`\bsend SemVer\b`), `give SemVer`},
	{regexp.MustCompile(`ask (?:again )?without (?:cursor for the first page|generation(?:, and without cursor)?)`), `ask again`},
	{regexp.MustCompile(`leave sort out, or use`), `leave --sort out, or give`},
	{regexp.MustCompile(`; /readyz says when`), ``},
	{regexp.MustCompile(`\bhttps?://([^/\s]+)/\S*: answer: `), `$1: answer: `},
	{regexp.MustCompile(`\binvalid: ledger [^\s:]+:oarlock-state: [a-z]+\.[a-z]+: `), ``},
	// Go's.
	{regexp.MustCompile(`\b(?:Get|Head|Post|Put|Patch|Delete) "https?://([^/"?]+)[^"]*": (?:dial tcp(?: [^\s:]+:\d+| \[[^\]]+\]:\d+)?: )?(?:connect: )?`), `$1: `},
	{regexp.MustCompile(`\b(?:GET|HEAD|POST|PUT|PATCH|DELETE) "?https?://([^/"?\s:]+(?::\d+)?)[^"\s]*"?: `), `$1: `},
	{regexp.MustCompile(`\bdial tcp(?: \S+)?: (?:connect: )?`), ``},
	{regexp.MustCompile(`\blookup (\S+)(?: on \S+)?: no such host`), `no host of the name $1 is known`},
	{regexp.MustCompile(`http: server gave HTTP response to HTTPS client`), `it speaks HTTP without TLS`},
	{regexp.MustCompile(`\btls: failed to verify certificate: x509: `), `its certificate is not trusted: `},
	{regexp.MustCompile(`\bcontext deadline exceeded(?: \([^)]*\))?`), `no answer came in time`},
	{regexp.MustCompile(`\bnet/http: request canceled(?: [^:]*)?`), `the request was called off`},
	{regexp.MustCompile(`\bunexpected EOF\b`), `it ended too early`},
	{regexp.MustCompile(`strconv\.\w+: parsing ("(?:[^"\\]|\\.)*"): value out of range`), `$1 is too large or too small`},
	{regexp.MustCompile(`strconv\.ParseBool: parsing ("(?:[^"\\]|\\.)*"): invalid syntax`), `$1 came, expected true or false`},
	{regexp.MustCompile(`strconv\.\w+: parsing ("(?:[^"\\]|\\.)*"): invalid syntax`), `$1 came, expected a number`},
	{regexp.MustCompile(`time: (?:invalid|missing unit in|unknown unit "[^"]*" in) duration ("(?:[^"\\]|\\.)*")`), `$1 came, expected a duration such as 90s or 1h30m`},
	{regexp.MustCompile(`json: cannot unmarshal (\w+) into Go (?:struct field [\w.]*?\.?([\w-]+)|value) of type \S+`), `the JSON has a $1 where something else belongs ($2)`},
	{regexp.MustCompile(`invalid character .{1,12} looking for beginning of \w+(?: \w+)*|unexpected end of JSON input`), `it is no JSON`},
	{regexp.MustCompile(`: (?:DENIED|UNAUTHORIZED|UNAVAILABLE|NAME_UNKNOWN|MANIFEST_UNKNOWN|UNSUPPORTED): `), `: `},
	{regexp.MustCompile(`(: denied)+: denied\b`), `: denied`},
	{regexp.MustCompile(`\s*\(\)`), ``},
	{regexp.MustCompile(`: map\[[^\n]*\]`), ``},
}

// forCallers is advice that only a caller of the API can follow.
var forCallers = regexp.MustCompile(`\b(?:GET|HEAD|POST|PUT|PATCH|DELETE) /|/api/|/readyz|[?&][a-z_]+=|\bAuthorization\b|\b[Hh]eader\b`)

// hosts are those that text begins a part with: one that was asked through another
// of its addresses is named twice.
var hosts = regexp.MustCompile(`[^\s:"]+:\d+: `)

// inWords is text in the words of the command line.
func inWords(text string) string {
	for _, w := range wordings {
		text = w.api.ReplaceAllString(text, w.cli)
	}
	for _, host := range hosts.FindAllString(text, -1) {
		text = strings.ReplaceAll(text, host+host, host)
	}
	// What was tried in two ways and failed alike is said once.
	parts := strings.Split(text, "; ")
	for i := 1; i < len(parts); i++ {
		if strings.HasSuffix(parts[i-1], parts[i]) {
			parts = slices.Delete(parts, i, i+1)
			i--
		}
	}
	return strings.Join(parts, "; ")
}

// text is what err says, in the words of the command line.
func text(err error) string {
	said := err.Error()
	if refused, ok := errors.AsType[*errcode.ErrorResponse](err); ok {
		said = strings.Replace(said, refused.Error(), refusedText(refused), 1)
	}
	return strings.TrimSuffix(inWords(said), ": "+artifact.ErrInvalid.Error()) // the kind, for programs
}

// refusedText is the refusal of a registry without what it says to programs.
func refusedText(r *errcode.ErrorResponse) string {
	var out []string
	for _, one := range r.Errors {
		if one.Message != "" {
			out = append(out, one.Message)
		}
	}
	if len(out) == 0 {
		out = append(out, strings.ToLower(http.StatusText(r.StatusCode)))
	}
	host := ""
	if r.URL != nil {
		host = r.URL.Host + ": "
	}
	return host + strings.Join(out, "; ")
}

// An advisedError is one about which a verb knows what to do.
type advisedError struct {
	error
	fixes []string
}

func advised(err error, fixes ...string) error { return &advisedError{err, fixes} }

// Unwrap gives the cause.
func (e *advisedError) Unwrap() error { return e.error }

// advice is what to do about err: what the server says, in the words of the
// command line, and what it cannot know.
func (c *console) advice(err error) []string {
	var out []string
	add := func(fix string) {
		if fix = inWords(fix); !forCallers.MatchString(fix) && !slices.Contains(out, fix) {
			out = append(out, fix)
		}
	}
	if known, ok := errors.AsType[*advisedError](err); ok {
		for _, fix := range known.fixes {
			add(fix)
		}
	}
	said := answerIn(err)
	if said != nil && said.Status == http.StatusUnauthorized || coded(index.CodeUnauthorized)(err) {
		add("oarlock login " + c.askedHost(err) + ", or set " + tokenEnv + " to a token")
	}
	if said != nil {
		for _, fix := range said.Fixes {
			if !strings.HasPrefix(fix, "oarlock login HOST, or") {
				add(fix)
			}
		}
		return out
	}
	for _, fix := range c.unanswered(err) {
		add(fix)
	}
	return out
}

// unreachable reports whether err says that a server gave no answer.
func unreachable(err error) bool {
	if answerIn(err) != nil || errors.Is(err, context.Canceled) {
		return false
	}
	var dialled *net.OpError
	var name *net.DNSError
	var asked *url.Error
	return errors.As(err, &dialled) || errors.As(err, &name) || errors.As(err, &asked) && asked.Op != "parse" || strings.Contains(err.Error(), "connection refused")
}

// unanswered is what to do where a server gave no answer.
func (c *console) unanswered(err error) []string {
	var notTLS tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	said := err.Error()
	switch {
	case errors.As(err, &unknown), errors.As(err, &name), errors.As(err, &invalid), strings.Contains(said, "x509: "):
		return []string{"check the name that you gave; SSL_CERT_FILE names a file with certificates to trust besides those of the system"}
	case errors.As(err, &notTLS), strings.Contains(said, "server gave HTTP response to HTTPS client"):
		return []string{"--plain-http speaks HTTP to it: what is sent can then be read on the way"}
	case isAnswerError(err):
		return []string{"is it a server of oarlock, and of this version? check --server or OARLOCK_SERVER"}
	case !unreachable(err):
		return nil
	}
	host := c.askedHost(err)
	if host == hostOf(c.serverURL()) {
		return []string{"check --server or OARLOCK_SERVER, and that the server runs: oarlock serve starts one"}
	}
	return []string{"check the name of the registry, and that it runs: oarlock serve starts one"}
}

// isAnswerError reports whether err says that an answer is not one of a catalog.
func isAnswerError(err error) bool {
	_, odd := errors.AsType[*client.AnswerError](err)
	return odd
}

// askedHost is the host that err is about, else the server.
func (c *console) askedHost(err error) string {
	var asked *url.Error
	if errors.As(err, &asked) {
		if u, parseErr := url.Parse(asked.URL); parseErr == nil && u.Host != "" {
			return u.Host
		}
	}
	if refused, ok := errors.AsType[*errcode.ErrorResponse](err); ok && refused.URL != nil {
		return refused.URL.Host
	}
	if c.asked != "" {
		return c.asked
	}
	return hostOf(c.serverURL())
}
