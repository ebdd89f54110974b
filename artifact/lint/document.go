package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/pack"
)

// A node is one JSON value and where it stands.
type node struct {
	pointer string // RFC 6901
	start   int    // offset of the value
	key     int    // offset of its key, of a member; else start
	raw     json.RawMessage
	name    string  // of a member
	object  []*node // members, in order
	list    []*node
	isObj   bool
	isList  bool
}

// A document is plugin.json with every value's place.
type document struct {
	raw  []byte
	root *node
	all  map[string]*node // by pointer
}

// maxDepth is the deepest nesting that is looked at, as encoding/json has it.
const maxDepth = 1000

// parse reads raw. A text that is not JSON gives the one problem.
func parse(raw []byte) (*document, *artifact.Problem) {
	d := &document{raw: raw, all: map[string]*node{}}
	if what := artifact.Encoding(raw); what != "" {
		return nil, &artifact.Problem{Place: d.place(0), Detail: what + ", expected UTF-8 without a byte order mark", Fix: "save it again as UTF-8"}
	}
	r := reader{dec: json.NewDecoder(bytes.NewReader(raw)), doc: d}
	root, err := r.value("", 0)
	if err == nil {
		_, trailing := r.dec.Token()
		if !errors.Is(trailing, io.EOF) {
			err = fmt.Errorf("there is more behind the end of the document")
		}
	}
	if err != nil {
		offset := int(r.dec.InputOffset())
		// The decoder and the scanner count differently; the scanner is exact.
		if syntax, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(raw, new(json.RawMessage))); ok {
			offset, err = int(syntax.Offset)-1, syntax
			if strings.HasPrefix(syntax.Error(), "unexpected end") {
				offset++
			}
		}
		return nil, &artifact.Problem{Place: d.place(offset), Detail: "not JSON: " + err.Error(), Fix: "fix the text here or just before"}
	}
	d.root = root
	return d, nil
}

// place is file:line:column of an offset; columns count characters from 1.
func (d *document) place(offset int) string {
	before := string(d.raw[:min(max(offset, 0), len(d.raw))])
	line := strings.Count(before, "\n") + 1
	column := len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1
	return fmt.Sprintf("%s:%d:%d", pack.ManifestFile, line, column)
}

// at is the node of a pointer, or of the nearest one above it that exists.
func (d *document) at(pointer string) *node {
	for {
		if n, ok := d.all[pointer]; ok {
			return n
		}
		i := strings.LastIndexByte(pointer, '/')
		if i < 0 {
			return d.root
		}
		pointer = pointer[:i]
	}
}

type reader struct {
	dec *json.Decoder
	doc *document
}

// next reads one token and says where it begins.
func (r *reader) next() (json.Token, int, error) {
	from := int(r.dec.InputOffset())
	token, err := r.dec.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	start := from
	for start < len(r.doc.raw) && strings.IndexByte(" \t\r\n,:", r.doc.raw[start]) >= 0 {
		start++
	}
	return token, start, err
}

func (r *reader) value(pointer string, depth int) (*node, error) {
	token, start, err := r.next()
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("nested more than %d deep", maxDepth)
	}
	n := &node{pointer: pointer, start: start, key: start}
	r.doc.all[pointer] = n
	switch token {
	case json.Delim('{'):
		n.isObj = true
		err = r.members(n, depth)
	case json.Delim('['):
		n.isList = true
		err = r.items(n, depth)
	}
	n.raw = r.doc.raw[start:r.dec.InputOffset()]
	return n, err
}

func (r *reader) members(n *node, depth int) error {
	for r.dec.More() {
		token, start, err := r.next()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		child, err := r.value(n.pointer+"/"+escape.Replace(name), depth+1)
		if err != nil {
			return err
		}
		child.name, child.key = name, start
		n.object = append(n.object, child)
	}
	_, _, err := r.next()
	return err
}

func (r *reader) items(n *node, depth int) error {
	for r.dec.More() {
		child, err := r.value(fmt.Sprintf("%s/%d", n.pointer, len(n.list)), depth+1)
		if err != nil {
			return err
		}
		n.list = append(n.list, child)
	}
	_, _, err := r.next()
	return err
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")
