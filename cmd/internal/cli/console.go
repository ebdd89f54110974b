package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

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
	plainTold bool            // --plain-http came, true or false
	tls       map[string]bool // loopback hosts by whether they speak TLS
	tokenHost string          // whom OARLOCK_TOKEN is for, where a server was named
	signed    signedFlags
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
	var buf bytes.Buffer
	if err := c.render(&buf, r); err != nil {
		return err
	}
	_, err := c.Out.Write(buf.Bytes())
	return err
}

func (c *console) render(w io.Writer, r result) error {
	switch c.output {
	case "json":
		return encodeJSON(w, r)
	case "yaml":
		return encodeYAML(w, r)
	}
	return r.text(w)
}

func encodeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// encodeYAML goes through JSON, so that keys and their order are the same.
func encodeYAML(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var n yaml.Node
	if err := yaml.Unmarshal(b, &n); err != nil {
		return err
	}
	block(&n)
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(&n); err != nil {
		return err
	}
	return e.Close()
}

func block(n *yaml.Node) {
	n.Style = 0
	for _, child := range n.Content {
		block(child)
	}
}

// note tells people something beside the result.
func (c *console) note(format string, args ...any) {
	if !c.quiet {
		fmt.Fprintf(c.Err, format+"\n", args...)
	}
}

// terminal reports whether stderr is one that moves its cursor, so that
// progress may be drawn.
func (c *console) terminal() bool {
	f, ok := c.Err.(*os.File)
	return ok && !c.quiet && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// table writes aligned columns.
func table(w io.Writer, fill func(row func(cells ...string))) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fill(func(cells ...string) {
		for i, cell := range cells {
			if i > 0 {
				io.WriteString(t, "\t")
			}
			io.WriteString(t, cell)
		}
		io.WriteString(t, "\n")
	})
	return t.Flush()
}

// sentence writes one line of text.
func sentence(w io.Writer, format string, args ...any) error {
	_, err := fmt.Fprintf(w, format+"\n", args...)
	return err
}
