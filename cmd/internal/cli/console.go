package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
	"golang.org/x/term"
)

// A result is what a verb found. It is marshalled for json and yaml, and says
// itself in text to people.
type result interface {
	text(w io.Writer) error
}

// console is one invocation: its streams and the flags that every verb has.
type console struct {
	Streams
	version   string
	output    string
	quiet     bool
	server    string
	plainHTTP bool
	typed     []string        // the command line
	plainTold bool            // --plain-http came, true or false
	tls       map[string]bool // loopback hosts by whether they speak TLS
	tokenHost string          // whom OARLOCK_TOKEN is for, where a server was named
	signed    signedFlags

	tokenSettled bool   // the verb has said whom OARLOCK_TOKEN is for: others get stored logins
	asked        string // the registry of the reference that the command line names
	recalled     bool   // a store, not the command line, named the server or the catalog
}

func (c *console) flags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVar(&c.output, "output", "text", "result as text, json or yaml")
	f.BoolVarP(&c.quiet, "quiet", "q", false, "print results and errors only")
	f.StringVar(&c.server, "server", os.Getenv("OARLOCK_SERVER"), "`URL` of the catalog, also from OARLOCK_SERVER")
	f.BoolVar(&c.plainHTTP, "plain-http", false, "speak HTTP without TLS; --plain-http=false speaks TLS to loopback addresses too, which are tried otherwise")
}

// print writes r to stdout as --output asks.
func (c *console) print(r result) error {
	raw, err := c.render(r)
	if err != nil {
		return err
	}
	_, err = c.Out.Write(raw)
	return err
}

func (c *console) render(r result) ([]byte, error) {
	switch c.output {
	case "json":
		return asJSON(r)
	case "yaml":
		return asYAML(r)
	}
	p := &page{columns: c.columns()}
	err := r.text(p)
	return []byte(lines(p.String())), err
}

func asJSON(v any) ([]byte, error) {
	raw, err := plainJSON(v)
	return escaped(raw, false), err
}

func plainJSON(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return out.Bytes(), err
}

func encodeJSON(w io.Writer, v any) error { return write(w, v, asJSON) }
func encodeYAML(w io.Writer, v any) error { return write(w, v, asYAML) }

func write(w io.Writer, v any, as func(any) ([]byte, error)) error {
	raw, err := as(v)
	if err != nil {
		return err
	}
	_, err = w.Write(raw)
	return err
}

// asYAML goes through JSON, so that keys and their order are the same.
func asYAML(v any) ([]byte, error) {
	raw, err := plainJSON(v)
	if err != nil {
		return nil, err
	}
	var n yaml.Node
	if err := yaml.Unmarshal(escaped(raw, true), &n); err != nil {
		return nil, err
	}
	block(&n)
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(&n); err != nil {
		return nil, err
	}
	err = e.Close()
	return escaped(out.Bytes(), true), err
}

// block chooses YAML's plain styles, and quotes for what escaped will escape.
func block(n *yaml.Node) {
	n.Style = 0
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" && strings.ContainsFunc(n.Value, func(r rune) bool { return r != '\n' && steers(r) }) {
		n.Style = yaml.DoubleQuotedStyle
	}
	for _, child := range n.Content {
		block(child)
	}
}

// note tells people something beside the result.
func (c *console) note(format string, args ...any) {
	if !c.quiet {
		fmt.Fprintf(c.Err, format+"\n", cells(args)...)
	}
}

// columns is how wide stdout is, 0 where it is no terminal.
func (c *console) columns() int {
	f, ok := c.Out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// terminal reports whether stderr is one that moves its cursor, so that
// progress may be drawn.
func (c *console) terminal() bool {
	f, ok := c.Err.(*os.File)
	return ok && !c.quiet && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}
