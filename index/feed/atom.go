package feed

import (
	"bytes"
	"encoding/xml"
	"time"
)

// A document is a page of a feed before it is written in a format.
type document struct {
	base     string // of the site, without a slash at the end
	path     string // of the feed, without ending
	title    string
	about    string
	home     string // path of the page for people
	author   string
	updated  time.Time // of the newest item of the feed
	items    []Item
	next     string // before of the next page; "" on the last
	isFirst  bool
	question string // what the page was asked with
}

// url is that of a path of the site.
func (d document) url(path string) string { return d.base + path }

// page is the URL of the page in a format, and that of the next one.
func (d document) page(ending string) (self, next string) {
	first := d.url(d.path + ending)
	self = first
	if d.question != "" {
		self += "?before=" + d.question
	}
	if d.next != "" {
		next = first + "?before=" + d.next
	}
	return self, next
}

type (
	atomFeed struct {
		XMLName   xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
		ID        string      `xml:"id"`
		Title     string      `xml:"title"`
		Subtitle  string      `xml:"subtitle"`
		Updated   string      `xml:"updated"`
		Author    atomPerson  `xml:"author"`
		Links     []atomLink  `xml:"link"`
		Generator string      `xml:"generator"`
		Entries   []atomEntry `xml:"entry"`
	}
	atomPerson struct {
		Name string `xml:"name"`
	}
	atomLink struct {
		Rel  string `xml:"rel,attr"`
		Type string `xml:"type,attr,omitempty"`
		Href string `xml:"href,attr"`
	}
	atomEntry struct {
		ID         string         `xml:"id"`
		Title      string         `xml:"title"`
		Updated    string         `xml:"updated"`
		Published  string         `xml:"published"`
		Author     atomPerson     `xml:"author"`
		Link       atomLink       `xml:"link"`
		Categories []atomCategory `xml:"category"`
		Summary    atomText       `xml:"summary"`
	}
	atomCategory struct {
		Term string `xml:"term,attr"`
	}
	atomText struct {
		Type string `xml:"type,attr"`
		Text string `xml:",chardata"`
	}
)

const (
	atomEnding, atomType = ".atom", "application/atom+xml"
	jsonEnding, jsonType = ".json", "application/feed+json"
)

// atom writes d as RFC 4287.
func atom(d document) ([]byte, error) {
	self, next := d.page(atomEnding)
	f := atomFeed{
		ID: d.url(d.path + atomEnding), Title: d.title, Subtitle: d.about, Updated: rfc3339(d.updated), Author: atomPerson{d.author}, Generator: "Oarlock",
		Links: []atomLink{{"self", atomType, self}, {"alternate", "text/html", d.url(d.home)}},
	}
	if next != "" {
		f.Links = append(f.Links, atomLink{"next", atomType, next})
	}
	if !d.isFirst {
		f.Links = append(f.Links, atomLink{"first", atomType, d.url(d.path + atomEnding)})
	}
	for _, i := range d.items {
		at := rfc3339(i.At)
		f.Entries = append(f.Entries, atomEntry{
			ID: "urn:uuid:" + i.ID, Title: i.Title, Updated: at, Published: at, Author: atomPerson{i.author()},
			Link:       atomLink{"alternate", "text/html", d.url(i.path())},
			Categories: []atomCategory{{i.Kind}}, Summary: atomText{"text", i.Text},
		})
	}
	var buf bytes.Buffer
	buf.WriteString(xml.Header)
	e := xml.NewEncoder(&buf)
	if err := e.Encode(f); err != nil {
		return nil, err
	}
	buf.WriteByte('\n')
	return buf.Bytes(), e.Close()
}

// author is who did it, and the publisher where that is not said.
func (i Item) author() string {
	if i.By != "" {
		return i.By
	}
	return i.publisher()
}

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
