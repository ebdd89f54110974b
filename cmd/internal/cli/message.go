package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/registry/remote"
)

// errorResult is an error as --output json shows it, on stderr.
type errorResult struct {
	Error    string   `json:"error"`
	Code     string   `json:"code,omitempty"` // of the server's answer, or codeUsage
	ExitCode int      `json:"exit_code"`
	Fixes    []string `json:"fixes,omitempty"`
	// Detail is what a registry said for programs, as next_patch for a version
	// that is taken.
	Detail any `json:"detail,omitempty"`
	// Hints are changes that make an unsatisfiable request resolve, all together.
	Hints []index.Hint `json:"hints,omitempty"`
	// Legal and Choices are the moves of a plugin that are legal where one was not:
	// those that the caller may make, and all with who may make them.
	Legal   []string       `json:"legal,omitempty"`
	Choices []index.Choice `json:"choices,omitempty"`
	// RequestID names the request in the log of the server.
	RequestID string `json:"request_id,omitempty"`
}

// codeUsage is the code of a command line that cannot be understood.
const codeUsage = "usage"

// printError tells people, or programs, what went wrong.
func (c *console) printError(err error) {
	fixes := c.advice(err)
	if c.output != "json" && c.output != "yaml" {
		said := message(err)
		for _, fix := range fixes {
			if !strings.Contains(said, fix) && !hinted(err) {
				said += "\n  " + fix
			}
		}
		fmt.Fprintf(c.Err, "oarlock: %s\n", indented(said))
		return
	}
	r := errorResult{Error: message(err), ExitCode: exitCode(err), Fixes: fixes}
	if p := answerIn(err); p != nil {
		r.Code = p.Code
	}
	if pushed, ok := errors.AsType[*remote.Error](err); ok {
		r.Detail = pushed.Detail
	}
	if r.Code == "" && errors.Is(err, errUsage) {
		r.Code = codeUsage
	}
	if r.Code == "" && unreachable(err) {
		r.Code = codeUnreachable
	}
	var p *index.Problem
	if errors.As(err, &p) {
		r.Error, r.Code, r.Hints, r.Legal, r.Choices, r.RequestID = text(err), p.Code, p.Hints, p.Legal, p.Choices, p.RequestID
	}
	if raw, jsonErr := asJSON(r); jsonErr == nil {
		_, _ = c.Err.Write(raw)
	}
}

// hinted reports whether err has hints, which say all that its fixes say.
func hinted(err error) bool {
	var p *index.Problem
	return errors.As(err, &p) && len(p.Hints) > 0
}

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
	return text(err)
}

func problemMessage(err error, p *index.Problem) string {
	text := text(err)
	switch {
	case p.Code == index.CodeUnsatisfiable && len(p.Hints) == 0:
		text += "\n  no change of the request is known that would help"
	case len(p.Hints) > 0:
		text += "\n  what would resolve it:"
		for _, h := range p.Hints {
			text += "\n  - " + h.Detail
		}
	}
	if p.RequestID != "" && !strings.Contains(text, p.RequestID) {
		text += "\n  request " + p.RequestID
	}
	return text
}
