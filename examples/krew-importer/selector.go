package main

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/oarlock/oarlock/artifact"
)

// universe is every platform that a selector is asked about: what kubectl is
// released for. A selector that names no architecture means all of them; one
// that names both parts means just that platform, known here or not.
var universe = []string{
	"darwin/amd64", "darwin/arm64",
	"linux/386", "linux/amd64", "linux/arm", "linux/arm64", "linux/ppc64le", "linux/s390x",
	"windows/386", "windows/amd64", "windows/arm64",
}

// A selector is a Kubernetes label selector over "os" and "arch".
type selector struct {
	MatchLabels      map[string]label `json:"matchLabels"`
	MatchExpressions []expression     `json:"matchExpressions"`
}

type expression struct {
	Key      string  `json:"key"`
	Operator string  `json:"operator"`
	Values   []label `json:"values"`
}

// A label is text; some entries write 386 as a number.
type label string

// UnmarshalJSON reads a text or a number.
func (l *label) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*l = label(s)
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return fmt.Errorf("label %s: expected a text or a number", b)
	}
	*l = label(n)
	return nil
}

// platforms are those of the universe that s selects; no selector selects all.
func (s *selector) platforms() ([]artifact.Platform, error) {
	if s != nil && len(s.MatchLabels) == 2 && len(s.MatchExpressions) == 0 && s.MatchLabels["os"] != "" && s.MatchLabels["arch"] != "" {
		p, err := artifact.ParsePlatform(string(s.MatchLabels["os"] + "/" + s.MatchLabels["arch"]))
		return []artifact.Platform{p}, err
	}
	var out []artifact.Platform
	for _, text := range universe {
		p, err := artifact.ParsePlatform(text)
		if err != nil {
			return nil, err
		}
		ok, err := s.selects(map[string]string{"os": p.OS(), "arch": p.Arch()})
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, p)
		}
	}
	return out, nil
}

func (s *selector) selects(labels map[string]string) (bool, error) {
	if s == nil {
		return true, nil
	}
	for key, want := range s.MatchLabels {
		if labels[key] != string(want) {
			return false, nil
		}
	}
	for _, e := range s.MatchExpressions {
		have, there := labels[e.Key]
		in := there && slices.Contains(e.Values, label(have))
		switch e.Operator {
		case "In":
			if !in {
				return false, nil
			}
		case "NotIn":
			if in {
				return false, nil
			}
		case "Exists":
			if !there {
				return false, nil
			}
		case "DoesNotExist":
			if there {
				return false, nil
			}
		default:
			return false, fmt.Errorf("selector operator %q is not known", e.Operator)
		}
	}
	return true, nil
}
