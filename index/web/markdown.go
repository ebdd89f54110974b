package web

import (
	"bytes"
	"html/template"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

const (
	maxReadme  = 256 << 10 // what is longer is not rendered at all
	readmePart = 60 << 10  // what is shown before "read on"
)

var (
	reader = goldmark.New(goldmark.WithExtensions(extension.GFM))
	// allowed is what may be left of a publisher's text: no scripts, no
	// pictures, no forms, nothing that names or styles an element.
	allowed = readmePolicy()
)

func readmePolicy() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "blockquote", "pre", "code", "em", "strong", "del", "s",
		"ul", "ol", "li", "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "sub", "sup", "kbd", "details", "summary")
	p.AllowAttrs("align").Matching(regexp.MustCompile(`^(left|center|right)$`)).OnElements("th", "td")
	p.AllowAttrs("href").OnElements("a")
	p.AllowURLSchemes("http", "https", "mailto")
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(false)
	return p
}

// markdown is text as HTML that cannot do anything to the page, cut where it is
// long unless all is asked for.
func markdown(text string, all bool) (_ template.HTML, cut bool) {
	if len(text) > maxReadme {
		text, cut = text[:maxReadme], true
	}
	if !all && len(text) > readmePart {
		text, cut = text[:readmePart], true
	}
	if cut {
		for len(text) > 0 && !utf8.ValidString(text[max(0, len(text)-utf8.UTFMax):]) {
			text = text[:len(text)-1]
		}
		if i := strings.LastIndexByte(text, '\n'); i > 0 {
			text = text[:i]
		}
	}
	var buf bytes.Buffer
	if err := reader.Convert([]byte(text), &buf); err != nil {
		return template.HTML(template.HTMLEscapeString(text)), cut // escaped
	}
	clean := allowed.SanitizeReader(&buf).String()
	clean = strings.ReplaceAll(clean, "<a href=", `<a rel="nofollow ugc noopener" href=`)
	clean = demote(clean)
	return template.HTML(clean), cut // only what readmePolicy lets through
}

var heading = regexp.MustCompile(`<(/?)h([1-6])>`)

// demote makes headings of a readme two levels lower: the page has its own
// first two.
func demote(html string) string {
	return heading.ReplaceAllStringFunc(html, func(tag string) string {
		m := heading.FindStringSubmatch(tag)
		return "<" + m[1] + "h" + string(min(m[2][0]+2, '6')) + ">"
	})
}
