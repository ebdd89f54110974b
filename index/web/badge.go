package web

import (
	"bytes"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/oarlock/oarlock/artifact"
)

// badge is a small picture for readmes: the plugin's newest version and whether
// its signature holds. One that the reader may not know of looks like one that
// is not there.
func (s *Site) badge(c echo.Context) error {
	name, ok := strings.CutSuffix(c.Param("name"), ".svg")
	if !ok {
		return echo.ErrNotFound
	}
	label, value, color := "oarlock", "not found", "#6b7280"
	d, err := s.Catalog.Plugin(c.Request().Context(), s.registry(c.Request()), c.Param("publisher")+"/"+name, url.Values{})
	switch {
	case err == nil:
		value, color = "v"+d.Version, "#2563eb"
		if d.Signature.Status == "verified" {
			value, color = value+" ✓ signed", "#15803d"
		}
		if d.State != "active" {
			value, color = string(d.State), "#b45309"
		}
	case !errors.Is(err, artifact.ErrNotFound):
		return err
	}
	b := badgeView{Label: label, Value: value, Color: color, LabelWidth: textWidth(label), ValueWidth: textWidth(value)}
	b.Width = b.LabelWidth + b.ValueWidth
	b.LabelAt, b.ValueAt = b.LabelWidth/2, b.LabelWidth+b.ValueWidth/2
	var buf bytes.Buffer
	if err := badgeTemplate.Execute(&buf, b); err != nil {
		return err
	}
	mayBeKept(c)
	return c.Blob(http.StatusOK, "image/svg+xml", buf.Bytes())
}

type badgeView struct {
	Label, Value, Color                             string
	LabelWidth, ValueWidth, Width, LabelAt, ValueAt int
}

// textWidth estimates the width of text in pixels at the badge's size.
func textWidth(s string) int { return 7*utf8.RuneCountInString(s) + 12 }

var badgeTemplate = template.Must(template.New("badge").Parse(
	`<svg xmlns="http://www.w3.org/2000/svg" width="{{.Width}}" height="20" role="img" aria-label="{{.Label}}: {{.Value}}">` +
		`<title>{{.Label}}: {{.Value}}</title>` +
		`<rect width="{{.Width}}" height="20" rx="4" fill="#374151"/><rect x="{{.LabelWidth}}" width="{{.ValueWidth}}" height="20" rx="4" fill="{{.Color}}"/>` +
		`<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">` +
		`<text x="{{.LabelAt}}" y="14">{{.Label}}</text><text x="{{.ValueAt}}" y="14">{{.Value}}</text></g></svg>`))
