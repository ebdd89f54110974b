package feed

import (
	"bytes"
	"encoding/json"
)

// jsonVersion names the format.
const jsonVersion = "https://jsonfeed.org/version/1.1"

type (
	jsonFeed struct {
		Version     string       `json:"version"`
		Title       string       `json:"title"`
		HomePageURL string       `json:"home_page_url"`
		FeedURL     string       `json:"feed_url"`
		Description string       `json:"description"`
		NextURL     string       `json:"next_url,omitempty"`
		Authors     []jsonAuthor `json:"authors"`
		Items       []jsonItem   `json:"items"`
	}
	jsonAuthor struct {
		Name string `json:"name"`
	}
	jsonItem struct {
		ID            string       `json:"id"`
		URL           string       `json:"url"`
		Title         string       `json:"title"`
		ContentText   string       `json:"content_text"`
		DatePublished string       `json:"date_published"`
		Authors       []jsonAuthor `json:"authors"`
		Tags          []string     `json:"tags"`
		// Oarlock says the same for programs; the format leaves names that begin
		// with "_" to whoever writes the feed.
		Oarlock jsonAbout `json:"_oarlock"`
	}
	jsonAbout struct {
		Kind    string `json:"kind"`
		Plugin  string `json:"plugin"`
		Version string `json:"version,omitempty"`
	}
)

// jsonOf writes d as JSON Feed 1.1.
func jsonOf(d document) ([]byte, error) {
	self, next := d.page(jsonEnding)
	f := jsonFeed{Version: jsonVersion, Title: d.title, HomePageURL: d.url(d.home), FeedURL: self, Description: d.about, NextURL: next,
		Authors: []jsonAuthor{{d.author}}, Items: []jsonItem{}}
	for _, i := range d.items {
		f.Items = append(f.Items, jsonItem{ID: "urn:uuid:" + i.ID, URL: d.url(i.path()), Title: i.Title, ContentText: i.Text, DatePublished: rfc3339(i.At),
			Authors: []jsonAuthor{{i.author()}}, Tags: []string{i.Kind}, Oarlock: jsonAbout{i.Kind, i.Plugin, i.Version}})
	}
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	err := e.Encode(f)
	return buf.Bytes(), err
}
