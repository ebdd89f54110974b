package artifact_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

type part struct {
	Version string `json:"version"`
}

// Part is embedded, and its field has its own name.
type Part struct {
	Part string `json:"part"`
	More *part  `json:"more,omitempty"`
}

type answered struct {
	Part
	Count   int               `json:"count"`
	Items   []part            `json:"items"`
	Names   map[string]string `json:"names"`
	At      time.Time         `json:"at"`
	Before  *string           `json:"before"`
	Any     any               `json:"any"`
	Raw     json.RawMessage   `json:"raw"`
	Absent  string            `json:"absent,omitempty"`
	Allowed string            `json:"allowed" required:"false"`
}

// Proves L2: a zero value of an answer is one that was said.
func TestAnAnswerThatLacksWhatItMustHaveIsRefused_L2(t *testing.T) {
	t.Parallel()
	whole := map[string]any{
		"part": "p", "count": 0, "items": []any{map[string]any{"version": ""}}, "names": map[string]any{"a": ""},
		"at": "2026-01-02T03:04:05Z", "before": nil, "any": nil, "raw": nil, "unknown": 1,
	}
	try := func(name string, change map[string]any, without, want string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given := map[string]any{}
			for key, value := range whole {
				if key != without {
					given[key] = value
				}
			}
			for key, value := range change {
				given[key] = value
			}
			raw, err := json.Marshal(given)
			if err != nil {
				t.Fatal(err)
			}
			switch err := artifact.UnmarshalComplete(raw, new(answered)); {
			case want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case want != "" && (!errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), want)):
				t.Errorf("got %v, expected an invalid that says %q", err, want)
			}
		})
	}
	try("whole", nil, "", "")
	for key := range whole {
		if key != "unknown" {
			try(key+" is missing", nil, key, `"`+key+`" is missing`)
		}
	}
	for key, kind := range map[string]string{"part": "a text", "count": "a number", "items": "a list", "names": "an object", "at": "a time"} {
		try(key+" is null", map[string]any{key: nil}, "", "/"+key+": null came, expected "+kind)
	}
	try("what may be absent is null", map[string]any{"absent": nil, "allowed": nil, "more": nil}, "", "")
	try("what may be absent is incomplete", map[string]any{"more": map[string]any{}}, "", `/more: "version" is missing`)
	try("a time is none", map[string]any{"at": "today"}, "", `/at: "today" came, expected a time`)
	try("a time is an object", map[string]any{"at": map[string]any{"a": 1}}, "", `/at: {"a":1} came, expected a time`)
	try("a list is an object", map[string]any{"items": map[string]any{}}, "", `/items: an object came, expected a list`)
	try("a field of an embedded struct is a number", map[string]any{"part": 7}, "", `/part: a number came, expected a text`)
	try("a number has a fraction", map[string]any{"count": 1.5}, "", `/count: number 1.5 came, expected a number`)
	try("an element is null", map[string]any{"items": []any{nil}}, "", "/items/0: null came, expected an object")
	try("an element is incomplete", map[string]any{"items": []any{map[string]any{"Version": ""}}}, "", `"Version", expected "version"`)
	try("a member is null", map[string]any{"names": map[string]any{"a": nil}}, "", "/names/a: null came, expected a text")
	if err := artifact.UnmarshalComplete([]byte("null"), new(answered)); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("null: %v", err)
	}
	if err := artifact.UnmarshalComplete([]byte(`{"version":"\ud800"}{}`), new(part)); err == nil {
		t.Error("two values were taken for one")
	}
}
