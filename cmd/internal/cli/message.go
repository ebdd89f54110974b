package cli

import (
	"errors"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// message is what people read of err: what came, what was expected, what to do.
func message(err error) string {
	var problems *artifact.ProblemsError
	var answer *index.Problem
	switch {
	case errors.Is(err, errInterrupted):
		return "interrupted"
	case errors.As(err, &answer):
		return problemMessage(err, answer)
	case errors.As(err, &problems):
		lines := []string{strings.TrimSuffix(strings.Replace(err.Error(), problems.Error(), "", 1), ": ")}
		if lines[0] == "" {
			lines = []string{"what came does not follow the rules"}
		}
		for _, p := range problems.Problems {
			lines = append(lines, "  "+p.String())
		}
		return strings.Join(lines, "\n")
	}
	return err.Error()
}

func problemMessage(err error, p *index.Problem) string {
	text := err.Error()
	for _, fix := range p.Fixes {
		if !strings.Contains(text, fix) {
			text += "\n  " + fix
		}
	}
	if p.RequestID != "" && !strings.Contains(text, p.RequestID) {
		text += "\n  request " + p.RequestID
	}
	return text
}
